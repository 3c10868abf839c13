"""Cutting the input into batches, keeping order, and refusing what the endpoint would not understand."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kickstand.errors import InputError, KickstandError
from training.prediction.batches import Batch, Expected, batches, in_order


def cut(text: bytes, size: int = 16) -> list[Batch]:
    return list(batches(io.BytesIO(text), "rows.csv", size=size))


def test_batches_hold_whole_lines_and_know_their_first_line() -> None:
    assert cut(b"1,2\n3,4\n5,6\n7,8\n9,10\n", size=9) == [
        Batch(b"1,2\n3,4\n", 1, 2),
        Batch(b"5,6\n7,8\n", 3, 2),
        Batch(b"9,10\n", 5, 1),
    ]


def test_the_last_line_needs_no_newline_and_crlf_becomes_lf() -> None:
    assert cut(b"1,2\r\n3,4", size=100) == [Batch(b"1,2\n", 1, 1), Batch(b"3,4\n", 2, 1)]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=60), st.integers(1, 64))
def test_whatever_the_size_the_batches_join_to_the_input(values: list[int], size: int) -> None:
    text = "".join(f"{value}\n" for value in values).encode()
    found = cut(text, size=size)
    assert b"".join(batch.body for batch in found) == text
    assert sum(batch.rows for batch in found) == len(values)
    assert [batch.first_line for batch in found] == [
        1 + sum(batch.rows for batch in found[:n]) for n in range(len(found))
    ]


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (b"", "rows.csv", "Expected rows of features, found an empty file."),
        (b"1,2\n\n3,4\n", "rows.csv:2", "Expected a row of features, found a blank line."),
        (
            b"temp,hour\n1,2\n",
            "rows.csv:1",
            "The file begins with a header row (temp, hour); the endpoint would take it for data.",
        ),
        (b"1,2\n3\n", "rows.csv:2", "Expected 2 features, found 1."),
        (
            b"\xef\xbb\xbf1,2\n",
            "rows.csv:1:1",
            "The file begins with a byte order mark, which the endpoint reads as data.",
        ),
        (b"1;hour\n1;2\n", "rows.csv:1:2", "Column 2 holds 'hour'; every cell must be a number."),
    ],
)
def test_bad_input_is_refused_with_its_place(text: bytes, where: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        cut(text, size=100)
    assert [(p.where, p.message) for p in refused.value.problems] == [(where, message)]


@pytest.mark.parametrize(
    ("text", "found", "fix"),
    [
        (b"0.5,1,2\n", 3, "Is the label still there? Give every row the features of training, in their order,"),
        (b"1\n", 1, "Give every row the features of training, in their order, without the label."),
    ],
)
def test_rows_of_another_width_than_the_models_are_refused(text: bytes, found: int, fix: str) -> None:
    with pytest.raises(InputError) as refused:
        list(batches(io.BytesIO(text), "rows.csv", expected=Expected(2, "as the model of dev.json takes")))
    (problem,) = refused.value.problems
    assert problem.where == "rows.csv:1"
    assert problem.message == f"Expected 2 features (as the model of dev.json takes), found {found}."
    assert problem.fix.startswith(fix)


def test_a_width_is_held_through_all_batches() -> None:
    with pytest.raises(InputError) as refused:
        cut(b"1,2\n3,4\n5,6,7\n8,9\n", size=8)
    assert [problem.where for problem in refused.value.problems] == ["rows.csv:3"]


def test_a_failure_does_not_wait_for_requests_in_flight() -> None:
    release = threading.Event()

    def invoke(batch: Batch) -> list[str]:
        if batch.first_line == 1:
            raise KickstandError("refused")
        release.wait()
        return ["late"]

    with pytest.raises(KickstandError, match="refused"):
        list(in_order([Batch(b"1\n", line, 1) for line in (1, 2, 3)], invoke, parallel=2))
    assert not release.is_set()
    release.set()


def test_answers_come_in_the_order_of_the_input_and_requests_overlap() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def invoke(batch: Batch) -> list[str]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02 if batch.first_line % 2 else 0.001)
        with lock:
            running -= 1
        return [f"answer {batch.first_line}"]

    source = [Batch(b"1\n", line, 1) for line in range(1, 21)]
    answers = list(in_order(source, invoke, parallel=4))
    assert [a.rows for a in answers] == [[f"answer {line}"] for line in range(1, 21)]
    assert most == 4


def test_no_more_batches_are_read_than_can_be_held() -> None:
    read = 0

    def source() -> Iterator[Batch]:
        nonlocal read
        for line in range(1, 100):
            read += 1
            yield Batch(b"1\n", line, 1)

    next(in_order(source(), lambda batch: ["x"], parallel=3))
    assert read == 6


def test_an_answer_too_few_is_an_error_that_names_the_lines() -> None:
    with pytest.raises(KickstandError) as failed:
        list(in_order([Batch(b"1\n2\n", 7, 2)], lambda batch: ["only one"], parallel=1))
    assert failed.value.problems[0].where == "lines 7 to 8"
    assert failed.value.problems[0].message == "Expected 2 answers from the endpoint, found 1."
