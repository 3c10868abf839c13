"""Start the local cloud's own programs as child processes with an environment that holds nothing by accident."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from training.model.confinement import Limits, bare_environment


def program_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a child process: the machine's bare needs and `settings`, nothing more.

    settings: what goes beyond them; what decides which code runs is set here, whatever it says.
    """
    bare = bare_environment()
    own = {name: bare[name] for name in ("PATH", "PYTHONPATH")}
    return {**bare, **settings, **own, "PYTHONUNBUFFERED": "1"}


def start_program(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    folder: Path,
    lifeline: bool = True,
    namespace: Sequence[int] = (),
    python: Path | None = None,
    limits: Limits | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.STDOUT,
) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE ARGUMENTS` in `folder`; it dies with this process, whose pipe is its standard input.

    environment: exactly what the program sees (see `program_environment`).
    lifeline:    False for a module that watches its standard input itself.
    python:      the interpreter; None for the one that runs this.
    limits:      bounds for a program that opens a model; None for none.
    namespace:   descriptors of a `localcloud.platform.namespace.Namespace` that the program runs in; () for none.
    """
    command = ["-m", "localcloud.platform.lifeline", module] if lifeline else ["-m", module]
    if namespace:
        command = ["-m", "localcloud.platform.inside", *map(str, namespace), module]
    interpreter = str(python or sys.executable)
    # -P: the current folder holds a user's files, which must never be taken for modules.
    line = [interpreter, "-P", *command, *arguments]
    if limits is not None:
        line = limits.command(interpreter, *command[1:], *arguments)
    return subprocess.Popen(
        line,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env=dict(environment),
        cwd=folder,
        pass_fds=tuple(namespace),
    )
