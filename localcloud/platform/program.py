"""Start the local cloud's own programs as child processes with an environment that holds nothing by accident."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
_INHERITED = ("LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What a process needs from the machine. AWS_*, HOME, PATH and everything else of the user stays behind."""


def program_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a child process: the machine's bare needs and `settings`, nothing more.

    settings: what goes beyond them; what decides which code runs is set here, whatever it says.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    own = {"PATH": os.defpath, "PYTHONPATH": _PACKAGE_ROOT, "PYTHONUNBUFFERED": "1"}
    return {**inherited, **settings, **own}


def start_program(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    folder: Path,
    lifeline: bool = True,
    namespace: Sequence[int] = (),
    python: Path | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.STDOUT,
) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE ARGUMENTS` in `folder`; it dies with this process, whose pipe is its standard input.

    environment: exactly what the program sees (see `program_environment`).
    lifeline:    False for a module that watches its standard input itself.
    python:      the interpreter; None for the one that runs this.
    namespace:   descriptors of a `localcloud.platform.namespace.Namespace` that the program runs in; () for none.
    """
    command = ["-m", "localcloud.platform.lifeline", module] if lifeline else ["-m", module]
    if namespace:
        command = ["-m", "localcloud.platform.inside", *map(str, namespace), module]
    # -P: the current folder holds a user's files, which must never be taken for modules.
    return subprocess.Popen(
        [str(python or sys.executable), "-P", *command, *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env=dict(environment),
        cwd=folder,
        pass_fds=tuple(namespace),
    )
