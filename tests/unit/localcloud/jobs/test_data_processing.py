"""Filters and join of transform jobs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.jobs.transform.records import DataProcessing, RecordError, assembled, cells_of, line_of

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def processing(content_type: str = CSV, **settings: str) -> DataProcessing:
    return DataProcessing.of({"TransformInput": {"ContentType": content_type}, "DataProcessing": settings})


@pytest.mark.parametrize(
    ("kind", "input_filter", "record", "sent"),
    [
        (CSV, "$", b"7,a,b", b"7,a,b"),
        (CSV, "$[1:]", b"7,1.50,-0", b"1.50,-0"),
        (CSV, "$[0,-1]", b"7,a,b", b"7,b"),
        (CSV, "$[1]", b"7,a,b", b"a"),
        ("text/csv; charset=utf-8", "$[1:]", b"7,a\r", b"a"),
        (CSV, "$[1:]", b'7,"a,b",c', b'"a,b",c'),
        (JSON, "$.features", b'{"id": 7, "features": [1.5, 2]}', b"[1.5, 2]"),
        (LINES, "$.features[1:]", b'{"id": 7, "features": [1.5, 2]}', b"[2]"),
        (JSON, "$['features']", b'{"id": 7, "features": {"b": 1}}', b'{"b": 1}'),
    ],
)
def test_what_the_model_gets(kind: str, input_filter: str, record: bytes, sent: bytes) -> None:
    assert processing(kind, InputFilter=input_filter).sent(record) == sent


@pytest.mark.parametrize(
    ("kind", "settings", "record", "answer", "kept"),
    [
        (CSV, {}, b"7,a", b"0.5\n", b"0.5\n"),
        (CSV, {"InputFilter": "$[1:]"}, b"7,a", b"0.5\n", b"0.5\n"),
        (CSV, {"JoinSource": "Input"}, b"7,a", b"0.5", b"7,a,0.5"),
        (CSV, {"JoinSource": "Input"}, b"7,a\r", b"0.5\r", b"7,a,0.5"),
        (CSV, {"JoinSource": "Input", "OutputFilter": "$[0,-1]"}, b"7,a,b", b"0.5", b"7,0.5"),
        (CSV, {"JoinSource": "Input", "OutputFilter": "$[0,2:]"}, b"7,a,b", b"0.1,0.9", b"7,b,0.1,0.9"),
        (CSV, {"OutputFilter": "$[1]"}, b"7,a,b", b"0.1,0.9", b"0.9"),
        (
            JSON,
            {"JoinSource": "Input"},
            b'{"id": 7}',
            b'{"score": 0.5}',
            b'{"id": 7, "SageMakerOutput": {"score": 0.5}}',
        ),
        (JSON, {"JoinSource": "Input"}, b"[1, 2]", b"0.5", b'{"SageMakerInput": [1, 2], "SageMakerOutput": 0.5}'),
        (
            LINES,
            {"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
            b'{"id": 7, "features": [1]}',
            b"0.5",
            b'{"id": 7, "SageMakerOutput": 0.5}',
        ),
    ],
)
def test_what_is_stored(kind: str, settings: dict[str, str], record: bytes, answer: bytes, kept: bytes) -> None:
    assert processing(kind, **settings).kept(record, answer) == kept


def test_answers_are_taken_apart_only_where_they_must_be() -> None:
    assert processing().answers(b"1\n2\n3\n", 3) == (b"1\n2\n3\n",)
    joined = processing(JoinSource="Input")
    assert joined.answers(b"1\n2\n3\n", 3) == [b"1", b"2", b"3"]
    assert joined.answers(b"1\n2\n3", 3) == [b"1", b"2", b"3"]
    assert processing(JSON, JoinSource="Input").answers(b'{"a":\n1}\n', 1) == (b'{"a":\n1}\n',)
    with pytest.raises(RecordError, match=r"^The model gave 2 answers to 3 records$"):
        joined.answers(b"1\n2\n", 3)
    with pytest.raises(RecordError, match=r"^The model gave 0 answers to 3 records$"):
        joined.answers(b"", 3)


@pytest.mark.parametrize(
    ("kind", "settings", "record", "message"),
    [
        (CSV, {"InputFilter": "$[2]"}, b"7,a", "selects index 2, and the record has 2 members"),
        (CSV, {"InputFilter": "$.id"}, b"7,a", "selects 'id', which the record does not have"),
        (JSON, {"InputFilter": "$.id"}, b"{", "A record is not application/json: "),
        (CSV, {"InputFilter": "$[0]"}, b"\xff", "A record is not text/csv: "),
    ],
)
def test_records_that_cannot_be_filtered(kind: str, settings: dict[str, str], record: bytes, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        processing(kind, **settings).sent(record)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("assemble_with", "parts", "whole"),
    [
        ("Line", [b"1\n2\n", b"3\n"], b"1\n2\n3\n"),
        ("Line", [b"1", b"2"], b"1\n2\n"),
        ("None", [b"1", b"2"], b"12"),
        ("None", [b"1\n", b"2\n"], b"1\n2\n"),
    ],
)
def test_assembly(assemble_with: str, parts: list[bytes], whole: bytes) -> None:
    assert b"".join(assembled(iter(parts), assemble_with)) == whole


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)


@given(st.lists(CELL, min_size=2, max_size=6))
def test_a_line_of_csv_is_read_back_as_it_was_written(cells: list[str]) -> None:
    assert cells_of(line_of(cells)) == cells


@given(st.lists(st.integers(), min_size=1, max_size=6), st.integers())
def test_a_join_appends_the_answer_and_filters_see_both(row: list[int], answer: int) -> None:
    text: Any = ",".join(map(str, row)).encode()
    told = str(answer).encode()
    assert processing(JoinSource="Input").kept(text, told) == text + b"," + told
    assert processing(JoinSource="Input", OutputFilter="$[-1]").kept(text, told) == told
