"""SageMaker's built-in XGBoost container: image versions, content types, models a job makes, known faults.

Source: the container's own repository at each image's tag (aws/sagemaker-xgboost-container).

A known fault is accepted in the project file, with a reason for whoever reviews it:

    [known_faults]
    class-metrics = "Only shown on a dashboard; the model is chosen by logloss."

Programs that run on an older image's xgboost import this module, so it imports the standard library and
`kickstand.errors` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kickstand.errors import Problem

OWN_IMAGE = "3.2-0"
"""The image whose xgboost is in the project's own environment."""
XGBOOST: Mapping[str, str] = {"1.7-1": "1.7.4", "3.0-5": "3.0.5", "3.2-0": "3.2.0"}
"""xgboost by image version, oldest first."""


def image_of(xgboost: str) -> str:
    """The image that has a version of xgboost. Raises KeyError where none of the supported ones has it."""
    return {version: image for image, version in XGBOOST.items()}[xgboost]


def version_of(image_uri: str) -> str:
    """The version in an image URI: what stands behind its colon; the project's own image where there is none."""
    tag = image_uri.rpartition("/")[2].partition(":")[2]
    return tag if tag in XGBOOST else OWN_IMAGE


def newer_than(model: tuple[int, ...], image: str) -> bool:
    """Whether a model was saved by an xgboost newer than an image's, by major and minor version."""
    major, minor = XGBOOST[image].split(".")[:2]
    return model[:2] > (int(major), int(minor))


CONTENT_TYPES: Mapping[str, str] = {
    "csv": "csv",
    "libsvm": "libsvm",
    "parquet": "parquet",
    "recordio-protobuf": "recordio-protobuf",
    "text/csv": "csv",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "application/x-parquet": "parquet",
    "application/x-recordio-protobuf": "recordio-protobuf",
}
"""What each stands for. Parameters behind a semicolon fail in training."""

MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "libsvm": "text/libsvm",
    "parquet": "application/x-parquet",
    "recordio-protobuf": "application/x-recordio-protobuf",
}
"""The media type of each kind, which the container's other words for it mean."""


def kind_of(content_type: str) -> str:
    """`csv`, `libsvm`, `parquet` or `recordio-protobuf`; `csv` for what the container does not train on."""
    return CONTENT_TYPES.get(content_type, "csv")


VOTING = ("multi:softmax", "binary:hinge")
"""Objectives whose predictions are classes, of which there is no average."""

MOST_MODELS = 10_000
"""Of one training job. No artifact with more files is opened (`training.model.inspection.archive`)."""


def model_count(hyperparameters: Mapping[str, str]) -> int:
    """`_kfold` times `_num_cv_round`, which is 1 where it is not given; 1 where `_kfold` is not.

    hyperparameters: as SageMaker has them: text, in quotes where a client wrote it so.
    A value that is no whole number counts as 1: no job comes to its end with one. At most MOST_MODELS.
    """
    folds = _whole_number(hyperparameters.get("_kfold", ""))
    return min(MOST_MODELS, folds * _whole_number(hyperparameters.get("_num_cv_round", ""))) if folds > 1 else 1


def models_sentence(hyperparameters: Mapping[str, str]) -> str:
    """The models of a cross-validation and what they answer, for a person; empty where there is one model."""
    count = model_count(hyperparameters)
    if count == 1:
        return ""
    voting = hyperparameters.get("objective", "").strip('"') in VOTING
    answer = "the class that most of them say" if voting else "the mean of theirs"
    return f"{count}, one a fold (_kfold); the answer is {answer}"


def rounds_sentence(rounds: Sequence[int]) -> str:
    """How many boosting rounds a model has, or the models of a cross-validation, for a person."""
    if len(rounds) == 1:
        return f"{rounds[0]:,} boosting round{'' if rounds[0] == 1 else 's'}"
    shown = ", ".join(f"{count:,}" for count in rounds[:10])
    return f"{shown}{f' and {len(rounds) - 10} more' if len(rounds) > 10 else ''} boosting rounds"


def _whole_number(text: str) -> int:
    text = text.strip().strip('"')
    if not text.isdecimal():
        return 1
    return max(1, int(text)) if len(text) < 10 else MOST_MODELS  # Python reads no number of thousands of digits


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

_IMAGES_OF_XGBOOST_3 = ("3.0-5", "3.2-0")
_FAULTY_IMAGES: Mapping[str, tuple[str, ...]] = {
    CLASS_METRICS: _IMAGES_OF_XGBOOST_3,
    CHECKPOINT_RESUME: _IMAGES_OF_XGBOOST_3,
    FOLD_CLASSES: ("1.7-1", *_IMAGES_OF_XGBOOST_3),
    LIBSVM_SERVING: ("3.2-0",),
    MARGIN_METRICS: ("1.7-1",),
    RECORDIO_OUTPUT: ("1.7-1", *_IMAGES_OF_XGBOOST_3),
    STOPPING_DIRECTION: ("1.7-1", *_IMAGES_OF_XGBOOST_3),
}
"""Source: the container's own repository at each image's tag, aws/sagemaker-xgboost-container."""


_ACCEPTANCE = re.compile(r'\[known_faults\] ([a-z-]+) = "…"')


def has_fault(version: str, fault: str) -> bool:
    """Whether an image version has a fault."""
    return version in _FAULTY_IMAGES[fault]


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
