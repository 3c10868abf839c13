"""One server a state folder, on the port that it had before."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kickstand.errors import KickstandError
from localcloud.server import running as ports
from localcloud.server.running import ServerLock, bind, holder, listens, usual
from localcloud.state import StateFolder


def test_a_port_listens_until_it_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert listens(port)
    assert not listens(port)


def folder(path: Path, remembered: str = "") -> StateFolder:
    state = StateFolder(path)
    state.create()
    if remembered:
        state.port.write_text(remembered)
    return state


@pytest.mark.parametrize("remembers", [True, False])
def test_where_another_program_has_the_usual_port_the_next_free_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembers: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        if not remembers:
            monkeypatch.setattr(ports, "CUSTOMARY", taken)
        state = folder(tmp_path, str(taken) if remembers else "")
        with bind(state, None) as listener:
            found = listener.getsockname()[1]
        assert usual(state) == taken
        assert taken < found <= taken + 100
        with pytest.raises(KickstandError, match=rf"Port {taken} of 127\.0\.0\.1 cannot be used"):
            bind(state, taken)


@pytest.mark.parametrize("text", ["", "x", "0", "70000"])
def test_a_port_that_nobody_remembers_is_4566(tmp_path: Path, text: str) -> None:
    assert usual(folder(tmp_path, text)) == 4566


def test_second_is_refused_and_the_holder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "server.lock"
    assert holder(path) is None
    with ServerLock(path) as first, ServerLock(path) as second:
        assert first.acquire()
        assert not second.acquire()
        assert holder(path) == os.getpid()
    assert holder(path) is None


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "server.lock"
    program = f"""
from pathlib import Path
from localcloud.server.running import ServerLock
lock = ServerLock(Path({str(path)!r}))
print(lock.acquire(), flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert holder(path) == process.pid
        process.kill()
    assert holder(path) is None
    assert path.read_text() == f"{process.pid}\n"
    with ServerLock(path) as next_one:
        assert next_one.acquire()
