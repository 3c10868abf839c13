"""A program of a container as a child process: its interpreter, and an environment that holds nothing by accident.

On AWS a container is the border: LD_PRELOAD, PATH or PYTHONPATH in it concern nobody else. Here its program is a
process of this machine's user, and each of these would run code in that user's name. So only what the image's own
programs read is passed on, and everything else is refused by name, at the request.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from kickstand.errors import KickstandError
from kickstand.programs import image_python
from kickstand.xgboost_container import version_of
from localcloud.container.contract import ACCEPTED_FAULTS, BASE_VARIABLE
from localcloud.jobs.events import JobFailure, shortened
from training.model.inspection.limits import Limits, bare_environment


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
    namespace:   descriptors of a `localcloud.jobs.process.namespace.Namespace` that the program runs in; () for none.
    """
    command = ["-m", "localcloud.jobs.process.lifeline", module] if lifeline else ["-m", module]
    if namespace:
        command = ["-m", "localcloud.jobs.process.namespace", *map(str, namespace), module]
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


def program_python(image: str) -> Path:
    """The Python with the xgboost of an image, given by its URI; made now where it is not there yet.

    Raises JobFailure where it cannot be made.
    """
    try:
        return image_python(version_of(image))
    except KickstandError as error:
        raise JobFailure(shortened(f"InternalServerError: {error}")) from None


_PREFIX = "SAGEMAKER_"
"""What the SageMaker toolkits and the container read: workers, time-outs, forms of answers; see H80 to H88."""
_OPENMP = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OMP_DYNAMIC",
    "OMP_SCHEDULE",
    "OMP_WAIT_POLICY",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "OMP_STACKSIZE",
    "GOMP_SPINCOUNT",
)
"""By name: among OpenMP's others is one that names libraries to load (OMP_TOOL_LIBRARIES)."""
_NAMES = frozenset({"MAX_CONTENT_LENGTH", ACCEPTED_FAULTS, *_OPENMP})
_SAGEMAKER = re.compile(rf"{_PREFIX}[A-Z0-9_]+")


class ForeignVariablesError(Exception):
    """Variables that are not the image's own; the message names all of them."""


def foreign_variables(names: Iterable[str]) -> list[str]:
    """The names that are not the image's own, sorted; SAGEMAKER_BASE_DIR is the platform's to set."""
    return sorted(name for name in names if name == BASE_VARIABLE or not (name in _NAMES or _SAGEMAKER.fullmatch(name)))


def require_own_variables(environment: Mapping[str, str]) -> None:
    """Raise ForeignVariablesError for an Environment with anything but the image's own variables."""
    foreign = foreign_variables(environment)
    if foreign:
        noun = "The environment variable" if len(foreign) == 1 else "The environment variables"
        shown = [ascii(name)[1:-1][:80] for name in foreign[:20]]
        more = f" and {len(foreign) - 20} more" if len(foreign) > 20 else ""
        raise ForeignVariablesError(
            f"{noun} {', '.join(shown)}{more} cannot be set in the local cloud: it runs the image's programs as "
            f"processes of this machine, not in containers, and passes on only {_PREFIX}* (but {BASE_VARIABLE}), "
            f"{', '.join(sorted(_NAMES))}."
        )
