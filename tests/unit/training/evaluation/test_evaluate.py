"""Rows through an endpoint: labels and weights never leave, and the metrics are the answers'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kickstand.errors import InputError, KickstandError
from training.evaluation.answers import invoked, model_answers, parse_answers
from training.evaluation.evaluation import Evaluation, evaluate, main_metric
from training.evaluation.metrics import Labels, UnsoundModelError
from training.evaluation.rows import read_rows
from training.prediction.batches import Batch, Expected


def asked(
    folder: Path,
    text: str,
    *,
    label_columns: int = 1,
    expected: Expected | None = None,
    kind: str = "csv",
    width: int = 0,
) -> tuple[Evaluation, list[bytes]]:
    (folder / "test.csv").write_text(text)
    sent: list[bytes] = []

    def invoke(batch: Batch) -> list[str]:
        sent.append(batch.body)
        return ["1.0"] * batch.rows

    rows = read_rows(
        [("test.csv", folder / "test.csv")],
        label_columns=label_columns,
        transform="none",
        source="here",
        folder=folder / "csv",
        kind=kind,
        width=width,
    )
    texts = invoked(invoke, rows, expected=expected, parallel=1)
    answers = parse_answers(texts, objective="reg:squarederror", transform="none", where="e", place=rows.place)
    return evaluate(answers, rows.labels), sent


def test_the_label_stays_here(tmp_path: Path) -> None:
    result, sent = asked(tmp_path, "1,2,3\n3,4,5\n")
    assert sent == [b"2,3\n4,5\n"]
    assert result.actual.tolist() == [1.0, 3.0]
    assert result.predicted.tolist() == [1.0, 1.0]
    assert result.answers.texts == ("1.0", "1.0")
    assert result.metrics["model:mae"] == 1.0


def test_with_csv_weights_the_weight_stays_here_too(tmp_path: Path) -> None:
    result, sent = asked(tmp_path, "1;0.5;2;3\n3;0.5;4;5\n", label_columns=2)
    assert sent == [b"2,3\n4,5\n"]
    assert result.actual.tolist() == [1.0, 3.0]


def test_rows_of_another_width_than_the_models_are_not_sent(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        asked(tmp_path, "1,2,3\n", expected=Expected(3, "as the model of dev.json takes"))
    (problem,) = refused.value.problems
    assert problem.message == "Expected 3 features (as the model of dev.json takes), found 2."


def test_rows_of_libsvm_are_sent_as_csv_with_empty_cells(tmp_path: Path) -> None:
    result, sent = asked(tmp_path, "1 0:2 3:0.1\n3 1:4 # two\n", kind="libsvm", width=5)
    assert sent == [b"2,,,0.1\n,4,,\n"]
    assert result.actual.tolist() == [1.0, 3.0]


def test_a_large_file_is_sent_piece_by_piece(tmp_path: Path) -> None:
    lines = [f"{number},{number}.25,{number % 7}" for number in range(200_000)]
    result, sent = asked(tmp_path, "\n".join(lines))
    assert len(sent) > 1
    assert b"".join(sent) == "".join(f"{line.partition(',')[2]}\n" for line in lines).encode()
    assert len(result.labels) == 200_000


def test_a_model_of_transformed_labels_is_measured_on_labels_as_they_are() -> None:
    answers = model_answers(
        np.log1p(np.array([0.0, 1.0])), objective="reg:squarederror", transform="log1p", where="here"
    )
    found = evaluate(answers, Labels(np.array([0.0, 3.0]), "none"))
    assert found.metrics == pytest.approx(
        {"original:rmse": 2**0.5, "original:mae": 1.0, "original:rmsle": 0.5**0.5 * np.log(2)}
    )
    assert found.predicted.tolist() == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(
    ("answers", "labels", "words"),
    [
        ([1.0, float("nan")], [1.0, 2.0], "1 of 2 answers are not a finite number: the first is 'nan', of row 2"),
        ([1.0], [1.0, 2.0], "gave 1 answers to 2 rows"),
        ([], [], "The test channel has no rows"),
        ([[0.5, 0.5]], [2.0], "A test row is of class 2; the model knows 2 classes"),
    ],
)
def test_answers_that_cannot_be_measured_are_named(answers: list[float], labels: list[float], words: str) -> None:
    values = np.array(answers, dtype=np.float64)
    objective = "multi:softprob" if values.ndim == 2 else "reg:squarederror"
    with pytest.raises(KickstandError, match=words):
        evaluate(
            model_answers(values, objective=objective, transform="none", where="here"),
            Labels(np.array(labels), "none"),
        )


def test_a_model_whose_answers_cannot_be_used_is_unsound() -> None:
    """A review shows it as a danger, not as something it could not read."""
    for value in (float("inf"), 800.0):
        with pytest.raises(UnsoundModelError):
            evaluate(
                model_answers(np.array([value]), objective="reg:squarederror", transform="log1p", where="here"),
                Labels(np.array([1.0]), "log1p"),
            )


@pytest.mark.parametrize(
    ("transform", "wanted", "found"),
    [
        ("none", None, "original:rmse"),
        ("none", "original:mae", "original:mae"),
        ("none", "model:mae", "original:rmse"),
        ("log1p", None, "original:rmsle"),
        ("log1p", "model:mae", "model:mae"),
    ],
)
def test_models_are_compared_by_one_metric(transform: str, wanted: str | None, found: str) -> None:
    answers = parse_answers(["1", "2"], objective="reg:squarederror", transform=transform, where="e")  # type: ignore[arg-type]
    one = evaluate(answers, Labels(np.array([1.0, 1.5]), transform))  # type: ignore[arg-type]
    assert main_metric(wanted, one) == found
    assert ("model:rmse" in one.distinct) is (transform == "log1p")
