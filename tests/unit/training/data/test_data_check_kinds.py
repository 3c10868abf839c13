"""libsvm, Parquet and recordio-protobuf are checked before a job by the training program's own readers."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet
import pytest
from channel_data import WRITERS, libsvm, parquet, record, recordio, tensor
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from training_folder import numbers

from kickstand.xgboost_container import kind_of
from localcloud.container.contract import ContainerError
from localcloud.container.training.channel_readers import READERS
from training.data.check import check_data
from training.data.files import ChannelReport
from training.data.row_text import csv_lines, number_text

KINDS = [pytest.param(*pair, id=name) for name, pair in WRITERS.items()]
FORM = "Write each row as label index:value index:value …"
Writer = Callable[[npt.NDArray[np.float64]], bytes]


def checked(folder: Path, content_type: str, /, **files: bytes) -> tuple[ChannelReport, list[str]]:
    """The first channel, and the problems as a user reads them. files: content by channel."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hyperparameters = {"objective": "reg:logistic", "csv_weights": "1"} if kind_of(content_type) != "csv" else {}
    report, problems = check_data(
        {name: folder / name for name in files},
        content_type=content_type,
        hyperparameters=hyperparameters,
        show=lambda path: path.name,
    )
    told = [f"{one.where}: {one.message}{f' {one.fix}' if one.fix else ''}" for one in problems]
    return next(iter(report.channels.values())), told


@pytest.mark.parametrize(("content_type", "written"), KINDS)
def test_what_the_job_reads_is_found_good_and_measured(tmp_path: Path, content_type: str, written: Writer) -> None:
    table = numbers()
    found, problems = checked(tmp_path, content_type, train=written(table), validation=written(table[:30]))
    assert problems == []
    assert (found.rows, found.columns) == (60, 5)
    assert (np.float32(found.label_min), np.float32(found.label_max)) == tuple(
        np.array([table[:, 0].min(), table[:, 0].max()], dtype=np.float32)
    )


@pytest.mark.parametrize(("content_type", "written"), KINDS)
def test_rows_are_asked_as_csv_with_the_very_numbers(content_type: str, written: Writer) -> None:
    table = numbers().astype(np.float32).astype(np.float64)
    lines = csv_lines(kind_of(content_type), "train", written(table), 5)
    read = [[float(cell) if cell else np.nan for cell in line.decode().split(",")] for line in lines]
    np.testing.assert_array_equal(np.array(read, dtype=np.float32), table.astype(np.float32))


def test_numbers_are_written_with_the_fewest_digits() -> None:
    found = [number_text(value) for value in (np.float32(0.1), np.float64(0.1), np.int32(-3), np.float32("nan"))]
    assert [*found, number_text(np.float32(1e30))] == ["0.1", "0.1", "-3", "", "1e+30"]


def test_everything_wrong_with_libsvm_is_told_at_once(tmp_path: Path) -> None:
    text = b"0.5 0:1\n\n# a comment\n0.1 0:x 1:2\n2 0:1\n1e39 0:1\n0.5:1 0:1 3:1e39\n0.5 5\n"
    assert checked(tmp_path, "text/libsvm", train=text)[1] == [
        f"train:4: A number was expected, found 'x'. {FORM}",
        f"train:8: Index:value was expected, found '5'. {FORM}",
        "train:6: The label holds a number that is beyond float32. Numbers must be finite.",
        "train:7: Index 3 holds a number that is beyond float32. Numbers must be finite.",
        "train:5:1: The label (column 1) is 2; objective reg:logistic takes numbers from 0 to 1.",
        "train:6:1: The label (column 1) is inf; objective reg:logistic takes numbers from 0 to 1.",
        "train:7: The row has a weight; rows before have none. All rows must have one, or none.",
    ]


def test_other_files_are_no_libsvm(tmp_path: Path) -> None:
    assert checked(tmp_path, "text/libsvm", train=b"")[1] == ["train: The file is empty. Put rows in it, or remove it."]
    assert checked(tmp_path, "text/libsvm", train=parquet(numbers()))[1] == [
        "train: The file is Parquet, not libsvm text. Write it as libsvm, or say so: [data] content_type."
    ]
    (told,) = checked(tmp_path, "text/libsvm", train=b"0.5 3\n")[1]
    assert told == f"train:1: Index:value was expected, found '3'. {FORM}"


