"""The figures of an evaluation, on values that can be checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kickstand.errors import InputError, KickstandError
from training.evaluation.metrics import evaluation


def test_regression_in_the_models_and_in_original_units() -> None:
    actual = np.log1p(np.array([0.0, 3.0]))
    figures, predicted = evaluation("reg:squarederror", actual, ["0.0", repr(math.log1p(1.0))], "log1p")
    assert predicted.tolist() == [0.0, math.log1p(1.0)]
    assert figures["original:rmse"] == pytest.approx(math.sqrt(2.0))
    assert figures["original:mae"] == pytest.approx(1.0)
    assert figures["model:mae"] == pytest.approx(math.log(2) / 2)
    # log1p labels: RMSLE in original units is RMSE in the model's.
    assert figures["original:rmsle"] == pytest.approx(figures["model:rmse"])


def test_a_negative_label_has_no_rmsle() -> None:
    figures, _ = evaluation("reg:squarederror", np.array([-2.0, 1.0]), ["0", "1"], "none")
    assert figures == pytest.approx(
        {"model:rmse": 2**0.5, "model:mae": 1.0, "original:rmse": 2**0.5, "original:mae": 1.0}
    )


def test_binary_logloss_and_error() -> None:
    figures, _ = evaluation("binary:logistic", np.array([1.0, 0.0, 1.0]), ["0.8", "0.3", "0.4"], "none")
    assert figures["model:error"] == pytest.approx(1 / 3)
    assert figures["model:logloss"] == pytest.approx(-(math.log(0.8) + math.log(0.7) + math.log(0.4)) / 3)


def test_softprob_takes_the_likeliest_class() -> None:
    figures, predicted = evaluation("multi:softprob", np.array([0.0, 2.0]), ["0.5,0.3,0.2", "0.1,0.6,0.3"], "none")
    assert predicted.tolist() == [0.0, 1.0]
    assert figures["model:error"] == 0.5
    assert figures["model:mlogloss"] == pytest.approx(-(math.log(0.5) + math.log(0.3)) / 2)


def test_an_objective_without_a_figure_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="rank:ndcg"):
        evaluation("rank:ndcg", np.array([1.0]), ["1"], "none")


@pytest.mark.parametrize(
    ("objective", "answers", "told"),
    [
        (
            "reg:squarederror",
            ["1", "x\x1b"],
            "1 of 2 answers are not a finite number: the first is 'x\\x1b', of row 2.",
        ),
        ("reg:squarederror", ["nan", "inf"], "2 of 2 answers are not a finite number: the first is 'nan', of row 1."),
        ("reg:squarederror", ["1,2", "1"], "1 of 2 answers are not a finite number: the first is '1,2', of row 1."),
        ("multi:softprob", ["0.5,0.5", "1"], "1 of 2 answers are not 2 finite numbers: the first is '1', of row 2."),
        ("multi:softprob", ["1", "1"], "A test row is of class 1; the endpoint answers for 1 classes."),
        ("reg:squarederror", ["1e200", "1"], "model:rmse and original:rmse cannot be computed: answers reach 1e+200,"),
    ],
)
def test_answers_without_a_figure_are_named(objective: str, answers: list[str], told: str) -> None:
    with pytest.raises(KickstandError) as refused:
        evaluation(objective, np.array([0.0, 1.0]), answers, "none")
    assert refused.value.problems[0].message.startswith(told)


def test_large_answers_have_figures_until_a_transform_is_undone() -> None:
    figures, _ = evaluation("reg:squarederror", np.array([0.0, 0.0]), ["9.9e42", "9.9e42"], "none")
    assert figures["model:rmse"] == pytest.approx(9.9e42)
    with pytest.raises(KickstandError, match=r"original:rmse and .*mae and .*rmsle cannot .* \(log1p undone\)"):
        evaluation("reg:squarederror", np.array([0.0, 0.0]), ["9.9e42", "1"], "log1p")
