"""A test run that is interrupted ends within seconds, on a summary, and leaves no process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
TEST = """
import subprocess, sys, time
from pathlib import Path

def test_that_takes_long() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path("pid.tmp").write_text(str(process.pid))
    Path("pid.tmp").rename("pid")
    try:
        time.sleep(600)
    finally:
        Path("ended").touch()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_and_what_it_started(tmp_path: Path, number: int) -> None:
    """Given a run in the background of a script, whose shell has SIGINT ignored; when it gets one signal."""
    (tmp_path / "conftest.py").write_text(
        "from run_end import pytest_configure, pytest_keyboard_interrupt  # noqa: F401\n"
    )
    (tmp_path / "test_long.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.Popen(
        ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command],
        cwd=tmp_path,
        env={
            **{n: v for n, v in os.environ.items() if not n.startswith("PYTEST_")},
            "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS / 'kit'}",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "pid").exists() and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        started = int((tmp_path / "pid").read_text())
        run.send_signal(number)
        said, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == pytest.ExitCode.INTERRUPTED, said
    assert "KeyboardInterrupt" in said and said.splitlines()[-1].strip("= ").startswith("no tests ran in "), said
    assert (tmp_path / "ended").exists()
    assert not is_running(started)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not collected by its parent yet (Z) does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, encoding="utf-8").stdout.strip()
    return state not in ("", "Z", "Zs")
