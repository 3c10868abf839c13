"""Clients of a local cloud that the tests of a process share, with their connections.

The product makes a client where it needs one, as a user's process makes it once. A test process runs hundreds of
commands: making a client takes 10 ms of CPU there, and its connection 5 ms more there and in the server. What a client
is made of is in its key, so another account, region, certificate or server gets another one. Clients of anything but a
local cloud, and of credentials that are renewed, are made as ever; those of programs that a test starts, too.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch

from botocore.credentials import Credentials
from botocore.endpoint import EndpointCreator
from botocore.httpsession import URLLib3Session
from botocore.session import Session

_LOOPBACK = "https://127.0.0.1:"
_SERVERS, _CLIENTS = 16, 128
"""As many are kept, those that were used last: servers come and go."""


class _Kept:
    """What was made for a key, the last ones of them."""

    def __init__(self, count: int, discard: Callable[[Any], None] = lambda _: None) -> None:
        self._count, self._discard, self._lock = count, discard, Lock()
        self._made: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            self._made[key] = made
            while len(self._made) > self._count:
                self._discard(self._made.popitem(last=False)[1])
        return made

    def clear(self) -> None:
        with self._lock:
            while self._made:
                self._discard(self._made.popitem()[1])


@contextmanager
def shared_clients() -> Iterator[None]:
    """Clients of this process that are made of the same are one, and all clients of a server use its connections."""
    connections, clients = _Kept(_SERVERS, URLLib3Session.close), _Kept(_CLIENTS)
    make_endpoint: Any = EndpointCreator.create_endpoint
    make_client: Any = Session.create_client

    def create_endpoint(self: Any, service_model: Any, region_name: str, endpoint_url: str, **given: Any) -> Any:
        if endpoint_url.startswith(_LOOPBACK) and "http_session_cls" not in given:
            given["http_session_cls"] = lambda **how: connections.get(
                (endpoint_url, repr(sorted(how.items())), _version(how["verify"])), lambda: URLLib3Session(**how)
            )
        return make_endpoint(self, service_model, region_name, endpoint_url, **given)

    def create_client(self: Any, service_name: str, *places: Any, **given: Any) -> Any:
        def make() -> Any:
            return make_client(self, service_name, *places, **given)

        key = None if places else _key(self, given)
        return make() if key is None else clients.get((service_name, key), make)

    with (
        patch.object(EndpointCreator, "create_endpoint", create_endpoint),
        patch.object(Session, "create_client", create_client),
    ):
        try:
            yield
        finally:
            clients.clear()
            connections.clear()


@contextmanager
def handled(client: Any, event: str, handler: Callable[..., Any]) -> Iterator[None]:
    """Let a handler see a client's event first, while the block runs: other tests may get the same client."""
    client.meta.events.register_first(event, handler)
    try:
        yield
    finally:
        client.meta.events.unregister(event, handler)


def _key(session: Any, given: dict[str, Any]) -> tuple[Any, ...] | None:
    """All that a client is made of; None for one that is not shared."""
    url = given.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL", "")
    configs = (session.get_default_client_config(), given.get("config"))
    if not url.startswith(_LOOPBACK) or any(config and config.signature_version for config in configs):
        return None
    owner: tuple[Any, ...] = ()
    if not given.get("aws_access_key_id"):
        found: Any = session.get_credentials()
        if type(found) is not Credentials:
            return None
        owner = tuple(sorted(vars(found).items()))
    return (
        *(repr(sorted(vars(config).items())) if config else "" for config in configs),
        *(repr(sorted((name, value) for name, value in given.items() if name != "config")),),
        *(owner, session.user_agent(), repr(session.instance_variables()), repr(session.get_scoped_config())),
        *sorted((name, value) for name, value in os.environ.items() if "AWS" in name or "PROXY" in name.upper()),
        *(_version(given.get("verify") or os.environ.get("AWS_CA_BUNDLE")),),
    )


def _version(verify: Any) -> tuple[Any, ...]:
    """Which content a file of certificates has."""
    try:
        state = Path(verify).stat() if isinstance(verify, str) else None
    except OSError:
        state = None
    return (verify, *((state.st_ino, state.st_mtime_ns) if state else ()))
