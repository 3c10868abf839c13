"""A child that shares the terminal gets Ctrl-C too, and its last words are waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kickstand.programs import run_child, sigint_not_ignored

PARENT = """
import sys
from kickstand.programs import run_child
try:
    run_child([sys.executable, "-c", sys.argv[1]])
except KeyboardInterrupt:
    print("parent goes on", flush=True)
"""

CHILD = """
import time
try:
    print("child runs", flush=True)
    time.sleep(30)
except KeyboardInterrupt:
    time.sleep(0.5)
    print("child has cleaned up", flush=True)
"""


def test_the_exit_code_and_the_folder_are_the_childs(tmp_path: Path) -> None:
    assert run_child([sys.executable, "-c", "open('here', 'w'); raise SystemExit(3)"], cwd=tmp_path) == 3
    assert (tmp_path / "here").exists()


def test_an_interrupted_child_may_say_what_it_leaves_behind() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True, process_group=0)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "child runs\n"
    os.killpg(parent.pid, signal.SIGINT)
    out, _ = parent.communicate(timeout=20)
    assert out.splitlines() == ["child has cleaned up", "parent goes on"]


def test_a_child_that_ctrl_c_ended_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        run_child(
            [sys.executable, "-c", "import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), 2)"]
        )


def test_sigterm_reaches_the_child_and_ends_both() -> None:
    child = "import os, time; print(os.getpid(), flush=True); time.sleep(30)"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.terminate()
    out, _ = parent.communicate(timeout=20)
    assert (out, parent.returncode) == ("", 128 + signal.SIGTERM)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.default_int_handler])
def test_a_child_is_interrupted_also_where_its_parent_ignores_sigint(handler: signal.Handlers) -> None:
    """As a command does that a script starts with `&`; it goes on ignoring it."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        with sigint_not_ignored():
            child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
        assert signal.getsignal(signal.SIGINT) is handler
        assert child.stdout is not None
        assert child.stdout.readline() == "child runs\n"
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)
    finally:
        signal.signal(signal.SIGINT, before)
    assert out == "child has cleaned up\n"
