"""The known faults of AWS's image by name, and the one that concerns an endpoint.

A fault is accepted in the project file, where a person reads the reason:

    [known_faults]
    class-metrics = "Only shown on a dashboard; the model is chosen by logloss."
"""

from __future__ import annotations

from collections.abc import Mapping

from kickstand.errors import Problem

CLASS_METRICS = "class-metrics"
CHECKPOINT_RESUME = "checkpoint-resume"
LIBSVM_SERVING = "libsvm-serving"
FAULTS: Mapping[str, str] = {
    CLASS_METRICS: "accuracy, F1, precision and recall are computed from a threshold of 0",
    CHECKPOINT_RESUME: "a job that resumes from a checkpoint starts again",
    LIBSVM_SERVING: "an endpoint shifts the indices of libsvm requests down by one",
}
"""Every fault by the name under which it is accepted, and what it does."""


def is_faulty(version: str) -> bool:
    """Whether an image version has the faults: 3.0-5 and 3.2-0 have, 1.7-1 has not."""
    return version.startswith("3.")


def libsvm_serving(version: str, accepted: Mapping[str, str], where: str) -> list[Problem]:
    """What is wrong with serving a model that was trained on libsvm from an image; empty where nothing is.

    accepted: the faults that are accepted, each with its reason. where: the place that the problem names.
    """
    if not is_faulty(version) or LIBSVM_SERVING in accepted:
        return []
    message = (
        "libsvm requests are read wrongly by image 3.2-0: training takes indices as they are written, serving "
        "takes one off, so that every prediction is of other features."
    )
    return [Problem(message, where, or_accept("Train on CSV", LIBSVM_SERVING))]


def or_accept(fix: str, fault: str) -> str:
    """What to do about a fault: mend the use, or accept it by name."""
    return f'{fix}, or accept it with its reason: [known_faults] {fault} = "…".'
