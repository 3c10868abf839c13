"""Whether a port is listened on, told by asking it."""

from __future__ import annotations

import socket

from localcloud.port import listens


def test_a_port_listens_until_it_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert listens(port)
    assert not listens(port)
