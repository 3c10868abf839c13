"""A network namespace that has only loopback, for programs that listen on every address of their machine.

xgboost's collective listens on 0.0.0.0. Inside the namespace that is 127.0.0.1: nobody outside can reach the
hosts of a training job, and they can reach nobody but one another. Linux alone has it, where users may make
namespaces of their own.

`python -m localcloud.jobs.process.namespace` holds a new namespace until its standard input ends: it writes "ready", or
why it cannot. `python -m localcloud.jobs.process.namespace USER NET MODULE` runs a module in one, with a lifeline: USER
and NET are descriptors of a `Namespace`.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from localcloud.jobs.events import JobFailure
from localcloud.jobs.process import lifeline
from localcloud.jobs.process.program import program_environment
from training.model.inspection.limits import leave_network

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of <sched.h>
_SET_FLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS of <linux/sockios.h>, IFF_UP of <net/if.h>
_READY = "ready"


class NamespaceError(Exception):
    """This machine gives no network namespace; the message says why."""


class Namespace:
    """A network namespace with loopback alone, and the user namespace that owns it, as two open descriptors.

    It lives as long as a process is in it or the descriptors are open. Raises NamespaceError.
    """

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise NamespaceError(f"only Linux has network namespaces, this is {sys.platform}")
        holder = subprocess.Popen(
            [sys.executable, "-P", "-m", "localcloud.jobs.process.namespace"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=program_environment({}),
            encoding="utf-8",
            errors="replace",
        )
        assert holder.stdin is not None and holder.stdout is not None
        with holder.stdin, holder.stdout:
            line = holder.stdout.readline().strip()
            if line != _READY:
                holder.wait()
                raise NamespaceError(line or f"the program that makes it ended with code {holder.returncode}")
            places = (f"/proc/{holder.pid}/ns/user", f"/proc/{holder.pid}/ns/net")
            try:
                self.descriptors = tuple(os.open(place, os.O_RDONLY | os.O_CLOEXEC) for place in places)
            except OSError as error:
                raise NamespaceError(f"{error.filename}: {error.strerror}") from None
        holder.wait()

    def __enter__(self) -> Namespace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


def enter(user: int, net: int) -> None:
    """Move this process, which must have one thread, into a namespace. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    for descriptor, kind in ((user, _NEW_USER), (net, _NEW_NET)):
        if libc.setns(descriptor, kind) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        os.close(descriptor)


def _unshare() -> None:
    """Give this process a namespace of its own, with the loopback interface up. Raises OSError."""
    leave_network()
    import fcntl  # not on Windows, where this module can be imported all the same

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))


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


def _hold() -> None:
    """Hold a namespace until the parent has taken it, or is gone."""
    try:
        _unshare()
    except OSError as error:
        print(f"{error.filename or 'network'}: {error.strerror}", flush=True)  # noqa: T201  the parent reads it
        sys.exit(1)
    print(_READY, flush=True)  # noqa: T201
    sys.stdin.read()


def main() -> None:
    """Hold a new namespace; with arguments, join one (before any thread), then do what lifeline does."""
    if len(sys.argv) == 1:
        _hold()
    else:
        enter(*map(int, sys.argv[1:3]))
        del sys.argv[1:3]
        lifeline.main()


if __name__ == "__main__":
    main()
