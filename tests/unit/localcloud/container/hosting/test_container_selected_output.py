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

from localcloud.container.contract import UserError
from localcloud.container.hosting.selected_output import KEYS, SelectedOutput
from training.data.formats.recordio import frames

BODY = text(FEATURES[:4]).encode()
NAN = math.nan
ACCEPTED = '{"recordio-output": "Its reader takes the last of a name."}'


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
    served = face(
        file,
        SAGEMAKER_INFERENCE_OUTPUT="Probabilities, predicted_label,predicted_score",
        KICKSTAND_KNOWN_FAULTS=ACCEPTED,
    )
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


FAILED = """<!doctype html>
<html lang=en>
<title>500 Internal Server Error</title>
<h1>Internal Server Error</h1>
<p>The server encountered an internal error and was unable to complete your request. Either the server is overloaded \
or there is an error in the application.</p>
"""
"""What the image's own server, Flask, answers where the encoder of the toolkit has no such form."""


@pytest.mark.contract("H23", "H35", "H45", "H83", "H86")
def test_json_lines_and_recordio_of_plain_predictions_fail_as_in_the_image(tmp_path: Path) -> None:
    file, _ = objective_model(tmp_path, "binary:logistic")
    for accept in ("application/jsonlines", "application/x-recordio-protobuf"):
        failed = ask(face(file), BODY, accept=accept)
        assert (failed[0], failed[1]["content-type"]) == (500, "text/html; charset=utf-8")
        assert failed[2].decode() == FAILED
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


@pytest.mark.contract("H85", "B09")
@pytest.mark.parametrize("default", ["", "application/jsonlines", "application/x-recordio-protobuf"])
def test_batch_transform_writes_lines_under_the_name_of_every_form(tmp_path: Path, default: str) -> None:
    file, booster = objective_model(tmp_path, "binary:logistic")
    lines = "".join(f"{score}\n" for score in booster.predict(xgboost.DMatrix(FEATURES[:4])).tolist())
    variables = {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": default} if default else {}
    application = face(file, SAGEMAKER_BATCH="true", **variables)
    forms = ["application/json", "application/jsonlines", "application/x-recordio-protobuf", "text/csv"]
    for accept in [*forms, None]:
        status, headers, body = ask(application, BODY, accept=accept)
        kind = headers["content-type"].partition(";")[0]
        assert (status, kind, body.decode()) == (200, accept or default or "text/csv", lines)
    assert ask(application, BODY, accept="text/plain")[0] == 406
    selecting = face(file, SAGEMAKER_BATCH="true", SAGEMAKER_INFERENCE_OUTPUT="labels")
    assert ask(selecting, BODY, accept="application/jsonlines")[2] == b'{"labels": [0, 1]}\n' * 4


@pytest.mark.contract("F7")
def test_records_of_selected_output_are_refused_by_name_unless_accepted(tmp_path: Path) -> None:
    file, _ = objective_model(tmp_path, "binary:logistic")
    words = (
        "application/x-recordio-protobuf is a known fault of image 3.2-0, recordio-output: each record of a selected "
        "output holds those of the rows before it too. Use application/jsonlines, or accept it with its reason in the "
        'model\'s Environment: KICKSTAND_KNOWN_FAULTS = {"recordio-output": "…"}.'
    )
    refused = ask(face(file, SAGEMAKER_INFERENCE_OUTPUT="labels"), BODY, accept="application/x-recordio-protobuf")
    assert (refused[0], refused[2].decode()) == (406, words)
    variables = {
        "SAGEMAKER_INFERENCE_OUTPUT": "labels",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/x-recordio-protobuf",
    }
    with pytest.raises(UserError) as error:
        face(file, **variables)
    assert str(error.value) == f"UserError: SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: {words}"
    accepted = ask(face(file, **variables, KICKSTAND_KNOWN_FAULTS=ACCEPTED), BODY)
    assert (accepted[0], len(list(frames(accepted[2])))) == (200, 4)


@pytest.mark.contract("H56")
def test_the_log_names_keys_that_do_not_fit() -> None:
    output = SelectedOutput(("labels", "predicted_score"), "reg:gamma", 0)
    assert output.warning == (
        "Selected key(s) ['labels'] incompatible for objective 'reg:gamma'. Please use list of compatible selectable "
        "inference predictions: ['predicted_score']"
    )
    assert SelectedOutput(("labels",), "binary:hinge", 0).warning == ""
