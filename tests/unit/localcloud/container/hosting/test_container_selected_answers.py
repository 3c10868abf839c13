"""Selectable output through the HTTP face: every key for every objective that has any, in all four forms."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from serving_face import FEATURES, ask, face, model
from test_container_request_rows import RECORD
from training_folder import text

from localcloud.container.contract import UserError
from training.data.formats.recordio import frames

KEYS = ["predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores", "predicted_score"]
ROWS = 60
BODY = text(FEATURES[:ROWS]).encode()
NAN = math.nan

Score = float | list[float]
Expected = Callable[[Any], list[Any]]


def _regression(score: float) -> list[Any]:
    return [NAN, NAN, NAN, NAN, NAN, NAN, score]


def _probability(score: float) -> list[Any]:
    both = [1.0 - score, score]
    return [1 if score > 0.5 else 0, [0, 1], score, both, score, both, NAN]


def _margin(score: float) -> list[Any]:
    return [1 if score > 0 else 0, [0, 1], NAN, NAN, score, [1.0 - score, score], NAN]


def _side(score: float) -> list[Any]:
    return [score, [0, 1], NAN, NAN, score, [1.0 - score, score], NAN]


def _class(score: float) -> list[Any]:
    return [score, [0, 1, 2], NAN, NAN, score, [1.0 - score, score], NAN]


def _probabilities(scores: list[float]) -> list[Any]:
    best = max(scores)
    return [scores.index(best), [0, 1, 2], best, scores, best, scores, NAN]


EXPECTED: dict[str, tuple[int, Expected]] = {
    "reg:squarederror": (0, _regression),
    "reg:logistic": (0, _regression),
    "reg:gamma": (0, _regression),
    "reg:absoluteerror": (0, _regression),
    "reg:tweedie": (0, _regression),
    "binary:logistic": (2, _probability),
    "binary:logitraw": (2, _margin),
    "binary:hinge": (2, _side),
    "multi:softmax": (3, _class),
    "multi:softprob": (3, _probabilities),
}
"""Objectives: the classes of their labels, and what each of KEYS says of one prediction."""


def _served(folder: Path, objective: str) -> tuple[Path, list[dict[str, Any]]]:
    """A model's file, and what each key says of each row."""
    classes, expected = EXPECTED[objective]
    parameters = {"objective": objective, **({"num_class": 3} if objective.startswith("multi:") else {})}
    file, booster = model(folder, parameters, classes)
    scores = booster.predict(xgboost.DMatrix(FEATURES[:ROWS])).tolist()
    return file, [dict(zip(KEYS, expected(score), strict=True)) for score in scores]


@pytest.mark.contract("H50", "H51", "H52", "H53", "H54", "H55", "H56", "H58", "H59", "H60", "H61")
@pytest.mark.parametrize("objective", EXPECTED)
def test_each_key_in_each_form(tmp_path: Path, objective: str) -> None:
    file, rows = _served(tmp_path, objective)
    accepted = '{"recordio-output": "Its reader takes the last of a name."}'
    application = face(file, SAGEMAKER_INFERENCE_OUTPUT=",".join(KEYS), KICKSTAND_KNOWN_FAULTS=accepted)

    status, headers, body = ask(application, BODY, accept="application/json")
    assert (status, headers["content-type"]) == (200, "application/json")
    np.testing.assert_equal(json.loads(body), {"predictions": rows})

    status, headers, body = ask(application, BODY, accept="application/jsonlines")
    assert (status, headers["content-type"]) == (200, "application/jsonlines")
    assert body.endswith(b"}\n")
    np.testing.assert_equal([json.loads(line) for line in body.splitlines()], rows)

    for accept in ("text/csv", "*/*", None):
        status, headers, body = ask(application, BODY, accept=accept)
        assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert list(csv.reader(io.StringIO(body.decode()))) == [[str(row[key]) for key in KEYS] for row in rows]
        assert not body.endswith(b"\n")

    status, headers, body = ask(application, BODY, accept="application/x-recordio-protobuf")
    assert (status, headers["content-type"]) == (200, "application/x-recordio-protobuf")
    records = [RECORD.FromString(body[start:end]).label for start, end in frames(body)]
    found = [{key: list(value.float32_tensor.values) for key, value in record.items()} for record in records]
    single = [{key: np.atleast_1d(np.float32(row[key])).tolist() for key in KEYS} for row in rows]
    np.testing.assert_equal(found, single)


@pytest.mark.contract("H51", "H52", "H53", "H54", "H55", "H56")
@pytest.mark.parametrize("objective", EXPECTED)
def test_each_key_alone(tmp_path: Path, objective: str) -> None:
    file, rows = _served(tmp_path, objective)
    for key in KEYS:
        body = ask(face(file, SAGEMAKER_INFERENCE_OUTPUT=key), BODY, accept="application/json")[2]
        np.testing.assert_equal(json.loads(body), {"predictions": [{key: row[key]} for row in rows]})


@pytest.mark.contract("H57")
@pytest.mark.parametrize(
    "objective",
    [
        *("count:poisson", "rank:pairwise", "rank:ndcg", "rank:map", "survival:cox"),
        *("reg:squaredlogerror", "reg:pseudohubererror"),
    ],
)
def test_an_objective_without_selectable_output_is_refused_at_the_start(tmp_path: Path, objective: str) -> None:
    classes = 2 if objective.startswith("rank:") else 0
    file, _ = model(tmp_path, {"objective": objective}, classes)
    words = f"Objective `{objective}` unsupported for selectable inference predictions."
    with pytest.raises(UserError, match=words):
        face(file, SAGEMAKER_INFERENCE_OUTPUT="predicted_score")
    assert ask(face(file), BODY)[0] == 200
