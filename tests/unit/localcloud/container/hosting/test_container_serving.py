"""The container's HTTP face: statuses, bodies, and predictions equal to xgboost's."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from serving_face import FEATURES, OBJECTIVES, ROW, ask, asked, face, model, objective_model
from training_folder import text

from localcloud.container import serve
from localcloud.container.contract import UserError
from localcloud.container.hosting.application import ServingApplication
from localcloud.container.hosting.served_model import ServedModel
from localcloud.container.hosting.settings import ServingSettings


@pytest.fixture
def application(tmp_path: Path) -> ServingApplication:
    return face(model(tmp_path)[0])


@pytest.mark.contract("H01", "H02")
def test_ping_and_execution_parameters(application: ServingApplication) -> None:
    assert ask(application, path="/ping", method="GET")[0] == 200
    status, headers, body = ask(application, path="/execution-parameters", method="GET")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {
        "MaxConcurrentTransforms": os.cpu_count(),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


@pytest.mark.contract("H03", "H20")
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_predictions_are_xgboosts_own_one_a_line_to_the_last_digit(tmp_path: Path, objective: str) -> None:
    file, booster = objective_model(tmp_path, objective)
    _equal_to_xgboost(file, booster)


@pytest.mark.contract("H04")
@pytest.mark.parametrize(
    "parameters",
    [
        {"booster": "gblinear", "updater": "coord_descent", "subsample": 1},
        {"booster": "dart", "rate_drop": 0.5},
        {"num_parallel_tree": 3},
        {"grow_policy": "lossguide", "max_leaves": 5, "tree_method": "hist"},
    ],
)
def test_every_booster_predicts_as_it_does_in_xgboost(tmp_path: Path, parameters: dict[str, Any]) -> None:
    _equal_to_xgboost(*model(tmp_path, parameters))


def _equal_to_xgboost(file: Path, booster: xgboost.Booster) -> None:
    predicted = booster.predict(xgboost.DMatrix(FEATURES))
    lines = [",".join(map(str, np.atleast_1d(row).tolist())) + "\n" for row in predicted]
    expected = "".join(lines).encode()
    application = face(file)
    for rows in (text(FEATURES), text(FEATURES, ";")):
        assert ask(application, rows.encode()) == (
            200,
            {"content-type": "text/csv; charset=utf-8", "content-length": str(len(expected))},
            expected,
        )
    assert [ask(application, text(FEATURES[row : row + 1]).encode())[2].decode() for row in range(3)] == lines[:3]
    assert ask(application, text(FEATURES[:9]).encode())[2].decode() == "".join(lines[:9])


@pytest.mark.contract("H21", "H22", "H85")
def test_softprob_rows_are_joined_by_commas_or_lists(tmp_path: Path) -> None:
    file, booster = model(tmp_path, {"objective": "multi:softprob", "num_class": 3}, 3)
    expected = booster.predict(xgboost.DMatrix(FEATURES[:2])).tolist()
    body = text(FEATURES[:2]).encode()
    assert ask(face(file), body)[2].decode() == "".join(",".join(map(str, row)) + "\n" for row in expected)
    answer = ask(face(file), body, accept="application/json")
    assert answer[1]["content-type"] == "application/json"
    assert json.loads(answer[2]) == {"predictions": [{"score": row} for row in expected]}
    assert ask(face(file, SAGEMAKER_BATCH="true"), body)[2].decode() == "".join(f"{row}\n" for row in expected)


@pytest.mark.contract("H11", "H12")
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_an_empty_cell_is_missing_and_the_delimiter_is_found(application: ServingApplication, delimiter: str) -> None:
    cells = ["0.5", "", "nan", "2"]
    given = ask(application, delimiter.join(cells).encode())
    explicit = ask(application, b"0.5,nan,nan,2\r\n")
    assert given == explicit
    assert given[0] == 200


def test_a_large_body_with_spellings_that_only_python_reads_is_accepted(application: ServingApplication) -> None:
    plain, spelt = b"1,2,3,4\n" * 2000, b" 1,+2,3 ,4\n" * 2000
    assert ask(application, spelt) == ask(application, plain)


@pytest.mark.contract("H13")
def test_missing_trailing_features_count_as_missing(application: ServingApplication) -> None:
    assert ask(application, b"0.5,1.5") == ask(application, b"0.5,1.5,,")


@pytest.mark.contract("H18", "H30", "H31", "H33", "H34", "H35", "H36", "H37", "H38", "H39")
@pytest.mark.parametrize(
    ("body", "asked", "status", "words"),
    [
        (b"", {}, 204, ""),
        (b"1,2,3,4,5", {}, 400, "Unable to evaluate payload provided: Check failed: learner_model_param_.num_feature"),
        (ROW, {"accept": "image/png"}, 406, "Accept type image/png is not supported."),
        (b"1,2,3,4\n" * 900_000, {}, 413, "Request Entity Too Large"),
        (b"a,b,c,d", {}, 415, "could not convert string to float: np.str_('a')"),
        (b"1,2\n1,x,3", {}, 415, "csv format:\n <class 'ValueError'>\n setting an array element with a sequence."),
        (b"1,2,3,4\n" * 1000 + b"1,2,3,x", {}, 415, "could not convert string to float: np.str_('x')"),
        (b"1,inf,3,4", {}, 415, "XGBoostError'>\n Check failed: valid: Input data contains `inf` or a value too large"),
        (b"1,1e400,3,4\n" * 1000, {}, 415, "Input data contains `inf` or a value too large"),
        (b"1_0,2,3,4", {}, 415, "could not convert string to float: np.str_('1_0')"),
        (b"\xff\xfe\x00", {}, 415, "codec can't decode"),
        (b"   \n ", {}, 415, "in csv format:\n <class '_csv.Error'>\n Could not determine delimiter"),
        (ROW, {"content_type": "application/json"}, 415, "application/json is not an accepted ContentType"),
        (ROW, {"content_type": "application/jsonlines"}, 415, "application/jsonlines is not an accepted ContentType"),
        (ROW, {"content_type": "application/x-parquet"}, 415, "Content-type application/x-parquet is not supported."),
        (ROW, {"content_type": "text/csv;label_size=2"}, 415, "label_size must be equal to 1"),
        (ROW, {"content_type": "text/libsvm"}, 415, "Loading libsvm data failed with Exception"),
        (ROW, {"content_type": None}, 415, "Loading libsvm data failed with Exception"),
        (b"1,2,3,\r\n1,2,3,4", {}, 415, "could not convert string to float: np.str_('\\r')"),
        (b"1,2,3,\r\n" * 1000 + b"1,2,3,4", {}, 415, "could not convert string to float: np.str_('\\r')"),
        (b"1:1 5:2", {"content_type": "text/libsvm"}, 400, "(4 vs. 5)"),
        (b"0:1 4:2", {"content_type": "text/libsvm"}, 400, "(4 vs. 5)"),
        (b"1:1 2147483648:2", {"content_type": "libsvm"}, 400, "(4 vs. 2147483648)"),
        (
            b"1:1 99999999999999999999999:2",
            {"content_type": "libsvm"},
            415,
            "Python int too large to convert to C long",
        ),
        (b"-1:1", {"content_type": "text/x-libsvm"}, 415, "negative axis 1 index: -1"),
        (b"1:x", {"content_type": "text/x-libsvm"}, 415, "could not convert string to float: np.str_('x')"),
        (b"1:inf", {"content_type": "text/x-libsvm"}, 415, "Input data contains `inf` or a value too large"),
        (ROW, {"content_type": "application/x-recordio-protobuf"}, 415, "Invalid RecordIO magic at offset 0"),
        (b"\n#\xd7\xce\x04", {"content_type": "recordio-protobuf"}, 415, "Truncated record at offset 0"),
        (b"", {"content_type": "image/png", "accept": "image/png"}, 204, ""),
        (ROW, {"method": "GET"}, 405, "Method Not Allowed"),
        (ROW, {"path": "/ping"}, 405, "Method Not Allowed"),
        (ROW, {"path": "/"}, 404, "Not Found"),
    ],
)
def test_each_refusal_has_the_containers_status(
    application: ServingApplication, body: bytes, asked: dict[str, Any], status: int, words: str
) -> None:
    answer = ask(application, body, **asked)
    assert answer[0] == status
    assert words in answer[2].decode()


@pytest.mark.contract("H31")
def test_a_row_of_a_million_columns_is_refused(application: ServingApplication) -> None:
    assert ask(application, b"1," * 1_000_000 + b"1")[0] == 400


@pytest.mark.contract("H20")
@pytest.mark.parametrize("accept", [None, "*/*", "text/csv", "TEXT/CSV;q=1"])
def test_csv_is_the_default_answer(application: ServingApplication, accept: str | None) -> None:
    assert ask(application, ROW, accept=accept)[1]["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.contract("H83", "H87")
def test_the_default_answer_and_the_limit_can_be_set(tmp_path: Path) -> None:
    file = model(tmp_path)[0]
    application = face(file, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json", MAX_CONTENT_LENGTH="10")
    assert ask(application, b"1,2,3,4")[1]["content-type"] == "application/json"
    assert ask(application, b"1,2,3,4.0000")[0] == 413


@pytest.mark.contract("H40", "H82")
def test_an_invocation_whose_body_stalls_ends_with_the_timeout(tmp_path: Path) -> None:
    application = face(model(tmp_path)[0], SAGEMAKER_MODEL_SERVER_TIMEOUT="1")
    sent: list[MutableMapping[str, Any]] = []
    incoming = [{"type": "http.request", "body": b"1,2", "more_body": True}]

    async def receive() -> MutableMapping[str, Any]:
        if not incoming:
            await asyncio.sleep(30)
        return incoming.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": [(b"content-type", b"text/csv")]}
    asyncio.run(application(scope, receive, send))
    assert (sent[0]["status"], sent[1]["body"]) == (504, b"Gateway Time-out")


@pytest.mark.contract("H42")
def test_more_invocations_than_are_taken_are_told_to_come_again(tmp_path: Path) -> None:
    application = face(model(tmp_path)[0])
    headers = [(b"content-type", b"text/csv")]

    async def crowd() -> list[int]:
        answers = await asyncio.gather(*(asked(application, ROW, headers=headers) for _ in range(2050)))
        return [answer[0] for answer in answers]

    statuses = asyncio.run(crowd())
    assert (statuses.count(200), statuses.count(503)) == (2048, 2)
    assert ask(application, ROW)[0] == 200


@pytest.mark.contract("H50", "H86", "H88")
def test_what_the_environment_asks_for_is_checked_all_at_once() -> None:
    with pytest.raises(UserError) as error:
        ServingSettings.from_environment(
            {
                "SAGEMAKER_INFERENCE_OUTPUT": "labels, label",
                "SAGEMAKER_BIND_TO_PORT": "http",
                "SAGEMAKER_PROGRAM": "serve.py",
                "SAGEMAKER_INFERENCE_ENSEMBLE": "maybe",
                "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/html",
            }
        )
    lines = str(error.value).removeprefix("UserError: ").splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        "SAGEMAKER_PROGRAM",
        "SAGEMAKER_INFERENCE_OUTPUT",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
        "SAGEMAKER_INFERENCE_ENSEMBLE",
        "SAGEMAKER_BIND_TO_PORT",
    ]


@pytest.mark.contract("H36", "H80", "H81", "H82", "H83", "H87")
def test_defaults_are_the_containers() -> None:
    settings = ServingSettings.from_environment({})
    assert (settings.port, settings.timeout_seconds) == (8080, 60.0)
    assert (settings.workers, settings.selected, settings.ensemble) == (os.cpu_count(), (), True)
    assert (settings.default_accept, settings.max_body_bytes, settings.batch) == ("text/csv", 6 * 1024**2, False)
    assert ServingSettings.from_environment({"MAX_CONTENT_LENGTH": "99999999"}).max_body_bytes == 99999999


@pytest.mark.contract("H81")
@pytest.mark.parametrize("workers", [1, 3])
def test_workers_are_the_large_bodies_that_are_predicted_at_once(tmp_path: Path, workers: int) -> None:
    served = ServedModel(model(tmp_path)[0], threads=1)
    inside, most, lock, full = 0, 0, threading.Lock(), threading.Event()

    class Watched:
        features, objective, classes = served.features, served.objective, served.classes
        predict, check_width = served.predict, served.check_width

        def predict_matrix(self, rows: Any) -> Any:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
                if inside == workers:
                    full.set()
            assert full.wait(10)
            time.sleep(0.02)  # for one more to come in, if it could
            with lock:
                inside -= 1
            return served.predict_matrix(rows)

    settings = ServingSettings.from_environment({"SAGEMAKER_MODEL_SERVER_WORKERS": str(workers)})
    application = ServingApplication(Watched(), settings)  # type: ignore[arg-type]

    async def crowd() -> list[int]:
        headers = [(b"content-type", b"text/csv")]
        bodies = (asked(application, (ROW + b"\n") * 600, headers=headers) for _ in range(6))
        return [answer[0] for answer in await asyncio.gather(*bodies)]

    assert asyncio.run(crowd()) == [200] * 6
    assert most == workers


@pytest.mark.contract("H84")
def test_one_prediction_has_one_thread_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The container sets `nthread` to 1 on each booster that it has loaded (its serve_utils.get_loaded_booster)."""
    file = model(tmp_path / "model")[0]
    made = []

    class Watched(ServedModel):
        def __init__(self, files: Any, *, threads: int) -> None:
            super().__init__(files, threads=threads)
            made.extend(self._boosters)
            raise UserError("That was all.")

    monkeypatch.setattr("localcloud.container.hosting.served_model.ServedModel", Watched)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(file.parents[1]))
    assert serve.main() == 1
    assert [booster._configuration()["learner"]["generic_param"]["nthread"] for booster in made] == ["1"]
