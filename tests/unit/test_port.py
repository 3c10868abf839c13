"""Whether a port is listened on, told by asking it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kickstand.errors import KickstandError
from localcloud import port as ports
from localcloud.port import bind, listens, usual
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
