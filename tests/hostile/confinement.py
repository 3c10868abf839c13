"""One case in a process of its own, with limits: what it printed, how it ended, what it took, what it left."""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hostile.case import Case, Stage

SECONDS, MEMORY, LINES = 20, 1 << 30, 40
CHARACTERS = 10_000
"""Of a message at most: forty lines of a megabyte are none that anybody reads."""
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_WALL = 90
"""Seconds by the clock until a case is killed: several test runs may share the processor."""
_SPACE = 6 << 30
"""Bytes of address space, so that a case that goes wrong does not take the machine with it."""
_CRASH = 70


@dataclass(frozen=True)
class Outcome:
    """seconds: of processor time, of the command and of the processes that it started. memory: bytes, at the peak."""

    kind: str
    name: str
    code: int
    screen: str
    seconds: float
    memory: int
    faults: tuple[str, ...]

    def fields(self) -> dict[str, Any]:
        return {**asdict(self), "screen": self.screen[:2000]}


def run_case(case: Case, pattern: Path, base: Path) -> Outcome:
    """Make the input in a copy of the good project, run its command, and look at all that is demanded of it."""
    stage = Stage.copy_of(pattern, base / "project")
    (base / "tmp").mkdir()
    case.put(stage)
    before, kept = _tree(stage.folder), stage.account.models()
    screen = base / "screen"
    code, usage, late = _wait(_fork(case, stage, base, screen, kept))
    message = (base / "message").read_bytes().decode("utf-8", "backslashreplace")
    text = screen.read_bytes().decode("utf-8", "backslashreplace") + message
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    faults = list(_faults(case, code, text, len(message.splitlines()), seconds, memory))
    if late:
        faults = [f"no end within {_WALL} s"]
    if code != 0:
        faults += [f"changed: {name}" for name in _differences(before, _tree(stage.folder))][:5]
    faults += [f"left in the temporary folder: {path.name}" for path in (base / "tmp").iterdir()][:5]
    return Outcome(case.kind, case.name, code, text, seconds, memory, tuple(faults))


def _faults(case: Case, code: int, text: str, count: int, seconds: float, memory: int) -> list[str]:
    lines = text.splitlines()
    found = CONTROL.findall(text)
    allowed = (0, 1, 2) if case.accepted else (1, 2)
    checks = {
        f"traceback: {lines[-1][:200] if lines else ''}": "Traceback (most recent call last)" in text,
        f"exit code {code}": code not in allowed,
        "wrote to models/ of the bucket": code == _CRASH + 1,
        "no message": not text.strip(),
        f"{count} lines": count > LINES,
        f"{len(text):,} characters": len(text) > CHARACTERS,
        f"control characters {found[:5]!r}": bool(found),
        f"{seconds:.1f} s": seconds > SECONDS,
        f"{memory >> 20:,} MB": memory > MEMORY,
    }
    return [fault for fault, seen in checks.items() if seen]


def _fork(case: Case, stage: Stage, base: Path, screen: Path, kept: object) -> int:
    process = os.fork()
    if process:
        return process
    code = _CRASH
    try:
        os.setsid()
        for stream, place in ((1, screen), (2, screen.with_name("message"))):
            os.dup2(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_AS, (_SPACE, _SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _enter(case, stage, base)
        from cli.main import run

        code = run()
        if code != 0 and stage.account.models() != kept:
            code = _CRASH + 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream_out in (sys.stdout, sys.stderr):
            stream_out.flush()
        os._exit(code)


def _enter(case: Case, stage: Stage, base: Path) -> None:
    """The folder, the words and the account of the case, in this process."""
    import tempfile

    import kickstand.aws.session

    os.chdir(stage.folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(base / "tmp")
    sys.argv = ["kickstand", *case.words]
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    kickstand.aws.session.open_session = stage.account.session  # type: ignore[assignment]


def _wait(process: int) -> tuple[int, resource.struct_rusage, bool]:
    """The exit code (negative: a signal), what was used, and whether it had to be killed."""
    watched = os.pidfd_open(process) if hasattr(os, "pidfd_open") else -1
    late = watched >= 0 and not select.select([watched], [], [], _WALL)[0]
    if late:
        os.killpg(process, signal.SIGKILL)
    _, status, usage = os.wait4(process, 0)
    if watched >= 0:
        os.close(watched)
    return os.waitstatus_to_exitcode(status), usage, late


def _tree(top: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, size and content of everything below; of large files the time of writing instead of the content."""
    found = {}
    for path in sorted(top.rglob("*")):
        facts = path.lstat()
        content = b""
        if path.is_symlink():
            content = os.fsencode(path.readlink())
        elif path.is_file():
            content = path.read_bytes() if facts.st_size < 1 << 20 else str(facts.st_mtime_ns).encode()
        found[str(path.relative_to(top))] = (facts.st_mode, 0 if path.is_dir() else facts.st_size, content)
    return found


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
