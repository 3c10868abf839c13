"""HTTP to a program of our own over a Unix socket that nobody but this user can open.

A port of 127.0.0.1 answers every user of the machine. A socket in a folder of mode 0700 answers its owner alone.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

NAME = "http.sock"


class SocketFolder:
    """The folder of a program's socket, closed to other users; the program binds NAME in it by that bare name.

    folder: made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        # A socket's address has 108 bytes, fewer than a path may have; through the descriptor it is always short.
        linux = sys.platform.startswith("linux")
        self.address = f"/proc/self/fd/{self._descriptor}/{NAME}" if linux else str(folder / NAME)

    def pool(self, connections: int, retries: urllib3.Retry) -> urllib3.HTTPConnectionPool:
        """Connections to the program, of which so many are kept open."""
        return _Pool("localhost", maxsize=connections, block=False, retries=retries, address=self.address)

    def close(self) -> None:
        """Give the descriptor back. The folder stays; a second call changes nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class _Connection(HTTPConnection):
    """urllib3's own connection, over a Unix socket."""

    default_socket_options = ()

    def __init__(self, *arguments: Any, address: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._address = address

    def _new_conn(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
            made.connect(self._address)
        except OSError as error:
            made.close()
            raise NewConnectionError(self, f"the program does not listen: {error.strerror or error}") from error
        return made


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection  # type: ignore[assignment]
