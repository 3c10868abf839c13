"""Hosts of one job tell one another what they have, before any of them trains.

The first host listens, every other one connects, says its word and hears everybody's. The container does this
with a collective of its own that it throws away afterwards; a plain exchange needs no retries with a wait of
seconds, no pickle, and works with every version of xgboost.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.container.errors import PlatformError

_PATIENCE = 900.0
"""Seconds for all hosts to come up; as long as the container waits for their names to be known."""
_RETRY = 0.05

Words = Mapping[str, Any]


def roll_call(
    host: str,
    hosts: Sequence[str],
    address: tuple[str, int],
    word: Words,
    *,
    announcement: Callable[[], Words] = dict,
    patience: float = _PATIENCE,
) -> tuple[dict[str, Words], Words]:
    """What every host has to say, by host in the order of `hosts`, and the first host's announcement.

    host:         this host, one of `hosts`.
    address:      where the first of `hosts` listens for the others.
    word:         what this host says; JSON.
    announcement: asked on the first host alone, once everybody is there.
    patience:     seconds until a host that does not appear is given up. Raises PlatformError.
    """
    deadline = time.monotonic() + patience
    try:
        if host == hosts[0]:
            return _lead(host, hosts, address, word, announcement, deadline)
        return _follow(host, hosts[0], address, word, deadline)
    except TimeoutError:
        raise PlatformError(f"Host {host} waited {patience:g} s for the other hosts of the job") from None


def _lead(
    host: str,
    hosts: Sequence[str],
    address: tuple[str, int],
    word: Words,
    announcement: Callable[[], Words],
    deadline: float,
) -> tuple[dict[str, Words], Words]:
    said: dict[str, Words] = {host: word}
    waiting: list[socket.socket] = []
    with socket.create_server(address, backlog=len(hosts)) as server:
        while len(said) < len(hosts):
            server.settimeout(_left(deadline))
            connection, _ = server.accept()
            connection.settimeout(_left(deadline))
            name, their_word = _read(connection)
            said[str(name)] = their_word
            waiting.append(connection)
        everybody = {name: said[name] for name in hosts}
        announced = announcement()
        for connection in waiting:
            with connection:
                _write(connection, [everybody, announced])
    return everybody, announced


def _follow(
    host: str, leader: str, address: tuple[str, int], word: Words, deadline: float
) -> tuple[dict[str, Words], Words]:
    while True:
        try:
            connection = socket.create_connection(address, timeout=_left(deadline))
            break
        except ConnectionRefusedError:
            _left(deadline)
            time.sleep(_RETRY)  # the first host is not that far yet
    try:
        with connection:
            _write(connection, [host, word])
            everybody, announced = _read(connection)
    except (ConnectionError, ValueError):
        raise PlatformError(f"Host {host} lost host {leader} before training began") from None
    return dict(everybody), announced


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _write(connection: socket.socket, message: list[Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _read(connection: socket.socket) -> tuple[Any, Any]:
    with connection.makefile("rb") as lines:
        first, second = json.loads(lines.readline())
    return first, second
