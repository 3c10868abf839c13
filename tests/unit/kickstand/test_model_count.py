"""How many models a job makes, and what is said of several."""

from __future__ import annotations

import pytest

from kickstand.xgboost_container import model_count, models_sentence


@pytest.mark.parametrize(
    ("hyperparameters", "count"),
    [
        ({}, 1),
        ({"_kfold": "3"}, 3),
        ({"_kfold": '"3"', "_num_cv_round": " 2 "}, 6),
        ({"_num_cv_round": "2"}, 1),  # the container ignores it
        ({"_kfold": "1"}, 1),
        ({"_kfold": "x", "_num_cv_round": "2"}, 1),
        ({"_kfold": "3", "_num_cv_round": "-2"}, 3),
        ({"_kfold": "9999999999"}, 10_000),
        ({"_kfold": "9" * 5000, "_num_cv_round": "9" * 5000}, 10_000),
    ],
)
def test_a_model_a_fold_and_repetition(hyperparameters: dict[str, str], count: int) -> None:
    assert model_count(hyperparameters) == count


def test_what_several_models_answer_is_said() -> None:
    assert models_sentence({"objective": "reg:gamma"}) == ""
    assert models_sentence({"objective": "reg:gamma", "_kfold": "3"}) == (
        "3, one a fold (_kfold); the answer is the mean of theirs"
    )
    assert models_sentence({"objective": '"multi:softmax"', "_kfold": "2", "_num_cv_round": "2"}) == (
        "4, one a fold (_kfold); the answer is the class that most of them say"
    )
