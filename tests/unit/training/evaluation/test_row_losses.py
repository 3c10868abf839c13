"""Losses of rows: their mean is what `kickstand evaluate` reports; answers that are no numbers are told by row."""

from __future__ import annotations

import numpy as np
import pytest

from kickstand.config.model import TargetTransform
from kickstand.errors import KickstandError
from training.evaluation.comparison import EndpointAnswers, figure, row_losses
from training.evaluation.metrics import evaluation, reported_metrics
from training.evaluation.test_rows import TestRows, rows_of_files

REAL = ("0.5", "2.25", "1e-3", "-0.25")
CASES: list[tuple[str, tuple[str, ...], tuple[float, ...], TargetTransform]] = [
    ("reg:squarederror", REAL, (1.0, 2.0, 0.0, 3.5), "none"),
    ("reg:squarederror", REAL, (1.0, 2.0, 0.0, 3.5), "log1p"),
    ("count:poisson", ("0.5", "2.25", "1e-3", "4"), (1.0, 2.0, 0.0, 3.0), "none"),
    ("binary:logistic", ("0.9", "0.5", "0.0", "0.2"), (1.0, 1.0, 0.0, 1.0), "none"),
    ("binary:hinge", ("1", "1", "0", "0"), (1.0, 0.0, 0.0, 1.0), "none"),
    ("multi:softmax", ("2", "1", "0", "0"), (2.0, 0.0, 0.0, 1.0), "none"),
    ("multi:softprob", ("0.1,0.2,0.7", "0.5,0.3,0.2", "0,1,0", "0.3,0.4,0.3"), (2.0, 0.0, 0.0, 1.0), "none"),
]


def rows(labels: tuple[float, ...], name: str = "test.csv") -> TestRows:
    return rows_of_files([(name, "".join(f"{label},1\n" for label in labels).encode())], 1, "test.csv")


@pytest.mark.parametrize(("objective", "texts", "labels", "transform"), CASES)
def test_the_mean_is_what_evaluate_reports(
    objective: str, texts: tuple[str, ...], labels: tuple[float, ...], transform: TargetTransform
) -> None:
    reported, _ = evaluation(objective, np.array(labels), list(texts), transform)
    assert set(reported_metrics(objective)) == set(reported)
    for metric, value in reported.items():
        losses = row_losses(metric, EndpointAnswers(texts, objective, transform), rows(labels), transform, where="e")
        assert figure(metric, losses) == pytest.approx(value, rel=1e-12), metric


def test_no_metric_of_an_objective_without_figures() -> None:
    assert reported_metrics("rank:ndcg") == ()


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_an_answer_that_is_not_finite_is_told_by_its_row(bad: str) -> None:
    answered = EndpointAnswers(("1", bad, "3", bad), "reg:squarederror", "none")
    with pytest.raises(KickstandError) as refused:
        row_losses("model:rmse", answered, rows((1.0, 2.0, 3.0, 4.0)), "none", where="endpoint bikes-dev")
    (problem,) = refused.value.problems
    assert problem.message == f"The answer to the row test.csv:2 is {bad}, not finite, and 1 more."
    assert problem.where == "endpoint bikes-dev"


def test_a_number_that_its_original_units_cannot_hold_is_told_too() -> None:
    answered = EndpointAnswers(("1", "800"), "reg:squarederror", "log1p")
    with pytest.raises(KickstandError, match=r"the row test.csv:2 is 800, not finite in original units"):
        row_losses("original:mae", answered, rows((1.0, 2.0)), "log1p", where="e")


def test_an_answer_that_is_no_number_is_no_traceback() -> None:
    answered = EndpointAnswers(("1", "oops"), "reg:squarederror", "none")
    with pytest.raises(KickstandError, match="Expected numbers from the endpoint"):
        row_losses("model:mae", answered, rows((1.0, 2.0)), "none", where="e")


def test_models_of_different_transforms_meet_in_original_units() -> None:
    """The labels are log(1 + y); the served model was trained on y itself and answers it."""
    labels, answered = (np.log1p(1.0), np.log1p(3.0)), EndpointAnswers(("2", "3"), "reg:squarederror", "none")
    losses = row_losses("original:mae", answered, rows(labels), "log1p", where="e")
    assert losses.tolist() == pytest.approx([1.0, 0.0], abs=1e-12)
    with pytest.raises(KickstandError, match=r"Compare in original units: mae\."):
        row_losses("model:mae", answered, rows(labels), "log1p", where="e")


def test_a_metric_that_the_model_does_not_have_is_told() -> None:
    with pytest.raises(KickstandError, match="objective binary:logistic has no original:rmse"):
        row_losses("original:rmse", EndpointAnswers(("1",), "binary:logistic", "none"), rows((1.0,)), "none", where="e")


def test_labels_below_zero_have_no_rmsle() -> None:
    with pytest.raises(KickstandError, match="Labels below 0 have no rmsle"):
        row_losses(
            "original:rmsle", EndpointAnswers(("1",), "reg:squarederror", "none"), rows((-1.0,)), "none", where="e"
        )
