"""How many models a training job makes: one, or one a fold of a cross-validation, and how several answer as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

VOTING = ("multi:softmax", "binary:hinge")
"""Objectives whose predictions are classes, of which there is no average."""

MOST_MODELS = 10_000
"""Of one training job. No artifact with more files is opened (`training.model.archive`)."""


def model_count(hyperparameters: Mapping[str, str]) -> int:
    """`_kfold` times `_num_cv_round`, which is 1 where it is not given; 1 where `_kfold` is not.

    hyperparameters: as SageMaker has them: text, in quotes where a client wrote it so.
    A value that is no whole number counts as 1: no job comes to its end with one. At most MOST_MODELS.
    """
    folds = _whole(hyperparameters.get("_kfold", ""))
    return min(MOST_MODELS, folds * _whole(hyperparameters.get("_num_cv_round", ""))) if folds > 1 else 1


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


def _whole(text: str) -> int:
    text = text.strip().strip('"')
    if not text.isdecimal():
        return 1
    return max(1, int(text)) if len(text) < 10 else MOST_MODELS  # Python reads no number of thousands of digits
