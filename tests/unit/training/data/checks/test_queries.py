"""Queries and weights of rows: warned of where xgboost sees other queries, refused where it ends the job.

The oracle is xgboost itself, which reads the same file.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import xgboost

from localcloud.container.training.training_data import read_channel
from training.data.check import check_data

ROWS = 60


def libsvm(queries: list[int] | None, *, weights: bool = False) -> str:
    draw = np.random.default_rng(3)
    lines = []
    for row, (a, b) in enumerate(draw.random((ROWS, 2)).round(4)):
        weight = f":{1 + row % 2}" if weights else ""
        query = f" qid:{queries[row]}" if queries else ""
        lines.append(f"{int(3 * a)}{weight}{query} 0:{a} 1:{b}\n")
    return "".join(lines)


def told(file: Path, **values: str) -> tuple[list[str], list[str]]:
    report, problems = check_data(
        {"train": file},
        content_type="text/csv" if file.suffix == ".csv" else "text/libsvm",
        hyperparameters={"objective": "rank:ndcg", **values},
        where=lambda setting: "k.toml",
    )
    return list(report.warnings), [problem.message for problem in problems]


def trained(file: Path, objective: str = "rank:ndcg") -> list[int]:
    """Where the queries of a file begin to xgboost's own reader, and the end. Raises XGBoostError."""
    form = "format=csv&label_column=0&weight_column=1" if file.suffix == ".csv" else "format=libsvm"
    with xgboost.config_context(verbosity=0):  # without its word on files of text
        matrix = xgboost.DMatrix(f"{file}?{form}")
        xgboost.train({"objective": objective}, matrix, 1)
    return list(matrix.get_uint_info("group_ptr").tolist())


@pytest.mark.contract("T42")
def test_rows_of_a_query_that_stand_apart_are_several_queries(tmp_path: Path) -> None:
    file = tmp_path / "train"
    file.write_text(libsvm([row % 6 for row in range(ROWS)]))
    assert trained(file) == list(range(61))
    assert told(file) == (
        [
            "channel train: 54 times a qid comes again behind another one; rows one after another are a query to "
            "xgboost, so that there are 60 queries. Sort the rows by qid."
        ],
        [],
    )
    file.write_text(libsvm([6 - row // 10 for row in range(ROWS)]))
    assert trained(file) == [0, 10, 20, 30, 40, 50, 60]
    assert told(file) == ([], [])
    file.write_text(libsvm([*range(ROWS)]))
    assert trained(file) == list(range(61))
    assert told(file) == (["channel train: each of 60 rows is a query of its own, in which nothing is ranked."], [])


@pytest.mark.parametrize("queries", [None, [row // 10 for row in range(ROWS)]])
def test_a_weight_for_each_row_ends_a_ranking(tmp_path: Path, queries: list[int] | None) -> None:
    file = tmp_path / "train"
    file.write_text(libsvm(queries, weights=True))
    with pytest.raises(xgboost.core.XGBoostError, match="must equal to the number of query groups"):
        trained(file)
    what = "6 queries" if queries else "1 query"
    assert told(file)[1] == [
        f"channel train has a weight for each of 60 rows in {what}; where queries are ranked, xgboost takes one for "
        "each query, and the job fails."
    ]


def test_weights_of_csv_end_a_ranking_and_no_other_objective(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    draw = np.random.default_rng(4).random((ROWS, 2)).round(4)
    file.write_text("".join(f"{row % 3},{1 + row % 2},{a},{b}\n" for row, (a, b) in enumerate(draw)))
    with pytest.raises(xgboost.core.XGBoostError, match="must equal to the number of query groups"):
        trained(file)
    (message,) = told(file, csv_weights="1")[1]
    assert re.match("channel train has a weight for each of 60 rows in 1 query", message)
    trained(file, "reg:squarederror")
    assert told(file, csv_weights="1", objective="reg:squarederror") == ([], [])


def test_weights_of_rows_that_are_a_query_each_are_weights_of_queries(tmp_path: Path) -> None:
    file = tmp_path / "train"
    file.write_text(libsvm([*range(ROWS)], weights=True))
    assert trained(file) == list(range(61))
    assert told(file)[1] == []


@pytest.mark.contract("T42")
def test_the_training_program_sees_the_queries_that_xgboost_s_reader_sees(tmp_path: Path) -> None:
    for queries in ([row % 6 for row in range(ROWS)], [6 - row // 10 for row in range(ROWS)]):
        file = tmp_path / "train"
        file.write_text(libsvm(queries))
        rows = read_channel(tmp_path, [file], "libsvm", False, 1)
        assert rows.matrix(1).get_uint_info("group_ptr").tolist() == trained(file)
