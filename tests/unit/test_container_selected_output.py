"""Selectable output: what each key says for each objective, in each of the four forms."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from serving_face import FEATURES, ask, face, objective_model
from test_container_request_rows import RECORD
from training_folder import text

from localcloud.container.hosting.selected_output import KEYS, SelectedOutput
from training.data.recordio import frames

BODY = text(FEATURES[:4]).encode()
NAN = math.nan


def _rows(objective: str, values: list[float], columns: int = 0, classes: int = 0) -> list[dict[str, Any]]:
    output = SelectedOutput(KEYS, objective, classes)
    predictions: list[dict[str, Any]] = json.loads(output.encode(values, columns, "application/json"))["predictions"]
    return predictions


@pytest.mark.contract("H51", "H52", "H53", "H54", "H55", "H56")
@pytest.mark.parametrize(
    ("objective", "values", "columns", "classes", "expected"),
    [
        ("reg:squarederror", [2.5], 0, 0, [NAN, NAN, NAN, NAN, NAN, NAN, 2.5]),
        ("reg:absoluteerror", [2.5], 0, 0, [NAN, NAN, NAN, NAN, NAN, NAN, 2.5]),
        ("binary:logistic", [0.75], 0, 0, [1, [0, 1], 0.75, [0.25, 0.75], 0.75, [0.25, 0.75], NAN]),
        ("binary:logistic", [0.5], 0, 0, [0, [0, 1], 0.5, [0.5, 0.5], 0.5, [0.5, 0.5], NAN]),
        ("binary:logitraw", [0.25], 0, 0, [1, [0, 1], NAN, NAN, 0.25, [0.75, 0.25], NAN]),
        ("binary:logitraw", [-1.0], 0, 0, [0, [0, 1], NAN, NAN, -1.0, [2.0, -1.0], NAN]),
        ("binary:hinge", [1.0], 0, 0, [1.0, [0, 1], NAN, NAN, 1.0, [0.0, 1.0], NAN]),
        ("multi:softmax", [2.0], 0, 3, [2.0, [0, 1, 2], NAN, NAN, 2.0, [-1.0, 2.0], NAN]),
        (
            "multi:softprob",
            [0.25, 0.5, 0.25],
            3,
            3,
            [1, [0, 1, 2], 0.5, [0.25, 0.5, 0.25], 0.5, [0.25, 0.5, 0.25], NAN],
        ),
    ],
)
def test_each_key_has_its_value_and_nan_where_it_does_not_fit_the_objective(
    objective: str, values: list[float], columns: int, classes: int, expected: list[Any]
) -> None:
    (row,) = _rows(objective, values, columns, classes)
    np.testing.assert_equal([row[key] for key in KEYS], expected)


@pytest.mark.contract("H50")
def test_json_lines_csv_and_recordio_say_what_json_says(tmp_path: Path) -> None:
    file, booster = objective_model(tmp_path, "multi:softprob")
    served = face(file, SAGEMAKER_INFERENCE_OUTPUT="Probabilities, predicted_label,predicted_score")
    rows = booster.predict(xgboost.DMatrix(FEATURES[:4]))
    labels = [int(row.argmax()) for row in rows]
    status, headers, body = ask(served, BODY, accept="application/json")
    assert (status, headers["content-type"]) == (200, "application/json")
    expected = [
        {"predicted_label": label, "probabilities": row, "predicted_score": NAN}
        for label, row in zip(labels, rows.tolist(), strict=True)
    ]
    np.testing.assert_equal(json.loads(body)["predictions"], expected)
    lines = ask(served, BODY, accept="application/jsonlines")
    assert lines[1]["content-type"] == "application/jsonlines"
    assert lines[2].endswith(b"}\n")
    np.testing.assert_equal([json.loads(line) for line in lines[2].splitlines()], expected)
    table = ask(served, BODY)
    assert table[1]["content-type"] == "text/csv; charset=utf-8"
    assert not table[2].endswith(b"\n")
    cells = list(csv.reader(io.StringIO(table[2].decode())))
    assert cells == [[str(row), str(label), "nan"] for label, row in zip(labels, rows.tolist(), strict=True)]
    records = ask(served, BODY, accept="application/x-recordio-protobuf")
    assert records[1]["content-type"] == "application/x-recordio-protobuf"
    parsed = [RECORD.FromString(records[2][start:end]).label for start, end in frames(records[2])]
    assert [list(row["probabilities"].float32_tensor.values) for row in parsed] == rows.tolist()
    assert [list(row["predicted_label"].float32_tensor.values) for row in parsed] == [[label] for label in labels]


@pytest.mark.contract("H60", "H85")
def test_the_keys_of_a_csv_stand_in_the_order_asked_for(tmp_path: Path) -> None:
    file, booster = objective_model(tmp_path, "binary:logistic")
    (score,) = booster.predict(xgboost.DMatrix(FEATURES[:1])).tolist()
    body = text(FEATURES[:1]).encode()
    keys = "raw_scores,probability,predicted_label"
    line = f'"[{1 - score}, {score}]",{score},{int(score > 0.5)}'
    assert ask(face(file, SAGEMAKER_INFERENCE_OUTPUT=keys), body)[2].decode() == line
    batch = face(file, SAGEMAKER_INFERENCE_OUTPUT=keys, SAGEMAKER_BATCH="true")
    assert ask(batch, body)[2].decode() == line + "\n"


@pytest.mark.contract("H23", "H35", "H83", "H86")
def test_json_lines_and_recordio_are_for_selected_output_alone(tmp_path: Path) -> None:
    file, _ = objective_model(tmp_path, "binary:logistic")
    for accept in ("application/jsonlines", "application/x-recordio-protobuf"):
        refused = ask(face(file), BODY, accept=accept)
        assert refused[0] == 406
        assert refused[2].decode() == (
            f"Accept type {accept} is not supported. Please use supported accept types: "
            "['application/json', 'text/csv']."
        )
    words = (
        "Accept type Image/PNG is not supported. Please use supported accept types: "
        "['application/json', 'application/jsonlines', 'application/x-recordio-protobuf', 'text/csv']."
    )
    assert ask(face(file), BODY, accept="Image/PNG;q=0.9")[2].decode() == words
    selecting = face(
        file, SAGEMAKER_INFERENCE_OUTPUT="labels", SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/jsonlines"
    )
    assert ask(selecting, BODY)[2] == b'{"labels": [0, 1]}\n' * 4
    assert ask(selecting, BODY, accept="Image/PNG")[2].decode() == words


@pytest.mark.contract("H56")
def test_the_log_names_keys_that_do_not_fit() -> None:
    output = SelectedOutput(("labels", "predicted_score"), "reg:gamma", 0)
    assert output.warning == (
        "Selected key(s) ['labels'] incompatible for objective 'reg:gamma'. Please use list of compatible selectable "
        "inference predictions: ['predicted_score']"
    )
    assert SelectedOutput(("labels",), "binary:hinge", 0).warning == ""
