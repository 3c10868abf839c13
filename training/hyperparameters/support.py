"""What the image can do and Kickstand does not support, each refused by its name.

Two kinds: known faults of AWS's image, whose use would give wrong or no results there, and what is not
supported yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kickstand.errors import Problem
from training.hyperparameters.table import ALIASES, CLASSIFICATION_METRICS, CONTAINER_METRICS

SUPPORTED_VERSIONS = ("3.2-0",)
SUPPORTED_CONTENT_TYPES = ("text/csv", "csv")
CONTENT_TYPES = (
    "csv",
    "libsvm",
    "parquet",
    "recordio-protobuf",
    "text/csv",
    "text/libsvm",
    "text/x-libsvm",
    "application/x-parquet",
    "application/x-recordio-protobuf",
)
"""What the container accepts, exactly as written here: parameters behind a semicolon fail in training."""

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
) -> list[Problem]:
    """Everything asked for that Kickstand refuses by name, all at once.

    values:       hyperparameters as strings, aliases allowed.
    version:      the image version, `3.2-0`.
    content_type: the channels' content type.
    checkpoints:  whether the job has a CheckpointConfig.
    where:        the place of a hyperparameter by name, or of `version`, `content_type`, `checkpoints`.
    """
    return [
        *_version(version, where),
        *_content_type(content_type, where),
        *_checkpoints(checkpoints, where),
        *_hyperparameters({ALIASES.get(name, name): value for name, value in values.items()}, where),
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
    if content_type in SUPPORTED_CONTENT_TYPES:
        return
    base = content_type.partition(";")[0].strip()
    if content_type in CONTENT_TYPES:
        message = f"content type {content_type} is not supported yet."
    elif base != content_type and base in CONTENT_TYPES:
        message = f"content type {content_type!r} carries a parameter; the training container fails on those."
    else:
        message = f"content type {content_type!r} is not one of the container's: {', '.join(CONTENT_TYPES)}."
    yield Problem(message, where("content_type"), "Use text/csv.")


def _checkpoints(checkpoints: bool, where: Callable[[str], str]) -> Iterator[Problem]:
    if checkpoints:
        message = (
            "checkpoints do not work in image 3.2-0: it writes xgboost-checkpoint_0.ubj and looks for "
            "xgboost-checkpoint.N, so a resumed job silently starts again."
        )
        yield Problem(message, where("checkpoints"), "Remove the checkpoint configuration.")


def _hyperparameters(values: Mapping[str, str], where: Callable[[str], str]) -> Iterator[Problem]:
    for name, what in _NOT_YET.items():
        if name in values and values[name] != "false":
            yield Problem(f"{name} ({what}) is not supported yet.", where(name), "Remove it.")
    binary = values.get("objective", "").startswith("binary:")
    tuning = values.get("_tuning_objective_metric", "").partition(":")[2]
    metrics = [("eval_metric", metric.strip()) for metric in values.get("eval_metric", "").split(",")]
    for name, metric in [*metrics, ("_tuning_objective_metric", tuning)]:
        if binary and metric in CLASSIFICATION_METRICS:
            message = (
                f"metric {metric} is computed wrongly for binary objectives by image 3.x: "
                f"it takes every probability above 0 for a yes."
            )
            yield Problem(message, where(name), "Use error, logloss, auc or aucpr.")
        elif metric in CONTAINER_METRICS:
            message = f"metric {metric}, which the container computes and xgboost does not know, is not supported yet."
            yield Problem(message, where(name), f"Use {_INSTEAD.get(metric, 'merror or mlogloss')}.")


_NOT_YET = {
    "_kfold": "k-fold cross-validation",
    "_num_cv_round": "k-fold cross-validation",
    "interaction_constraints": "groups of features that may interact",
    "use_dask_gpu_training": "training on several GPUs",
}
_INSTEAD = {"mse": "rmse", "r2": "rmse"}
