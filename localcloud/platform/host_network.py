"""The network that the hosts of one training job meet on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from localcloud.platform.failure import JobFailure
from localcloud.platform.namespace import Namespace, NamespaceError


@contextmanager
def host_network(hosts: int) -> Iterator[tuple[int, ...]]:
    """The descriptors of a namespace for `hosts` hosts; () for a single host, which listens to nobody.

    Raises JobFailure where this machine gives none: the hosts would listen on all its addresses.
    """
    if hosts == 1:
        yield ()
        return
    try:
        namespace = Namespace()
    except NamespaceError as error:
        raise JobFailure(
            f"ClientError: Training on {hosts} instances is not possible on this machine: its hosts would listen on "
            "every network address, and a network of their own, with loopback alone, cannot be made for them "
            f"({error}). Let users make namespaces (Linux; sysctl kernel.unprivileged_userns_clone=1, "
            "kernel.apparmor_restrict_unprivileged_userns=0; in a container, a seccomp profile that allows unshare), "
            "or train on one instance here."
        ) from None
    with namespace:
        yield namespace.descriptors
