"""The running server of a state folder: its lock, its port, its status, and what its services are given of it.

One server a folder: the kernel takes the lock back from a process that was killed. The port is taken before anything
else, so that nobody takes it in between. The status is read over TLS with nothing but the standard library.
"""

from __future__ import annotations

import asyncio
import fcntl
import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from kickstand.errors import KickstandError, Problem
from localcloud.clients.environment import client_environment
from localcloud.clock import Clock
from localcloud.state import StateFolder

_ATTEMPTS = 10
"""`holder` takes the lock too, for an instant: one refusal does not mean that a server has it."""


class ServerLock:
    """An exclusive lock on a file, held as long as this process lives. The file tells its holder's pid.

    `flock` belongs to the open file and not to the pid, so a stale file of a killed server locks nothing and a
    reused pid is never mistaken for a server.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False where another server has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        else:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> ServerLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(path: Path) -> int | None:
    """The pid of the process that holds the lock now; None where none does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).strip()
        return int(text) if text else None
    finally:
        os.close(descriptor)
    return None


CUSTOMARY = 4566
"""Where people expect an AWS on the laptop."""
_TRIED = 100
"""Ports, one after the other, before any free one is taken."""


def bind(state: StateFolder, wanted: int | None) -> socket.socket:
    """A listening socket on 127.0.0.1.

    wanted: a port; 0 for any free one; None for the usual one, and where another program has that, the next free one.

    Raises KickstandError where the wanted port is taken.
    """
    if wanted is not None:
        return _listen(wanted)
    first = usual(state)
    for port in range(first, min(first + _TRIED, 65536)):
        try:
            return _listen(port)
        except KickstandError:
            continue
    return _listen(0)


def usual(state: StateFolder) -> int:
    """The port of the last start, else 4566."""
    try:
        remembered = int(state.port.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return CUSTOMARY
    return remembered if 0 < remembered < 65536 else CUSTOMARY


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # At once: two sockets may be bound to one port as long as neither listens.
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise KickstandError(
            Problem(
                f"Port {port} of 127.0.0.1 cannot be used: {reason}.",
                fix="End the program that has it, or choose another: kickstand local start --port N",
            )
        ) from error
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def listens(port: int) -> bool:
    """Whether anybody accepts connections on a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


STATUS = "/_kickstand/status"
SAVE = "/_kickstand/save"
"""Saves now, and answers as STATUS does."""
KEYS = "/_kickstand/keys/"
"""Followed by the ARN of a KMS key that is to be there."""


def request_status(url: str, ca: Path, token: str, *, path: str = STATUS, timeout: float = 10.0) -> dict[str, Any]:
    """What the server answers at one of its own paths.

    Raises OSError where it cannot be reached, and ValueError where what answers is not our server.
    """
    place = urlsplit(url)
    context = ssl.create_default_context(cafile=str(ca))
    connection = http.client.HTTPSConnection(place.hostname or "", place.port, timeout=timeout, context=context)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise ValueError(f"{url} does not answer as the local cloud does: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"{url} answered {answer.status}: it is not this folder's local cloud")
    status: dict[str, Any] = json.loads(body)
    return status


def healthy(url: str, ca: Path, token: str) -> bool:
    """Whether the server answers."""
    try:
        request_status(url, ca, token)
    except (OSError, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class ServerContext:
    """Given to `install` and `resume` of a service."""

    state: StateFolder
    url: str
    """`https://127.0.0.1:PORT`"""
    port: int
    ca: Path
    loop: Callable[[], asyncio.AbstractEventLoop]
    """The loop that serves requests. Raises RuntimeError before it runs (in `install`)."""
    clock: Clock

    def process_environment(
        self, region: str, *, access_key_id: str, secret_access_key: str, session_token: str
    ) -> Mapping[str, str]:
        """The AWS_* variables that point a child process at this server with temporary credentials."""
        environment = client_environment(
            self.url, self.ca, access_key_id=access_key_id, secret_access_key=secret_access_key, region=region
        )
        environment["AWS_SESSION_TOKEN"] = session_token
        return environment
