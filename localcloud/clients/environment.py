"""The Python that has a client of the local cloud, made on demand from its lock file."""

from __future__ import annotations

from pathlib import Path

from kickstand.errors import InputError, Problem
from kickstand.locked_environment import CACHE, LockedEnvironment

_LOCKS = Path(__file__).parent
_WHAT = {
    "model-trainer": "SageMaker's Python SDK with ModelTrainer",
    "sdk-v2": "SageMaker's Python SDK v2",
}
CLIENTS = tuple(_WHAT)
"""The clients there are, by the names of their lock files."""


def client_python(name: str, *, cache: Path = CACHE / "clients") -> Path:
    """The Python interpreter whose environment has a client.

    name: one of CLIENTS. cache: where environments are kept.
    Raises InputError for another name, KickstandError where the environment cannot be made.
    """
    if name not in _WHAT:
        raise InputError(Problem(f"There is no client {name!r}.", fix=f"Use {' or '.join(CLIENTS)}."))
    return LockedEnvironment(_LOCKS / f"{name}.lock", cache, f"The environment of {_WHAT[name]}").make()
