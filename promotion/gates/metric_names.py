"""Which metrics models can be compared by: those that `kickstand evaluate` reports for an objective.

All of them are errors: lower is better. `metrics.evaluation` of training/prediction computes the very figures.
"""

from __future__ import annotations

_REGRESSION = ("original:rmse", "original:mae", "original:rmsle", "model:rmse", "model:mae")
_CLASSES = {
    "binary:logistic": ("model:logloss", "model:error"),
    "binary:hinge": ("model:error",),
    "multi:softmax": ("model:error",),
    "multi:softprob": ("model:mlogloss", "model:error"),
}


def reported_metrics(objective: str) -> tuple[str, ...]:
    """The metrics of an objective with their scale, original units first; none for ranking and survival."""
    if objective.startswith(("reg:", "count:")):
        return _REGRESSION
    return _CLASSES.get(objective, ())
