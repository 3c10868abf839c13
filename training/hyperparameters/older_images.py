"""What image 3.2-0 trains and an older image's xgboost refuses, each refused by its name before a job is paid for.

Found by training the same with xgboost 1.7.4, 3.0.5 and 3.2.0; `tests/local/test_image_versions.py` holds each rule
against the libraries. The container's own check passes all of these in every image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kickstand.errors import Problem
from training.hyperparameters.table import ERROR_METRICS
from training.image.versions import OWN_IMAGE, XGBOOST


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