def test_one_wrong_line_of_many_is_named(tmp_path: Path) -> None:
    lines = [b"0.5 0:1 1:2"] * 5000
    lines[3210] = b"0.5 0:1 1;2"
    found, problems = checked(tmp_path, "text/libsvm", train=b"\n".join(lines))
    assert problems == [f"train:3211: A number was expected, found '1;2'. {FORM}"]
    assert found.rows == 4999


def test_a_validation_index_that_training_has_not_would_fail_the_job(tmp_path: Path) -> None:
    _, problems = checked(tmp_path, "text/libsvm", train=b"0.5 0:1 3:1\n", validation=b"0.5 7:1\n", test=b"0.5 0:1\n")
    assert problems == [
        "validation: The file has index 7; channel train ends with index 3. A model has no other features than its "
        "training data: write 7:0 in a row of that channel, or take the index out here."
    ]


def arrow(columns: dict[str, object]) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), out)
    return out.getvalue()


def test_everything_wrong_with_parquet_is_told_at_once(tmp_path: Path) -> None:
    table = {
        "share": pa.array([0.5, None, 2.0]),
        "hour": pa.array(["1", "two", "3"]),
        "day": pa.array([0, 1, 2], pa.timestamp("s")),
        "temp": pa.array([1.0, 1e300, float("nan")]),
    }
    assert checked(tmp_path, "application/x-parquet", train=arrow(table))[1] == [
        "train:2:1: The label (column 1, share) is missing. Remove the row, or fill it in.",
        "train:3:1: The label (column 1, share) is 2; objective reg:logistic takes numbers from 0 to 1.",
        "train:2:2: Column 2 (hour) holds 'two'; every cell must be a number. "
        "Turn words into numbers; write a missing value as null.",
        "train: Column 'day' holds timestamp[ms], not numbers. Turn it into numbers, or leave it out.",
        "train:2:4: Column 4 (temp) holds 1e+300, which is not finite as float32. Write a missing value as null.",
    ]


def test_a_file_that_is_no_parquet_is_told_and_a_writers_mark_is_none(tmp_path: Path) -> None:
    (told,) = checked(tmp_path, "application/x-parquet", train=b"1,2\n3,4\n")[1]
    assert told.startswith("train: The file is not Parquet, or is damaged: ")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "_SUCCESS").write_bytes(b"")
    (tmp_path / "data" / "part-0").write_bytes(parquet(numbers()))
    report, problems = check_data({"train": tmp_path / "data"}, content_type="application/x-parquet")
    assert (problems, report.channels["train"].rows, report.channels["train"].columns) == ([], 60, 5)


def test_everything_wrong_with_recordio_is_told_at_once(tmp_path: Path) -> None:
    one, two, label = (tensor(np.array(values, dtype=np.float32)) for values in ([1], [1, 2], [0.5]))
    content = b"".join(
        [
            record(two, label),
            record(one, label),
            record(two, None),
            record(two, tensor(np.array([7], dtype=np.float32))),
            record(tensor(np.array([1, np.inf], dtype=np.float32)), label),
            b"junk",
        ]
    )
    assert checked(tmp_path, "application/x-recordio-protobuf", train=content)[1] == [
        "train:2: The record has 1 features; the first one has 2. All records need the same features.",
        "train:3: Expected one label of the name values, found none.",
        "train:4:1: The label (column 1) is 7; objective reg:logistic takes numbers from 0 to 1.",
        "train:5: The record holds a number that is not finite as float32.",
        f"train:6: No record of RecordIO-protobuf is here. Truncated record at offset {len(content) - 4}. "
        "Write the file whole, or say what it is: [data] content_type.",
    ]


@example("recordio-protobuf", 79, b"H")  # a label beyond float32
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["libsvm", "recordio-protobuf"]), st.integers(0, 400), st.binary(max_size=4))
def test_what_the_check_lets_pass_the_program_reads(tmp_path: Path, kind: str, place: int, junk: bytes) -> None:
    good = (libsvm if kind == "libsvm" else recordio)(numbers(8))
    content = good[: place % len(good)] + junk + good[place % len(good) + len(junk) :]
    found, problems = checked(tmp_path, kind, train=content)
    try:
        rows = READERS[kind]([tmp_path / "train"], weights=False, threads=1).count
    except (ContainerError, ValueError):
        assert problems
    else:
        assert problems or found.rows == rows
