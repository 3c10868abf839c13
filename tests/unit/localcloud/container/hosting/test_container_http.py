"""Whatever is sent to the container's HTTP face is answered, with a status that the contract names."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from hypothesis.strategies import SearchStrategy
from serving_face import ROW, face, model, objective_model
from test_container_request_rows import record

from localcloud.container.hosting.application import ServingApplication
from localcloud.container.hosting.selected_output import KEYS
from training.data.formats.protobuf import framed

RECORDIO = "application/x-recordio-protobuf"
PATHS = {"/ping": "GET", "/execution-parameters": "GET", "/invocations": "POST"}
CONTENT_TYPES = [
    *(b"text/csv", b"csv", b"text/csv; charset=utf-8", b"text/csv;label_size=1", b"text/libsvm", b"text/x-libsvm"),
    *(b"application/x-recordio-protobuf", b"recordio-protobuf", b"application/json", b"application/jsonlines"),
    *(b"application/x-parquet", b"", b";", b"text/csv;label_size=9"),
]
ACCEPTS = [
    *(b"text/csv", b"*/*", b"application/json", b"application/jsonlines", b"application/x-recordio-protobuf"),
    *(b"", b";", b"TEXT/CSV;q=0.5", b"text/html, */*"),
]

Answer = tuple[int, dict[bytes, bytes], bytes]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> list[ServingApplication]:
    """One number a row; three probabilities a row of two models together; every key of selected output."""
    folder = tmp_path_factory.mktemp("models")
    folds = [objective_model(folder, "multi:softprob", name=f"fold-{fold}", seed=fold)[0] for fold in range(2)]
    selected = objective_model(folder, "binary:logistic", name="selected")[0]
    return [
        face(model(folder)[0]),
        face(*folds, MAX_CONTENT_LENGTH="300"),
        face(selected, SAGEMAKER_INFERENCE_OUTPUT=",".join(KEYS)),
    ]


def send(application: ServingApplication, scope: dict[str, Any], parts: list[bytes], *, leaves: bool = False) -> Answer:
    """The one whole answer to a request whose body comes in parts; `leaves`: the client goes before the last."""
    incoming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    incoming.append({"type": "http.disconnect"} if leaves else {"type": "http.request", "body": b""})
    if not leaves and parts:
        incoming[-2:] = [{"type": "http.request", "body": parts[-1], "more_body": False}]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop(0)

    async def take(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application({"type": "http", **scope}, receive, take))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert not sent[1].get("more_body", False)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def whole(answer: Answer, method: str) -> None:
    """Its length is told; nothing of the request is in its headers; a refusal says why."""
    status, headers, body = answer
    if status == 204:
        assert (headers, body) == ({}, b"")
    else:
        length = int(headers[b"content-length"])
        assert body == b"" if method == "HEAD" else len(body) == length
        assert b"\n" not in b"".join(headers.values()) and b"\r" not in b"".join(headers.values())
        assert status == 200 or length > 0


CELLS = some.one_of(
    some.floats(width=32).map(repr),
    some.integers().map(str),
    some.sampled_from(
        ["", " ", "nan", "NaN", "inf", "-inf", "1e400", "1e-400", "1_0", "0x1", "\u0661", "a", '"1"', "-0"]
    ),
)


def _rows(cells: SearchStrategy[str], separators: list[str]) -> SearchStrategy[bytes]:
    row = some.tuples(some.lists(cells, max_size=6), some.sampled_from(separators)).map(
        lambda made: made[1].join(made[0])
    )
    return some.lists(row, max_size=5).map(lambda lines: "\n".join(lines).encode())


PAIRS = some.tuples(
    some.one_of(some.integers(0, 5), some.integers(-(2**70), 2**70)).map(str),
    CELLS,
).map(":".join)
RECORDS = some.builds(
    record,
    some.lists(some.floats(width=32), max_size=5),
    keys=some.lists(some.integers(0, 2**64 - 1) | some.integers(0, 5), max_size=5),
    shape=some.lists(some.integers(0, 2**64 - 1) | some.integers(0, 5), max_size=2),
)
BODIES = some.one_of(
    some.binary(max_size=200),
    _rows(CELLS, [",", ";", "\t", " "]),
    _rows(some.one_of(PAIRS, CELLS), [" ", "\t", ","]),
    some.lists(RECORDS, max_size=4).map(b"".join),
    some.tuples(some.lists(RECORDS, min_size=1, max_size=2).map(b"".join), some.integers(1, 60)).map(
        lambda made: made[0][: -made[1]]
    ),
    some.binary(max_size=80).map(framed),
)
HEADER = some.binary(max_size=40)


@pytest.mark.contract("H32", "H36", "H38", "H43")
@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    which=some.integers(0, 2),
    parts=some.lists(BODIES, min_size=1, max_size=2),
    content_type=some.one_of(some.sampled_from(CONTENT_TYPES), some.none(), HEADER),
    accept=some.one_of(some.none(), some.sampled_from(ACCEPTS), HEADER),
    leaves=some.sampled_from([False] * 9 + [True]),
)
@example(which=0, parts=[b"1," * 1_000_000], content_type=b"text/csv", accept=None, leaves=False)
@example(which=0, parts=[b"1 2147483648:1"], content_type=b"text/libsvm", accept=None, leaves=False)
@example(which=0, parts=[b"9" * 5000 + b":1"], content_type=b"text/libsvm", accept=None, leaves=False)
@example(which=2, parts=[b"1e400,nan,-inf,3"], content_type=b"text/csv", accept=b"application/json", leaves=False)
def test_any_body_of_any_type_for_any_answer_is_predicted_or_refused(
    faces: list[ServingApplication],
    which: int,
    parts: list[bytes],
    content_type: bytes | None,
    accept: bytes | None,
    leaves: bool,
) -> None:
    given_headers = {b"content-type": content_type, b"accept": accept}
    headers = [(name, value) for name, value in given_headers.items() if value is not None]
    scope = {"method": "POST", "path": "/invocations", "headers": headers}
    answer = send(faces[which], scope, parts, leaves=leaves)
    whole(answer, "POST")
    body = b"".join(parts)
    if leaves:
        assert answer[0] in (400, 413)
    elif len(body) > (300 if which == 1 else 6 * 1024**2):
        assert answer[0] == 413
    else:
        assert answer[0] in ((200, 400, 406, 415) if body else (204,))


@pytest.mark.contract("H35", "H43")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(which=some.integers(0, 2), accept=some.one_of(HEADER, some.sampled_from(ACCEPTS)))
@example(which=0, accept=b"\xff")
def test_any_accept_for_a_row_that_is_predicted_has_its_form_or_406(
    faces: list[ServingApplication], which: int, accept: bytes
) -> None:
    headers = [(b"content-type", b"text/csv"), (b"accept", accept)]
    answer = send(faces[which], {"method": "POST", "path": "/invocations", "headers": headers}, [ROW])
    whole(answer, "POST")
    wanted = accept.decode("latin-1").split(";")[0].strip().lower() or "text/csv"
    forms = ["text/csv", "application/json", *(("application/jsonlines",) if which == 2 else ())]
    if wanted in ("*/*", *forms):
        expected = "text/csv" if wanted == "*/*" else wanted
        assert (answer[0], answer[1][b"content-type"].decode().split(";")[0]) == (200, expected)
    elif wanted in ("application/jsonlines", RECORDIO) and which != 2:
        assert answer[0] == 500
    else:
        assert answer[0] == 406


@pytest.mark.contract("H33", "H34", "H43")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    method=some.one_of(some.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]), some.text()),
    path=some.one_of(some.sampled_from([*PATHS, "/", "/ping/", "/invocations?x", "//ping", "*"]), some.text()),
    headers=some.lists(some.tuples(HEADER, HEADER), max_size=3),
    body=some.binary(max_size=20),
)
def test_any_method_on_any_path_has_its_answer(
    faces: list[ServingApplication], method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    answer = send(faces[0], {"method": method, "path": path, "headers": headers}, [body])
    whole(answer, method)
    if path not in PATHS:
        assert answer[0] == 404
    elif method == PATHS[path] == "POST":
        assert answer[0] in (200, 204, 400, 406, 415)
    elif method == PATHS[path] or (method == "HEAD" and PATHS[path] == "GET"):
        assert answer[0] == 200
    else:
        assert (answer[0], answer[1][b"allow"]) == (405, PATHS[path].encode())
