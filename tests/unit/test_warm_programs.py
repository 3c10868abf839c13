"""A forked program is as one that is started: streams, folder, variables, descriptors, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from warm_programs import MARK, WarmProcess, _start

from localcloud.jobs.process.program import program_environment

SAYS = """\
import os, sys
print(sys.argv[1:], os.getcwd(), sorted(os.environ.items()), os.getsid(0) == os.getpid(), sys.stdin.read())
print("to the other", file=sys.stderr)
os.write(int(sys.argv[1]), b"passed")
sys.exit(3)
"""


def start(starts: Any, folder: Path, module: str, *words: str, **how: Any) -> Any:
    (folder / "says.py").write_text(SAYS)
    settings: Mapping[str, str] = {"PYTHONPATH": str(folder), **how.pop("more", {})}
    given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **how}
    environment = {**program_environment({}), **settings}
    return starts([sys.executable, "-P", "-m", module, *words], cwd=folder, env=environment, **given)


def whole(starts: Any, folder: Path, **how: Any) -> tuple[int, bytes, bytes]:
    """The exit code, what a program printed, and what it wrote to a descriptor that was passed on."""
    reading, writing = os.pipe()
    try:
        program = start(starts, folder, "says", str(writing), pass_fds=(writing,), **how)
        program.stdin.write(b"read")
        program.stdin.close()
        printed = program.stdout.read()
        program.stdout.close()
        code = program.wait(60)
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as passed:
        return code, printed.replace(b"%d" % writing, b"N"), passed.read()


@pytest.mark.parametrize("session", [False, True])
def test_it_is_as_one_that_is_started(tmp_path: Path, session: bool) -> None:
    forked, started = (whole(each, tmp_path, start_new_session=session) for each in (_start, subprocess.Popen))
    assert forked == started
    assert forked[0] == 3 and forked[2] == b"passed" and b"to the other" in forked[1]


def test_errors_may_go_to_a_file(tmp_path: Path) -> None:
    with (tmp_path / "errors").open("wb") as errors:
        whole(_start, tmp_path, stderr=errors)
    assert (tmp_path / "errors").read_bytes() == b"to the other\n"


def test_a_signal_ends_it_and_is_its_exit_code(tmp_path: Path) -> None:
    program = start(_start, tmp_path, "says", "1")
    assert isinstance(program, WarmProcess)
    assert program.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.05)
    program.terminate()
    assert program.wait(60) == program.poll() == -signal.SIGTERM
    program.kill()  # of one that has ended: nothing
    program.stdin.close()
    program.stdout.close()


@pytest.mark.parametrize("more", [{MARK: "x"}, {"OMP_WAIT_POLICY": "active"}])
def test_one_that_cannot_be_forked_is_started(tmp_path: Path, more: dict[str, str]) -> None:
    """A test looks for it, or its OpenMP is to be loaded with other variables."""
    with start(_start, tmp_path, "says", "1", more=more) as program:
        assert isinstance(program, subprocess.Popen)
        program.communicate(b"")


def test_a_descriptor_of_another_program_is_not_kept(tmp_path: Path) -> None:
    """Its standard input is at its end when this process closes it, however many were forked meanwhile."""
    first = start(_start, tmp_path, "says", "1")
    second = start(_start, tmp_path, "says", "1")
    first.stdin.close()
    assert first.wait(60) == 3
    second.stdin.close()
    assert second.wait(60) == 3
    for one in (first, second):
        one.stdout.close()


KEEPS = """\
import sys
modules = [(name, vars(module)) for name, module in sys.modules.items() if name.startswith("ministack")]
for place, names in modules:
    for name, value in names.items():
        shown = repr(value) if isinstance(value, (dict, list, set, tuple)) or "Path" in type(value).__name__ else ""
        if "/no-folder-of-a-local-cloud" in shown or "64999" in shown or value == 64999:
            print(place, name)
print(len(modules) > 40, "ministack.services.s3" in sys.modules)
"""


def test_the_emulator_keeps_its_settings_in_strings_alone(tmp_path: Path) -> None:
    """Each server puts its own folder and port in their place; of what else holds them it would not know."""
    (tmp_path / "keeps.py").write_text(KEEPS)
    settings = {**program_environment({}), "PYTHONPATH": str(tmp_path)}
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    program = _start([sys.executable, "-P", "-m", "keeps"], cwd=tmp_path, env=settings, **how)
    with program.stdout as printed:
        assert printed.read() == b"True True\n"
    assert program.wait(60) == 0
