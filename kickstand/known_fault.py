"""The known faults of AWS's image by name, the images that have each, and the one that concerns an endpoint.

A fault is accepted in the project file, where a person reads the reason:

    [known_faults]
    class-metrics = "Only shown on a dashboard; the model is chosen by logloss."
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from kickstand.errors import Problem

CLASS_METRICS = "class-metrics"
CHECKPOINT_RESUME = "checkpoint-resume"
FOLD_CLASSES = "fold-classes"
LIBSVM_SERVING = "libsvm-serving"
MARGIN_METRICS = "margin-metrics"
RECORDIO_OUTPUT = "recordio-output"
STOPPING_DIRECTION = "stopping-direction"
FAULTS: Mapping[str, str] = {
    CLASS_METRICS: "accuracy, F1, precision and recall are computed from a threshold of 0",
    CHECKPOINT_RESUME: "a job that resumes from a checkpoint starts again",
    FOLD_CLASSES: "predictions.csv takes a class or a margin above 0.5 for class 1",
    LIBSVM_SERVING: "an endpoint takes 1 off the indices of a libsvm request that has no index 0",
    MARGIN_METRICS: "rmse, mae, mse and r2 are computed from margins, before they become predictions",
    RECORDIO_OUTPUT: "each record of a selected output holds those of the rows before it too",
    STOPPING_DIRECTION: "early stopping takes less for better where it watches map@n or ndcg@n",
}
"""Every fault by the name under which it is accepted, and what it does."""

_IN_3 = ("3.0-5", "3.2-0")
_IMAGES: Mapping[str, tuple[str, ...]] = {
    CLASS_METRICS: _IN_3,
    CHECKPOINT_RESUME: _IN_3,
    FOLD_CLASSES: ("1.7-1", *_IN_3),
    LIBSVM_SERVING: ("3.2-0",),
    MARGIN_METRICS: ("1.7-1",),
    RECORDIO_OUTPUT: ("1.7-1", *_IN_3),
    STOPPING_DIRECTION: ("1.7-1", *_IN_3),
}
"""Source: the container's own repository at each image's tag, aws/sagemaker-xgboost-container."""


_ACCEPTANCE = re.compile(r'\[known_faults\] ([a-z-]+) = "…"')


def has_fault(version: str, fault: str) -> bool:
    """Whether an image version has a fault."""
    return version in _IMAGES[fault]


def libsvm_serving(version: str, accepted: Mapping[str, str], where: str) -> list[Problem]:
    """What is wrong with serving a model that was trained on libsvm from an image; empty where nothing is.

    accepted: the faults that are accepted, each with its reason. where: the place that the problem names.
    """
    if not has_fault(version, LIBSVM_SERVING) or LIBSVM_SERVING in accepted:
        return []
    message = (
        f"libsvm requests are read wrongly by image {version}: training takes indices as they are written, serving "
        "takes 1 off where a request has no index 0, so that its predictions are of other features."
    )
    return [Problem(message, where, or_accept("Train on CSV", LIBSVM_SERVING))]


def for_a_job(text: str) -> str:
    """A problem's text for whoever sent the job, with Kickstand or with any other client: where both accept a fault."""
    both = r'KICKSTAND_KNOWN_FAULTS={"\1": "…"} in the Environment of the job, or \g<0> in kickstand.toml'
    return _ACCEPTANCE.sub(both, text)


def or_accept(fix: str, fault: str) -> str:
    """What to do about a fault: fix the use, or accept it by name."""
    return f'{fix}, or accept it with its reason: [known_faults] {fault} = "…".'
