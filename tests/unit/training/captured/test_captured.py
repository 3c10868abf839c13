"""Captured requests read back: records of any form, objects in the order of time, CSV with named columns."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from memory_s3 import MemoryS3

from kickstand.errors import InputError
from training.captured.objects import captured_objects, moment_of, read_lines
from training.captured.records import Captured, read_record
from training.captured.table import Table

A, B = "aa" * 32, "bb" * 32
TIME = "2026-11-29T14:51:15Z"
NOW = datetime(2026, 11, 29, 15, 0, tzinfo=UTC)


def line(sent: Any = "1,2", answered: Any = "0.5", **event: str) -> bytes:
    """A record; sent, answered: a text of CSV, or a whole side; None for none."""
    sides = {}
    for name, side in (("endpointInput", sent), ("endpointOutput", answered)):
        if side is not None:
            plain = {"observedContentType": "text/csv; charset=utf-8", "data": side, "encoding": "CSV"}
            sides[name] = plain if isinstance(side, str) else side
    metadata = {"eventId": "e", "inferenceTime": TIME, **event}
    return json.dumps({"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}).encode()


def side(content_type: str | None, data: str, encoding: str = "CSV") -> dict[str, str]:
    observed = {} if content_type is None else {"observedContentType": content_type}
    return {**observed, "mode": "INPUT", "data": data, "encoding": encoding}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("record", "rows", "answers"),
    [
        (line("1,2\n3,\n", "0.5\n0.25\n"), (("1", "2"), ("3", "")), (("0.5",), ("0.25",))),
        (line("1,2\r\n3,4", "0.5,0.25"), (("1", "2"), ("3", "4")), (("0.5",), ("0.25",))),  # an old image's answer
        (line("1;2"), (("1", "2"),), (("0.5",),)),
        (line("7", "0.1,0.9"), (("7",),), (("0.1", "0.9"),)),
        (line(side("csv", encoded("1,2"), "BASE64")), (("1", "2"),), (("0.5",),)),
        (line(side(None, "1,2")), (("1", "2"),), (("0.5",),)),
        (
            line("1,2", side("application/json", '{"predictions": [{"score": 0.50}]}', "JSON")),
            (("1", "2"),),
            (("0.50",),),
        ),
        (
            line("1\n2", side("application/jsonlines", encoded('{"score": [0.1, 1]}\n{"score": [2e-7, 0]}'), "BASE64")),
            (("1",), ("2",)),
            (("0.1", "1"), ("2e-7", "0")),
        ),
        (line("1,2", None), (("1", "2"),), None),
        (line("1,2", "Unable to evaluate payload provided"), (("1", "2"),), None),
        (line("1,2", side("application/json", "[]", "JSON")), (("1", "2"),), None),
        (line("1,2", "0.5\n0.25"), (("1", "2"),), None),
    ],
)
def test_rows_and_answers_of_a_record(record: bytes, rows: Any, answers: Any) -> None:
    assert read_record(record) == Captured(TIME, "e", rows, answers)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (line(None), "no request, only an answer"),
        (line(side("text/libsvm", "MTox", "BASE64")), "text/libsvm, not CSV"),
        (line(side("text/csv", "*", "BASE64")), "not readable as CSV"),
        (line(""), "not readable as CSV"),
        (b"{", "no record of a captured request"),
        (b'{"captureData": []}', "no record of a captured request"),
        (b"[1]", "no record of a captured request"),
    ],
)
def test_what_cannot_be_rows_has_a_reason(record: bytes, fault: str) -> None:
    found = read_record(record)
    assert (found.rows, found.fault) == (None, fault)


def test_a_requests_own_id_counts_before_sagemakers() -> None:
    assert read_record(line(inferenceId="order-7")).id == "order-7"


def key(model: str, moment: str, variant: str = "AllTraffic", endpoint: str = "ep") -> str:
    return f"capture/{model}/{endpoint}/{variant}/2026/11/29/{moment}.jsonl"


def listed(s3: MemoryS3, since: datetime | None = None) -> list[str]:
    return [one.key for one in captured_objects(s3, "b", "capture", "ep", since)]


def test_objects_of_all_models_come_in_the_order_of_time() -> None:
    s3 = MemoryS3()
    wanted = [
        key(A, "13/59-59-999-u"),
        key(B, "14/00-00-000-u"),
        key(A, "14/00-00-001-u", variant="Other"),
        key(A, "14/10-00-000-u"),
    ]
    others = [
        key("notes", "13/00-00-000-u"),
        key(A, "13/00-00-000-u", endpoint="ep-2"),
        f"capture/{A}/ep/AllTraffic/2026/11/29/14/readme.txt",
        "models/x/model.tar.gz",
    ]
    for name in [*reversed(wanted), *others]:
        s3.put_object(Bucket="b", Key=name, Body=f"{name}\n\nmore\n".encode())
    assert listed(s3) == wanted
    assert listed(s3, datetime(2026, 11, 29, 14, 30, tzinfo=UTC)) == wanted[1:]
    assert list(read_lines(s3, "b", wanted[0])) == [wanted[0].encode(), b"more"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", datetime(2026, 11, 29, 14, 30, tzinfo=UTC)),
        ("6h", datetime(2026, 11, 29, 9, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 22, 15, tzinfo=UTC)),
        ("99999d", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-11-29", datetime(2026, 11, 29, tzinfo=UTC)),
        ("2026-11-29T14:00", datetime(2026, 11, 29, 14, tzinfo=UTC)),
        ("2026-11-29T14:00:00Z", datetime(2026, 11, 29, 14, tzinfo=UTC)),
        ("2026-11-29T14:00+02:00", datetime(2026, 11, 29, 12, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_day_a_time_or_how_long_ago(text: str, moment: datetime) -> None:
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7 days", "-7d", "2026-13-01", "2026-11-29T15:01"])
def test_no_moment_and_one_that_has_not_come_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"Expected a moment, found|has not come yet: it is 2026-11-29T15:00:00Z"):
        moment_of(text, NOW)


def table(*records: bytes, features: tuple[str, ...] = ("hour", "a, b"), joined: bool = True) -> tuple[str, Table]:
    made = Table(features, joined)
    return b"".join(made.lines((A, read_record(one)) for one in records)).decode(), made


def test_columns_are_named_and_rows_of_a_request_counted() -> None:
    text, made = table(line("1,2\n3,4", "0.5\n0.25", inferenceId='x"y,z'), line("5,6", None))
    assert list(csv.reader(io.StringIO(text))) == [
        ["inference_time", "model_sha256", "request_id", "request_row", "hour", "a, b", "prediction"],
        [TIME, A, 'x"y,z', "1", "1", "2", "0.5"],
        [TIME, A, 'x"y,z', "2", "3", "4", "0.25"],
        [TIME, A, "e", "1", "5", "6", ""],
    ]
    assert list(made.sentences()) == [
        "3 rows of 2 requests, answered by 1 model.",
        "1 request without predictions: their columns are empty.",
    ]


def test_without_answers_there_are_no_columns_of_them() -> None:
    text, made = table(line("1,2"), joined=False)
    assert text.splitlines()[0].endswith('hour,"a, b"') and text.splitlines()[1].endswith(",1,1,2")
    assert list(made.sentences()) == ["1 row of 1 request, answered by 1 model."]


def test_several_values_of_an_answer_have_a_column_each_from_the_first_answer_on() -> None:
    text, made = table(line("1,2", None), line("1,2", "0.1,0.9"), line("1,2", "0.5"))
    rows = list(csv.reader(io.StringIO(text)))
    assert [row[-2:] for row in rows] == [["prediction_0", "prediction_1"], ["", ""], ["0.1", "0.9"], ["", ""]]
    assert made.unanswered == 2


def test_rows_of_another_width_and_what_is_no_csv_are_left_out_and_counted() -> None:
    text, made = table(line("1,2,3"), b"?", b"?", line("1,2"))
    assert len(text.splitlines()) == 2
    assert list(made.sentences())[1:] == [
        "Left out: 2 requests (no record of a captured request).",
        "Left out: 1 request (rows of another number of columns than 2).",
    ]


def test_features_without_names_are_numbered_as_the_first_row_has_them() -> None:
    text, _ = table(line("1,2,3"), features=())
    assert text.splitlines()[0].split(",")[4:] == ["f0", "f1", "f2", "prediction"]
    empty, _ = table(features=())
    assert empty == "inference_time,model_sha256,request_id,request_row,prediction\n"


def test_lines_come_as_records_are_read() -> None:
    """A million records take no more memory than some: each line is asked for before the next record is."""
    read = 0

    def records() -> Iterator[tuple[str, Captured]]:
        nonlocal read
        while True:
            read += 1
            yield A, read_record(line())

    lines = Table(("x", "y"), joined=True).lines(records())
    for _ in range(101):
        next(lines)
    assert read == 100
