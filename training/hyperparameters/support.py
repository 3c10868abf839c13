"""What the image can do and Kickstand does not support, each refused by its name.

Two kinds: known faults of AWS's image (`known_faults.py`), and what is not supported yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kickstand.content_types import CONTENT_TYPES
from kickstand.errors import Problem
from training.hyperparameters.known_faults import known_faults
from training.hyperparameters.older_images import older_image_problems
from training.hyperparameters.table import ALIASES
from training.image.versions import XGBOOST

SUPPORTED_VERSIONS = tuple(XGBOOST)
KNOWN_VERSIONS = ("0.90-1", "0.90-2", "1.0-1", "1.2-1", "1.2-2", "1.3-1", "1.5-1", "1.7-1", "3.0-5", "3.2-0")


def _nowhere(name: str) -> str:
    return ""


def unsupported(
    values: Mapping[str, str],
    version: str,
    *,
    content_type: str = "text/csv",
    checkpoints: bool = False,
    where: Callable[[str], str] = _nowhere,
    accepted: Mapping[str, str] | None = None,
) -> list[Problem]:
    """Everything asked for that Kickstand refuses by name, all at once.

    values:       hyperparameters as strings, aliases allowed.
    version:      the image version, `3.2-0`.
    content_type: the channels' content type.
    checkpoints:  whether the job has a CheckpointConfig.
    where:        the place of a hyperparameter by name, or of `version`, `content_type`, `checkpoints`,
                  `known_faults.NAME`.
    accepted:     known faults that the user accepts, by name, each with the reason (`[known_faults]`).
    """
    named = {ALIASES.get(name, name): value for name, value in values.items()}
    return [
        *_version(version, where),
        *_content_type(content_type, where),
        *_hyperparameters(named, where),
        *older_image_problems(named, version, where),
        *known_faults(named, version, checkpoints=checkpoints, where=where, accepted=accepted or {}),
    ]


def _version(version: str, where: Callable[[str], str]) -> Iterator[Problem]:
    if version in SUPPORTED_VERSIONS:
        return
    if version in ("latest", "1"):
        message = f"image version {version!r} is a moving name for a legacy image; a version must be pinned."
    elif version in KNOWN_VERSIONS:
        message = f"image version {version} of SageMaker's XGBoost is not supported yet."
    else:
        message = f"image version {version!r} is not known; SageMaker's XGBoost has {', '.join(KNOWN_VERSIONS)}."
    yield Problem(message, where("version"), f"Use {' or '.join(SUPPORTED_VERSIONS)}.")


def _content_type(content_type: str, where: Callable[[str], str]) -> Iterator[Problem]:
    if content_type in CONTENT_TYPES:
        return
    base = content_type.partition(";")[0].strip()
    if base != content_type and base in CONTENT_TYPES:
        message = f"content type {content_type!r} carries a parameter; the training container fails on those."
    else:
        message = f"content type {content_type!r} is not one of the container's: {', '.join(CONTENT_TYPES)}."
    yield Problem(message, where("content_type"), f"Use {base if base in CONTENT_TYPES else 'text/csv'}.")


def _hyperparameters(values: Mapping[str, str], where: Callable[[str], str]) -> Iterator[Problem]:
    for name, what in _NOT_YET.items():
        if name in values and values[name] != "false":
            yield Problem(f"{name} ({what}) is not supported yet.", where(name), "Remove it.")


_NOT_YET = {
    "use_dask_gpu_training": "training on several GPUs",
}
