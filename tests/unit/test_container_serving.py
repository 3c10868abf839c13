"""The container's HTTP face: statuses, bodies, and predictions equal to xgboost's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from training_folder import numbers, text

from localcloud.container.errors import UserError
from localcloud.container.served_model import ServedModel, find_model
from localcloud.container.serving_application import ServingApplication
from localcloud.container.serving_settings import ServingSettings

TABLE = numbers(300)
FEATURES = TABLE[:, 1:]
ROW = b"0.5,1.5,-1,2"


def _model(tmp_path: Path, parameters: dict[str, Any] | None = None, classes: int = 0) -> tuple[Path, xgboost.Booster]:
    label = numbers(300, classes=classes)[:, 0]
    booster = xgboost.train(parameters or {}, xgboost.DMatrix(FEATURES, label=label), 5)
    file = tmp_path / "xgboost-model"
    file.write_bytes(booster.save_raw("ubj"))
    return file, booster


def _ask(
    application: ServingApplication,
    body: bytes = b"",
    *,
    path: str = "/invocations",
    method: str = "POST",
    content_type: str | None = "text/csv",
    accept: str | None = None,
) -> tuple[int, dict[str, str], bytes]:
    headers = [(b"content-type", content_type.encode())] if content_type is not None else []
    headers += [(b"accept", accept.encode())] if accept is not None else []
    parts = [body[start : start + 65536] for start in range(0, len(body), 65536)] or [b""]
    incoming = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1} for index, part in enumerate(parts)
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(application(scope, receive, send))
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, sent[1]["body"]


@pytest.fixture
def application(tmp_path: Path) -> ServingApplication:
    return _application(_model(tmp_path)[0])


def _application(file: Path, **variables: str) -> ServingApplication:
    return ServingApplication(ServedModel(file, threads=1), ServingSettings.from_environment(variables))


def test_ping_and_execution_parameters(application: ServingApplication) -> None:
    assert _ask(application, path="/ping", method="GET")[0] == 200
    status, headers, body = _ask(application, path="/execution-parameters", method="GET")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert {"BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}.items() <= json.loads(body).items()


@pytest.mark.parametrize(
    ("parameters", "classes"),
    [
        ({}, 0),
        ({"objective": "binary:logistic"}, 2),
        ({"objective": "multi:softmax", "num_class": 3}, 3),
        ({"booster": "gblinear", "updater": "coord_descent"}, 0),
        ({"booster": "dart", "rate_drop": 0.5}, 0),
    ],
)
def test_predictions_are_xgboosts_own_one_a_line_to_the_last_digit(
    tmp_path: Path, parameters: dict[str, Any], classes: int
) -> None:
    file, booster = _model(tmp_path, parameters, classes)
    expected = "".join(f"{value}\n" for value in booster.predict(xgboost.DMatrix(FEATURES)).tolist())
    whole = _ask(_application(file), text(FEATURES).encode())
    assert whole == (
        200,
        {"content-type": "text/csv; charset=utf-8", "content-length": str(len(expected))},
        expected.encode(),
    )
    single = [_ask(_application(file), text(FEATURES[row : row + 1]).encode())[2].decode() for row in range(3)]
    assert single == expected.splitlines(keepends=True)[:3]


def test_softprob_rows_are_joined_by_commas_or_lists(tmp_path: Path) -> None:
    file, booster = _model(tmp_path, {"objective": "multi:softprob", "num_class": 3}, 3)
    expected = booster.predict(xgboost.DMatrix(FEATURES[:2])).tolist()
    body = text(FEATURES[:2]).encode()
    assert _ask(_application(file), body)[2].decode() == "".join(",".join(map(str, row)) + "\n" for row in expected)
    answer = _ask(_application(file), body, accept="application/json")
    assert answer[1]["content-type"] == "application/json"
    assert json.loads(answer[2]) == {"predictions": [{"score": row} for row in expected]}
    assert _ask(_application(file, SAGEMAKER_BATCH="true"), body)[2].decode() == "".join(f"{row}\n" for row in expected)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_an_empty_cell_is_missing_and_the_delimiter_is_found(application: ServingApplication, delimiter: str) -> None:
    cells = ["0.5", "", "nan", "2"]
    given = _ask(application, delimiter.join(cells).encode())
    explicit = _ask(application, b"0.5,nan,nan,2\r\n")
    assert given == explicit
    assert given[0] == 200


def test_a_large_body_with_spellings_that_only_python_reads_is_accepted(application: ServingApplication) -> None:
    plain, spelt = b"1,2,3,4\n" * 2000, b" 1,+2,3 ,4\n" * 2000
    assert _ask(application, spelt) == _ask(application, plain)


def test_missing_trailing_features_count_as_missing(application: ServingApplication) -> None:
    assert _ask(application, b"0.5,1.5") == _ask(application, b"0.5,1.5,,")


@pytest.mark.parametrize(
    ("body", "asked", "status", "words"),
    [
        (b"", {}, 204, ""),
        (b"1,2,3,4,5", {}, 400, "Unable to evaluate payload provided: Check failed: learner_model_param_.num_feature"),
        (ROW, {"accept": "image/png"}, 406, "Accept type image/png is not supported."),
        (b"1,2,3,4\n" * 900_000, {}, 413, "Request Entity Too Large"),
        (b"a,b,c,d", {}, 415, "could not convert string to float: 'a'"),
        (b"1,2\n1,2,3", {}, 415, "Loading csv data failed with Exception, please ensure data is in csv format:"),
        (b"1,2,3,4\n" * 1000 + b"1,2,3,x", {}, 415, "could not convert string to float: 'x'"),
        (b"1,inf,3,4", {}, 415, "Input data contains `inf` or a value too large"),
        (b"1,1e400,3,4\n" * 1000, {}, 415, "Input data contains `inf` or a value too large"),
        (b"1_0,2,3,4", {}, 415, "could not convert string to float: '1_0'"),
        (b"\xff\xfe\x00", {}, 415, "codec can't decode"),
        (b"   \n ", {}, 415, "Loading csv data failed"),
        (ROW, {"content_type": "application/json"}, 415, "application/json is not an accepted ContentType"),
        (ROW, {"content_type": "text/libsvm"}, 415, "Content-type text/libsvm is not supported by the local cloud"),
        (ROW, {"content_type": "application/x-recordio-protobuf"}, 415, "is not supported by the local cloud"),
        (ROW, {"content_type": None}, 415, "a request without a Content-Type"),
        (ROW, {"method": "GET"}, 405, "Method Not Allowed"),
        (ROW, {"path": "/ping"}, 405, "Method Not Allowed"),
        (ROW, {"path": "/"}, 404, "Not Found"),
    ],
)
def test_each_refusal_has_the_containers_status(
    application: ServingApplication, body: bytes, asked: dict[str, Any], status: int, words: str
) -> None:
    answer = _ask(application, body, **asked)
    assert answer[0] == status
    assert words in answer[2].decode()


def test_a_row_of_a_million_columns_is_refused(application: ServingApplication) -> None:
    assert _ask(application, b"1," * 1_000_000 + b"1")[0] == 400


@pytest.mark.parametrize("accept", [None, "*/*", "text/csv", "TEXT/CSV;q=1"])
def test_csv_is_the_default_answer(application: ServingApplication, accept: str | None) -> None:
    assert _ask(application, ROW, accept=accept)[1]["content-type"] == "text/csv; charset=utf-8"


def test_the_default_answer_and_the_limit_can_be_set(tmp_path: Path) -> None:
    file = _model(tmp_path)[0]
    application = _application(file, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json", MAX_CONTENT_LENGTH="10")
    assert _ask(application, b"1,2,3,4")[1]["content-type"] == "application/json"
    assert _ask(application, b"1,2,3,4.0000")[0] == 413


def test_an_invocation_that_stalls_ends_with_the_timeout(tmp_path: Path) -> None:
    application = _application(_model(tmp_path)[0], SAGEMAKER_MODEL_SERVER_TIMEOUT="1")
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(30)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": [(b"content-type", b"text/csv")]}
    asyncio.run(application(scope, receive, send))
    assert sent[0]["status"] == 500


def test_what_the_environment_asks_for_is_checked_all_at_once() -> None:
    with pytest.raises(UserError) as error:
        ServingSettings.from_environment(
            {"SAGEMAKER_INFERENCE_OUTPUT": "labels", "SAGEMAKER_BIND_TO_PORT": "http", "SAGEMAKER_PROGRAM": "serve.py"}
        )
    lines = str(error.value).removeprefix("UserError: ").splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        "SAGEMAKER_INFERENCE_OUTPUT",
        "SAGEMAKER_PROGRAM",
        "SAGEMAKER_BIND_TO_PORT",
    ]


def test_defaults_are_the_containers() -> None:
    settings = ServingSettings.from_environment({})
    assert (settings.port, settings.threads, settings.timeout_seconds) == (8080, 1, 60.0)
    assert (settings.default_accept, settings.max_body_bytes, settings.batch) == ("text/csv", 6 * 1024**2, False)
    assert ServingSettings.from_environment({"MAX_CONTENT_LENGTH": "99999999"}).max_body_bytes == 20 * 1024**2


@pytest.mark.parametrize(
    ("content", "words"), [(b"\x80\x04\x95", "is a pickle"), (b"junk", "cannot be loaded"), (b"", "cannot be loaded")]
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "xgboost-model").write_bytes(content)
    with pytest.raises(UserError, match=words):
        ServedModel(find_model(tmp_path), threads=1)


def test_a_model_saved_as_json_is_loaded_too(tmp_path: Path) -> None:
    file, booster = _model(tmp_path)
    file.write_bytes(booster.save_raw("json"))
    rows = FEATURES[:4].astype(np.float32)
    np.testing.assert_array_equal(ServedModel(file, threads=1).predict(rows), booster.predict(xgboost.DMatrix(rows)))


def test_there_must_be_one_model_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No model file"):
        find_model(tmp_path / "absent")
    (tmp_path / "xgboost-model-0").touch()
    (tmp_path / "xgboost-model-1").touch()
    with pytest.raises(UserError, match=r"Ensembles of several model files \(xgboost-model-0, xgboost-model-1\)"):
        find_model(tmp_path)
