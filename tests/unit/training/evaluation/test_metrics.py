"""Metrics and losses, on values that can be checked by hand, and what there is no metric of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from kickstand.config.model import TargetTransform
from kickstand.errors import InputError, KickstandError
from training.evaluation.answers import parse_answers
from training.evaluation.metrics import Answers, Labels, losses, metrics, reported_metrics


def answered(objective: str, texts: Sequence[str], transform: TargetTransform = "none") -> Answers:
    return parse_answers(texts, objective=objective, transform=transform, where="e")


def measured(
    objective: str, actual: Sequence[float], texts: Sequence[str], transform: TargetTransform = "none"
) -> tuple[Mapping[str, float], list[float]]:
    answers = answered(objective, texts, transform)
    return metrics(answers, Labels(np.array(actual), transform)), answers.predicted.tolist()


def test_regression_in_the_models_and_in_original_units() -> None:
    figures, predicted = measured(
        "reg:squarederror", np.log1p([0.0, 3.0]).tolist(), ["0.0", repr(math.log1p(1.0))], "log1p"
    )
    assert predicted == pytest.approx([0.0, 1.0])
    assert figures["original:rmse"] == pytest.approx(math.sqrt(2.0))
    assert figures["original:mae"] == pytest.approx(1.0)
    assert figures["model:mae"] == pytest.approx(math.log(2) / 2)
    # log1p labels: RMSLE in original units is RMSE in the model's.
    assert figures["original:rmsle"] == pytest.approx(figures["model:rmse"])


def test_a_negative_label_has_no_rmsle() -> None:
    figures, _ = measured("reg:squarederror", [-2.0, 1.0], ["0", "1"])
    assert figures == pytest.approx(
        {"model:rmse": 2**0.5, "model:mae": 1.0, "original:rmse": 2**0.5, "original:mae": 1.0}
    )
    with pytest.raises(KickstandError, match="Labels below 0 have no rmsle"):
        losses("original:rmsle", answered("reg:squarederror", ["1"]), Labels(np.array([-1.0]), "none"))


def test_binary_logloss_and_error() -> None:
    figures, _ = measured("binary:logistic", [1.0, 0.0, 1.0], ["0.8", "0.3", "0.4"])
    assert figures["model:error"] == pytest.approx(1 / 3)
    assert figures["model:logloss"] == pytest.approx(-(math.log(0.8) + math.log(0.7) + math.log(0.4)) / 3)


def test_softprob_takes_the_likeliest_class() -> None:
    figures, predicted = measured("multi:softprob", [0.0, 2.0], ["0.5,0.3,0.2", "0.1,0.6,0.3"])
    assert predicted == [0.0, 1.0]
    assert figures["model:error"] == 0.5
    assert figures["model:mlogloss"] == pytest.approx(-(math.log(0.5) + math.log(0.3)) / 2)


def test_an_objective_without_a_figure_is_refused_by_name() -> None:
    assert reported_metrics("rank:ndcg") == ()
    with pytest.raises(InputError, match="rank:ndcg"):
        measured("rank:ndcg", [1.0], ["1"])


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
        ("multi:softprob", ["1", "1"], "A test row is of class 1; the model knows 1 classes."),
        ("reg:squarederror", ["1e200", "1"], "original:rmse and model:rmse cannot be computed: answers reach 1e+200,"),
    ],
)
def test_answers_without_a_figure_are_named(objective: str, answers: list[str], told: str) -> None:
    with pytest.raises(KickstandError) as refused:
        measured(objective, [0.0, 1.0], answers)
    (problem,) = refused.value.problems
    assert problem.message.startswith(told)
    assert problem.where == "e"


def test_an_answer_that_is_not_finite_is_named_by_the_place_of_its_row() -> None:
    with pytest.raises(KickstandError, match=r"the first is '-inf', of row test.csv:2\."):
        parse_answers(
            ["1", "-inf"],
            objective="reg:squarederror",
            transform="none",
            where="e",
            place=lambda row: f"test.csv:{row + 1}",
        )


def test_large_answers_have_figures_until_a_transform_is_undone() -> None:
    figures, _ = measured("reg:squarederror", [0.0, 0.0], ["9.9e42", "9.9e42"])
    assert figures["model:rmse"] == pytest.approx(9.9e42)
    with pytest.raises(KickstandError, match=r"original:rmse and .*mae and .*rmsle cannot .* \(log1p undone\)"):
        measured("reg:squarederror", [0.0, 0.0], ["9.9e42", "1"], "log1p")
    with pytest.raises(KickstandError, match=r"e: original:mae cannot be computed: answers reach 800, which is beyond"):
        losses("original:mae", answered("reg:squarederror", ["1", "800"], "log1p"), Labels(np.ones(2), "log1p"))


def test_models_of_different_transforms_meet_in_original_units() -> None:
    """The labels are log(1 + y); the served model was trained on y itself and answers it."""
    labels, answers = Labels(np.log1p([1.0, 3.0]), "log1p"), answered("reg:squarederror", ["2", "3"])
    assert losses("original:mae", answers, labels).tolist() == pytest.approx([1.0, 0.0], abs=1e-12)
    with pytest.raises(KickstandError, match=r"Compare in original units: mae\."):
        losses("model:mae", answers, labels)


def test_a_transform_is_of_numbers_not_of_classes() -> None:
    labels = np.array([1.0, 0.0])
    answers = answered("binary:hinge", ["1", "1"], "log1p")
    assert metrics(answers, Labels(labels, "none")) == metrics(answers, Labels(labels, "log1p")) == {"model:error": 0.5}
    assert answers.predicted.tolist() == [1.0, 1.0]


def test_a_metric_that_the_model_does_not_have_is_told() -> None:
    with pytest.raises(KickstandError, match="objective binary:logistic has no original:rmse"):
        losses("original:rmse", answered("binary:logistic", ["1"]), Labels(np.array([1.0]), "none"))
