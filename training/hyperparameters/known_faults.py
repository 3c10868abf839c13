"""What AWS's image is known to do wrong: refused by name, here and on AWS alike, unless accepted with a reason.

A fault is accepted in the project file, where a person reads the reason:

    [known_faults]
    class-metrics = "Only shown on a dashboard; the model is chosen by logloss."

and, for a training job that comes from elsewhere, in the job's Environment, as JSON in KICKSTAND_KNOWN_FAULTS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kickstand.errors import Problem
from kickstand.known_fault import CHECKPOINT_RESUME, CLASS_METRICS, FAULTS, is_faulty, or_accept
from training.hyperparameters.table import CLASSIFICATION_METRICS


def _nowhere(name: str) -> str:
    return ""


def known_faults(
    values: Mapping[str, str],
    version: str = "3.2-0",
    *,
    checkpoints: bool = False,
    where: Callable[[str], str] = _nowhere,
    accepted: Mapping[str, str],
) -> list[Problem]:
    """The faults that this use would meet and that are not accepted, and names in `accepted` that are no faults.

    values:        hyperparameters as strings, by canonical name.
    version:       the image version.
    checkpoints:   whether the job has a CheckpointConfig.
    where:         the place of a hyperparameter by name, of `checkpoints`, of `known_faults.NAME`.
    """
    problems = [
        Problem(
            f"{name} is not a known fault of the image.", where(f"known_faults.{name}"), f"Known: {', '.join(FAULTS)}."
        )
        for name in accepted
        if name not in FAULTS
    ]
    if not is_faulty(version):
        return problems
    if CLASS_METRICS not in accepted:
        problems += _class_metrics(values, where)
    if checkpoints and CHECKPOINT_RESUME not in accepted:
        message = (
            "checkpoints do not work in image 3.2-0: it writes xgboost-checkpoint_0.ubj and looks for "
            "xgboost-checkpoint.N, so a resumed job silently starts again."
        )
        problems.append(
            Problem(message, where("checkpoints"), or_accept("Remove the checkpoint configuration", CHECKPOINT_RESUME))
        )
    return problems


def _class_metrics(values: Mapping[str, str], where: Callable[[str], str]) -> Iterator[Problem]:
    objective = values.get("objective", "")
    if objective.startswith("binary:"):
        what, instead = "it takes every probability above 0 for a yes", "Use error, logloss, auc or aucpr"
    elif objective == "multi:softmax":
        what, instead = "it takes every class above 0 for class 1", "Use merror, or objective multi:softprob"
    else:
        return
    tuning = values.get("_tuning_objective_metric", "").partition(":")[2]
    metrics = [("eval_metric", metric.strip()) for metric in values.get("eval_metric", "").split(",")]
    for name, metric in [*metrics, ("_tuning_objective_metric", tuning)]:
        if metric in CLASSIFICATION_METRICS:
            message = f"metric {metric} is computed wrongly for objective {objective} by image 3.x: {what}."
            yield Problem(message, where(name), or_accept(instead, CLASS_METRICS))
