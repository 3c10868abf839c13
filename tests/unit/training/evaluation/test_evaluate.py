"""The test channel through an endpoint: labels and weights never leave, and the figures are the answers'."""

from __future__ import annotations

from pathlib import Path

import pytest

from kickstand.errors import InputError, KickstandError
from training.evaluation.evaluation import Evaluation, evaluate, split_label
from training.prediction.batches import Batch, Expected


def asked(tmp_path: Path, text: str, **more: object) -> tuple[Evaluation, list[bytes]]:
    (tmp_path / "test.csv").write_text(text)
    sent: list[bytes] = []

    def invoke(batch: Batch) -> list[str]:
        sent.append(batch.body)
        return ["1.0"] * batch.rows

    settings = {"objective": "reg:squarederror", "transform": "none", "parallel": 1, **more}
    return evaluate([tmp_path / "test.csv"], invoke, **settings), sent  # type: ignore[arg-type]


def test_the_label_stays_here(tmp_path: Path) -> None:
    result, sent = asked(tmp_path, "1,2,3\n3,4,5\n")
    assert sent == [b"2,3\n4,5\n"]
    assert result.actual.tolist() == [1.0, 3.0]
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


def test_an_objective_without_a_figure_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no test-set figure for the objective rank:ndcg"):
        asked(tmp_path, "", objective="rank:ndcg")


def test_a_file_that_changed_after_its_check_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("1,2\nx,3\n")
    with pytest.raises(KickstandError) as failed:
        split_label([tmp_path / "test.csv"])
    assert failed.value.problems[0].where == f"{tmp_path}/test.csv:2"


def test_rows_of_libsvm_are_sent_as_csv_with_empty_cells(tmp_path: Path) -> None:
    result, sent = asked(tmp_path, "1 0:2 3:0.1\n3 1:4 # two\n", kind="libsvm", width=5)
    assert sent == [b"2,,,0.1\n,4,,\n"]
    assert result.actual.tolist() == [1.0, 3.0]
