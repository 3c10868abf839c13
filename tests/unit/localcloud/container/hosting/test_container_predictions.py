"""Answers of ten objectives to each content type: bare xgboost's own predictions, to the last printed digit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from serving_face import ask, face
from test_container_request_rows import record
from training_folder import numbers, text

from localcloud.container.hosting.application import ServingApplication

OBJECTIVES: dict[str, int] = {
    "reg:squarederror": 0,
    "reg:logistic": 0,
    "reg:gamma": 0,
    "reg:tweedie": 0,
    "count:poisson": 0,
    "binary:logistic": 2,
    "binary:hinge": 2,
    "multi:softmax": 3,
    "multi:softprob": 3,
    "rank:ndcg": 3,
}
"""Ten objectives, each with the number of classes that its labels have; 0: labels between 0 and 1."""
ROWS = 200


@dataclass(frozen=True)
class Case:
    """A model trained on the numbers of one content type by xgboost alone, and rows of that type to ask it for."""

    application: ServingApplication
    bodies: list[bytes]
    content_types: list[str | None]
    predicted: list[Any]

    def check(self, start: int, stop: int) -> None:
        """The answers to some rows, as CSV and as JSON, under each name of the content type."""
        body, expected = b"".join(self.bodies[start:stop]), self.predicted[start:stop]
        lines = "".join((",".join(map(repr, row)) if isinstance(row, list) else repr(row)) + "\n" for row in expected)
        for content_type in self.content_types:
            status, headers, answer = ask(self.application, body, content_type=content_type)
            assert (status, headers["content-type"], answer.decode()) == (200, "text/csv; charset=utf-8", lines)
        said = ask(self.application, body, content_type=self.content_types[0], accept="application/json")[2]
        assert json.loads(said) == {"predictions": [{"score": row} for row in expected]}


def _trained(objective: str, data: xgboost.DMatrix, folder: Path) -> tuple[ServingApplication, list[Any]]:
    parameters: dict[str, Any] = {"objective": objective, "max_depth": 4, "nthread": 1}
    if objective.startswith("multi:"):
        parameters["num_class"] = OBJECTIVES[objective]
    booster = xgboost.train(parameters, data, 8)
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    return face(folder / "xgboost-model"), booster.predict(data).tolist()


def _table(objective: str) -> Any:
    return numbers(ROWS, classes=OBJECTIVES[objective])


def _csv(objective: str, folder: Path) -> Case:
    table = _table(objective)
    application, predicted = _trained(objective, xgboost.DMatrix(table[:, 1:], label=table[:, 0]), folder)
    lines = [line.encode() for line in text(table[:, 1:]).splitlines(keepends=True)]
    return Case(application, lines, ["text/csv", "csv"], predicted)


def _libsvm(objective: str, folder: Path) -> Case:
    """Indices from 0 on, and the label before them; xgboost reads the very file.

    `0:nan`, a value that is missing, keeps image 3.2-0 from taking 1 off those of a request without an index 0.
    Numbers are sixteenths: of longer ones xgboost's text reader misses the nearest float32 by a digit.
    """
    lines = []
    table = _table(objective)
    table[:, 1:] = np.round(table[:, 1:] * 16) / 16
    for label, *cells in table.tolist():
        pairs = [f"{place}:{cell!r}" for place, cell in enumerate(cells) if not np.isnan(cell)]
        lines.append(" ".join([repr(label), *pairs]) + "\n")
    file = folder / "data.libsvm"
    file.write_text("".join(lines))
    lines = [line if " 0:" in line else line.replace(" ", " 0:nan ", 1) for line in lines]
    application, predicted = _trained(objective, xgboost.DMatrix(f"{file}?format=libsvm"), folder)
    return Case(application, [line.encode() for line in lines], ["text/libsvm", "text/x-libsvm", None], predicted)


def _recordio(objective: str, folder: Path) -> Case:
    """Dense float32 records, and sparse ones where a value is missing."""
    table = _table(objective).astype(np.float32)
    application, predicted = _trained(objective, xgboost.DMatrix(table[:, 1:], label=table[:, 0]), folder)
    records = []
    for _, *cells in table.tolist():
        there = [place for place, cell in enumerate(cells) if not np.isnan(cell)]
        whole = len(there) == len(cells)
        sparse: dict[str, Any] = {} if whole else {"keys": there, "shape": [len(cells)]}
        records.append(record([cells[place] for place in there], **sparse))
    return Case(application, records, ["application/x-recordio-protobuf", "recordio-protobuf"], predicted)


@pytest.mark.contract("H03", "H10", "H14", "H15", "H16", "H17", "H20", "H21", "H22", "F1")
@pytest.mark.filterwarnings("ignore:.*Text file input has been deprecated:UserWarning")
@pytest.mark.parametrize("kind", [_csv, _libsvm, _recordio])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_answers_are_those_of_bare_xgboost(tmp_path: Path, objective: str, kind: Any) -> None:
    case = kind(objective, tmp_path)
    case.check(0, ROWS)
    case.check(0, 1)
    case.check(3, 10)
