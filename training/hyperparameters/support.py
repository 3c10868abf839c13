"""What an image can do and Kickstand does not support, or an older image or several hosts cannot: refused by name.

Known faults of AWS's image are in `known_faults`. The rules of older images were found by training the same with
xgboost 1.7.4, 3.0.5 and 3.2.0; `tests/local/test_image_versions.py` holds them. Those of several hosts were found by
training on two workers; `tests/unit/training/hyperparameters/test_hyperparameters_several_hosts.py` holds them. On AWS
such a job is paid for and fails, or ends in another model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from kickstand.errors import Problem
from kickstand.xgboost_container import CONTENT_TYPES, OWN_IMAGE, XGBOOST
from training.hyperparameters.known_faults import known_faults
from training.hyperparameters.table import ALIASES, ERROR_METRICS, Parsed
from training.hyperparameters.values import Violation


def older_image_problems(values: Mapping[str, str], version: str, where: Callable[[str], str]) -> Iterator[Problem]:
    """The hyperparameters that an image older than 3.2-0 cannot train with.

    values:  hyperparameters as strings, by canonical name.
    version: the image version; nothing is said of 3.2-0 and of an unknown one.
    where:   the place of a hyperparameter by name.
    """
    if version not in XGBOOST or version == OWN_IMAGE:
        return
    image = f"image {version} (xgboost {XGBOOST[version]})"
    trees = values.get("booster", "gbtree") != "gblinear"
    if trees and values.get("sampling_method") == "gradient_based":
        message = f"sampling_method gradient_based needs a GPU in {image}."
        yield Problem(message, where("sampling_method"), f"Use uniform, or image {OWN_IMAGE}.")
    if version != "1.7-1":
        return
    if values.get("objective") == "multi:softmax":
        for metric in sorted(
            ERROR_METRICS.intersection(name.strip() for name in values.get("eval_metric", "").split(","))
        ):
            message = (
                f"{metric} of objective multi:softmax ends in an error of {image}, which takes the classes' margins."
            )
            yield Problem(message, where("eval_metric"), "Use merror or mlogloss.")
    if values.get("predictor") == "gpu_predictor":
        message = f"predictor gpu_predictor needs a GPU in {image}; later ones take no notice of it."
        yield Problem(message, where("predictor"), "Use cpu_predictor, or remove it.")
    if trees and _zero(values.get("max_depth")) and values.get("tree_method", "auto") == "auto":
        message = f"max_depth 0 (no limit) needs a tree_method in {image}, which takes exact where none is set."
        yield Problem(message, where("max_depth"), "Set tree_method to hist.")
    if trees and "sync" in (name.strip() for name in values.get("updater", "").split(",")):
        message = f"updater sync ends in an error of {image}."
        yield Problem(message, where("updater"), "Remove it: it has no effect in the others.")


def _zero(text: str | None) -> bool:
    try:
        return text is not None and int(text) == 0
    except ValueError:
        return False


_ALONE = "train on one instance."


def several_hosts_faults(parsed: Parsed) -> Iterator[Violation]:
    """What does not go with more than one instance."""
    if parsed.get("tree_method") == "exact":
        message = "tree_method exact looks at all rows at once: xgboost refuses it on several instances."
        yield Violation("tree_method", message, f"Use hist or approx, or {_ALONE}")
    for updater in cast("list[str]", parsed.get("updater") or []):
        if updater == "grow_colmaker":
            message = "updater grow_colmaker looks at all rows at once: xgboost refuses it on several instances."
            yield Violation("updater", message, f"Use grow_histmaker, or {_ALONE}")
        elif updater in ("prune", "sync"):
            message = f"updater {updater} fails in xgboost 3 on several instances."
            yield Violation("updater", message, f"Remove it, or {_ALONE}")
    if parsed.get("booster") == "gblinear":
        message = "booster gblinear is trained by each instance on its own rows, and the first one's model is kept."
        yield Violation("booster", message, f"Use gbtree, or {_ALONE}")
    if parsed.get("objective") == "survival:cox":
        message = "objective survival:cox compares each row with all others, and an instance has its own rows alone."
        yield Violation("objective", message, f"Use another objective, or {_ALONE}")


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
