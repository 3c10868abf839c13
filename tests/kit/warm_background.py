"""A command in the background whose libraries are loaded already: a cold one takes a second and a half of CPU to begin.

The process that forks the local cloud's programs (`warm_programs.py`) forks it too. It is a process of its own, which
gets the signals of whoever started it.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from warm_programs import WarmProcess, forking_place


class BackgroundCommand(WarmProcess):
    """As much of a `subprocess.Popen` with an encoding as is used of one whose output is read at its end."""

    def __init__(self, words: Sequence[str], folder: Path, variables: Mapping[str, str], *, stderr: int = 2) -> None:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": stderr}
        super().__init__(forking_place(), words, (), cwd=folder, env=variables, **streams)
        self.stdout: io.TextIOWrapper = io.TextIOWrapper(cast("Any", self.stdout), "utf-8")

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """What it has printed since the last look, when it has ended; a pipe's worth of it."""
        self.wait(timeout)
        with self.stdout as stream:
            return stream.read(), None


def begin(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdout: int, encoding: str
) -> BackgroundCommand:
    """`subprocess.Popen` of `python -m MODULE WORD...`."""
    assert (command[1], stdout, encoding) == ("-m", subprocess.PIPE, "utf-8")
    return BackgroundCommand(command[2:], cwd, env)
