"""Bad training data: whatever the bytes, rows or a user's error that says where; a million columns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from channel_data import WRITERS, parquet, recordio, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training_folder import CSV, numbers, text, training_folder

from localcloud.container import csv_numbers
from localcloud.container.contract import Layout, UserError
from localcloud.container.csv_numbers import CsvError, parse_matrix
from localcloud.container.train import run
from localcloud.container.training.training_data import read_merged_rows, read_training_data

INF = "Input data contains `inf` or a value too large, while `missing` is not set to `inf`"
LABEL = "Label contains NaN, infinity or a value too large."


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with mock.patch.dict(os.environ):
        yield


def _folder(base: Path, content_type: str, files: dict[str, bytes]) -> Layout:
    channels = {path.split("/")[0]: {**CSV, "ContentType": content_type} for path in files}
    layout = training_folder(base, {"num_round": "1"}, {}, channels=channels)
    write(base, files)
    return layout


def _refusal(base: Path, content_type: str, files: dict[str, bytes]) -> str:
    with pytest.raises(UserError) as error:
        run(_folder(base, content_type, files))
    start = f"UserError: Failed to load {content_type} data with exception:\n"
    return re.sub(r"^\[.*?Check failed: valid: ", "", str(error.value).removeprefix(start))


@pytest.mark.contract("T47")
@pytest.mark.parametrize(
    ("content_type", "content", "message"),
    [
        ("csv", b"1,2\n1,x\n", "b: line 2, column 2: a number was expected, found 'x'"),
        ("csv", b"1,2\n\n\n1,2\n1\n", "b: line 5: 2 columns were expected, found 1"),
        ("csv", b"1,2\n1,2,3\n", "b: line 2: 2 columns were expected, found 3"),
        ("csv", b"1,2\n3,4\r5,6\n", "b: line 2: a carriage return stands inside the line"),
        ("csv", b"1,2\n\n1,inf\n", f"{INF}\nThe first such row is in b, line 3."),
        ("csv", b"1,2\n1,1e400\n", f"{INF}\nThe first such row is in b, line 2."),
        ("csv", b"1,2\n1,-1e39\n", f"{INF}\nThe first such row is in b, line 2."),
        ("csv", b"1,2\nnan,2\n", f"{LABEL}\nThe first such row is in b, line 2."),
        ("csv", b"1,2\ninf,2\n", f"{LABEL}\nThe first such row is in b, line 2."),
        ("csv", b"1,2\n1e400,2\n", f"{LABEL}\nThe first such row is in b, line 2."),
        ("libsvm", b"1 0:1 1:1\n# no row\n1 1:1\ninf 0:1\n", f"{LABEL}\nThe first such row is in b, line 4."),
        ("libsvm", b"1 0:1\n1 1:1e400\n", f"{INF}\nThe first such row is in b, line 2."),
        ("libsvm", b"1 0:1\n1 1:nan\n", "b: line 2: a number was expected, found 'nan'"),
        (
            "libsvm",
            b"1 0:1\n1 2147483648:1\n",
            "b: line 2: an index is a whole number, 0 to 2147483646, found '2147483648'",
        ),
        ("parquet", parquet(np.array([[1, 2], [1, np.inf]])), f"{INF}\nThe first such row is in b, row 2."),
        ("parquet", parquet(np.array([[1, 2], [np.nan, 2]])), f"{LABEL}\nThe first such row is in b, row 2."),
        (
            "recordio-protobuf",
            recordio(np.array([[1, 2], [1, 1e300]])),
            f"{INF}\nThe first such row is in b, record 2.",
        ),
        ("recordio-protobuf", recordio(np.array([[np.inf, 2.0]])), f"{LABEL}\nThe first such row is in b, record 1."),
    ],
)
def test_what_is_no_finite_number_is_refused_with_its_file_and_its_place(
    tmp_path: Path, content_type: str, content: bytes, message: str
) -> None:
    good = {"csv": b"1,2\n", "libsvm": b"1 0:1\n"}.get(content_type, content[:0])
    good = good or {"parquet": parquet, "recordio-protobuf": recordio}[content_type](np.array([[1.0, 2.0]]))
    assert _refusal(tmp_path, content_type, {"train/a": good, "train/b": content}) == message


def test_rows_merged_for_cross_validation_are_told_apart(tmp_path: Path) -> None:
    layout = _folder(tmp_path, "csv", {"train/a": b"1,2\n", "validation/v": b"1,2\n1,inf\n"})
    with pytest.raises(UserError, match=r"The first such row is in v, line 2\.$"):
        read_merged_rows(layout, ("train", "validation"), content_type="csv", weights=False, threads=1)


@pytest.mark.contract("T39")
@pytest.mark.parametrize("form", ["csv", "libsvm", "recordio"])
def test_a_million_columns_train(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    content_type, _ = WRITERS[form]
    row = {
        "csv": b"1" + b",2" * 1_000_000 + b"\n0" + b",3" * 1_000_000 + b"\n",
        "libsvm": b"1 999999:1\n0 0:1\n",
        "recordio": recordio(np.ones((1, 1_000_001))),
    }[form]
    run(_folder(tmp_path, content_type, {"train/a": row}))
    rows = 1 if form == "recordio" else 2
    assert f"Train matrix has {rows} rows and 1000000 columns" in capsys.readouterr().err


def test_a_wide_table_says_where_it_is_wrong_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_numbers, "_WIDE", 2)
    assert _refusal(tmp_path / "a", "csv", {"train/a": b"1,2,3\n\n1,,y\n"}) == (
        "a: line 3, column 3: a number was expected, found 'y'"
    )
    assert _refusal(tmp_path / "b", "csv", {"train/a": b"1,2,3\n1,2\n"}) == (
        "a: line 2: 3 columns were expected, found 2"
    )


CELLS = st.sampled_from(["", "nan", "1", "-2.5", " 3", "4 ", "1e3", "inf", "x", '"1"', ";", "0x1", "\t", "1_0"])
LINES = st.lists(st.lists(CELLS, min_size=3, max_size=3).map(",".join), max_size=6)


@settings(deadline=None, derandomize=True)
@given(LINES, st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_wide_and_narrow_tables_are_read_alike(lines: list[str], end: str) -> None:
    content = end.join(lines).encode()

    def read() -> Any:
        try:
            return parse_matrix(content, ",", 3).tobytes()
        except CsvError:
            return None

    narrow = read()
    with mock.patch.object(csv_numbers, "_WIDE", 0):
        assert read() == narrow


TABLE = numbers(5)


@st.composite
def _damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A good file with a piece cut out and others put in."""
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    return whole[:start] + draw(st.binary(max_size=6) | st.just(whole[start:end])) + whole[end:]


@pytest.mark.contract("T48")
@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_bytes_there_are_rows_or_a_users_error(tmp_path: Path, form: str, data: st.DataObject) -> None:
    content_type, written = WRITERS[form]
    likely = st.text("0123456789.,:;-+eE \t\r\n#qidnax", max_size=60).map(str.encode)
    content = data.draw(_damaged(written(TABLE)) | likely | st.binary(max_size=60))
    layout = _folder(tmp_path, content_type, {"train/some": content})
    kind = content_type.rpartition("/")[2].removeprefix("x-")
    try:
        found = read_training_data(layout, ("train",), content_type=kind, weights=False, threads=1)
    except UserError as error:
        message = str(error)
        named = "some" in message or "No records found" in message or "No data in training channel" in message
        whole = "delimiter" in message or "no rows were found" in message or "labels" in message
        wide = "were expected, found 1 column" in message or "have a " in message or "need" in message
        assert named or whole or wide, message
        if kind == "csv" and "some: " in message and "carriage" not in message:
            assert re.search(r"some: line \d+(, column \d+)?: ", message), message
    else:
        assert found.train.num_row() >= 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" ", "Got input data without labels."),
        (b"\t\n", "Got input data without labels."),
        (b"\x00\n", "some: line 1, column 1: a number was expected, found ''"),
        (b" \n1 2\n", "some: line 2: 1 columns were expected, found 2"),
        (b",\n  \n", "some: line 2: 2 columns were expected, found 1"),
    ],
)
def test_files_that_hold_next_to_nothing(tmp_path: Path, content: bytes, message: str) -> None:
    layout = _folder(tmp_path, "text/csv", {"train/some": content})
    with pytest.raises(UserError) as refused:
        read_training_data(layout, ("train",), content_type="csv", weights=False, threads=1)
    assert message in str(refused.value)


def test_every_form_of_the_table_is_good_before_it_is_damaged(tmp_path: Path) -> None:
    assert text(TABLE).count("\n") == 5
    for form, (content_type, written) in WRITERS.items():
        run(_folder(tmp_path / form, content_type, {"train/some": written(TABLE)}))
