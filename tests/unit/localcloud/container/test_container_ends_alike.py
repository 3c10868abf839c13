"""Jobs that end as on AWS: what AWS's own `data_utils.py` (3.2-0) made of these very files, written out.

Its functions `get_size`, `validate_data_file_path` and `get_dmatrix` were run one after another on each folder, with
xgboost 3.2.0, pandas 2.2.3 and pyarrow 22: labels and features are what its matrix held, failures are its words.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from channel_data import record, tensor, write
from hypothesis import given
from hypothesis import strategies as st
from training_folder import CSV, training_folder

from localcloud.container.contract import ContainerError, Layout
from localcloud.container.train import run
from localcloud.container.training.training_data import channel_files, read_channel
from training.data.check import check_data
from training.data.csv.float_text import delimiter_of, request_delimiter, sniffed
from training.data.formats.libsvm_numbers import LibsvmError, parse_libsvm

NAN = float("nan")
Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with mock.patch.dict(os.environ):
        yield


def folder(base: Path, kind: str, files: Files) -> Layout:
    channels = {"train": {**CSV, "ContentType": kind}}
    layout = training_folder(base, {"num_round": "1", "min_child_weight": "0"}, {}, channels=channels)
    write(base, {f"train/{name}": content for name, content in files.items()})
    return layout


def problems_of(layout: Layout, kind: str) -> list[str]:
    _, problems = check_data({"train": layout.channel("train")}, content_type=kind, show=lambda path: path.name)
    return [f"{problem.where}: {problem.message}" for problem in problems]


ONE = tensor(np.ones(1))
MIXED = record(tensor(np.array([0.0, 2.0, 0.0])), ONE) + record(tensor(np.array([3.0]), [2], [3]), ONE)
SPACED = [[2, 3], [2, 2]]


@pytest.mark.contract("T39", "T42", "T46")
@pytest.mark.parametrize(
    ("kind", "files", "labels", "features"),
    [
        ("csv", {"a": b"1 2 3\n0 2 2\n"}, [1, 0], SPACED),
        ("csv", {"a": b"1|2|3\n0|2|2\n"}, [1, 0], SPACED),
        ("csv", {"a": b"1:2:3\n0:2:2\n"}, [1, 0], SPACED),
        ("csv", {"a": b"1^2^3\n0^2^2\n"}, [1, 0], SPACED),
        ("csv", {"a": b"1, 2, 3\n0, 2, 2\n"}, [1, 0], SPACED),
        ("csv", {"a": b"1,2,3\n0,2,2\n", "_SUCCESS": b""}, [1, 0], SPACED),
        ("csv", {"a": b"1,nan,3\n0,NaN,NAN\n"}, [1, 0], [[NAN, 3], [NAN, NAN]]),
        ("csv", {"a": b"1,2,nan\n0,3,NaN\n"}, [1, 0], [[2, NAN], [3, NAN]]),
        ("libsvm", {"a": b"1 1:2 3:4\n0 1:3\n", "b": b""}, [1, 0], [[NAN, 2, NAN, 4], [NAN, 3, NAN, NAN]]),
        ("libsvm", {"a": b"1 1:2 3:4\n0 1:3\n", "_SUCCESS": b""}, [1, 0], [[NAN, 2, NAN, 4], [NAN, 3, NAN, NAN]]),
        ("libsvm", {"a": b"1 1:2 3:4\n0 1:3 \n"}, [1, 0], [[NAN, 2, NAN, 4], [NAN, 3, NAN, NAN]]),
        ("libsvm", {"a": b"1 1:2 3:4 #c:1\n0 1:3\n"}, [1, 0], [[NAN, 2, NAN, 4], [NAN, 3, NAN, NAN]]),
        ("recordio-protobuf", {"a": record(tensor(np.ones(2)), ONE), "b": b""}, [1], [[1, 1]]),
        ("recordio-protobuf", {"a": MIXED, "_SUCCESS": b""}, [1, 1], [[NAN, 2, NAN], [NAN, NAN, 3]]),
    ],
)
def test_what_trains_on_aws_trains_here(
    tmp_path: Path, kind: str, files: Files, labels: list[float], features: list[list[float]]
) -> None:
    layout = folder(tmp_path, kind, files)
    assert problems_of(layout, kind) == []
    rows = read_channel(layout.channel("train"), channel_files(layout, ["train"])["train"], kind, False, 1)
    given = rows.matrix(1)
    assert given.get_label().tolist() == labels
    dense = np.full((given.num_row(), given.num_col()), np.nan)
    stored = given.get_data().tocoo()
    dense[stored.row, stored.col] = stored.data
    np.testing.assert_array_equal(dense, np.array(features, dtype=float))
    run(layout)
    assert (layout.model / "xgboost-model").exists()


@pytest.mark.contract("T42")
@pytest.mark.parametrize(
    ("text", "features"),
    [
        (b"1 1:2 8:\n7 1:3 3:4\n", [{1: 2, 8: 7}, {1: 3, 3: 4}]),
        (b"1 1:2 8:\n7 1:3 8:\n", [{1: 2, 8: 7}, {1: 3, 8: 0}]),
        (b"1 8:\n7 1:2 9:3\n", [{8: 7}, {1: 2, 9: 3}]),
        (b"1 1:2 8:\r\n7 1:3 3:4\r\n", [{1: 2, 8: 7}, {1: 3, 3: 4}]),
        (b"1 1:2 8:#c\n7 1:3 3:4\n", [{1: 2, 8: 7}, {1: 3, 3: 4}]),
    ],
)
def test_an_empty_value_takes_the_next_number_and_the_check_says_so(
    tmp_path: Path, text: bytes, features: list[dict[int, float]]
) -> None:
    layout = folder(tmp_path, "libsvm", {"a": text})
    rows = read_channel(layout.channel("train"), channel_files(layout, ["train"])["train"], "libsvm", False, 1)
    assert rows.label is not None and rows.label.tolist() == [1, 7]
    found = [dict(zip(row.indices.tolist(), row.data.tolist(), strict=True)) for row in rows.features]
    assert found == features
    run(layout)
    if b"#" not in text:
        assert problems_of(layout, "libsvm")[0] == (
            "a:1: The value of the last index is empty; the training container takes the next number of the file for "
            "it, which is the next row's label."
        )


def test_an_empty_value_at_the_end_of_a_block_takes_the_next_blocks_label() -> None:
    assert parse_libsvm(b"1 1:2 8:\n", after=b"-7.5 1:1\n").values.tolist() == [2, -7.5]
    with pytest.raises(LibsvmError, match="line 1: a colon stands between two numbers"):
        parse_libsvm(b"1 8: 9:2\n", after=b"7 1:1\n")


NO_DELIMITER = "UserError: Could not determine delimiter on line {}:\nCould not determine delimiter"
NOT_LIBSVM = (
    "UserError: First line '{}...' of file 'a' is not 'LIBSVM' format. Please ensure the file is in 'LIBSVM' format."
)
WIDTHS = "blocks[:,0] has incompatible column dimensions. Got blocks[{},0].shape[1] == {}, expected {}."
SPARSE = record(tensor(np.array([1.0, 2.0]), [0, 3], [5]), ONE)
NO_FEATURE = "0 feature is supplied.  Are you using raw Booster interface?"


@pytest.mark.contract("T39", "T42", "T48")
@pytest.mark.parametrize(
    ("kind", "files", "failure"),
    [
        ("csv", {"a": b"\n1,2,3\n0,4,5\n"}, NO_DELIMITER.format("\n")),
        ("csv", {"a": b"1,2,3\n", "b": b""}, NO_DELIMITER.format("")),
        ("csv", {"a": b"1,2,3\n", "b": b"\n"}, NO_DELIMITER.format("\n")),
        (
            "csv",
            {"a": b"1\n0\n"},
            "Delimiter '1' is not found in the line. Expected '1' as the delimiter to separate fields.",
        ),
        ("csv", {"a": b"1,\n0,\n"}, NO_FEATURE),
        ("libsvm", {"a": b"1\n0\n"}, NO_FEATURE),
        ("recordio-protobuf", {"a": SPARSE + record(tensor(np.ones(0), shape=[5]), ONE)}, WIDTHS.format(1, 0, 5)),
        ("recordio-protobuf", {"a": SPARSE + record(tensor(np.ones(0)), ONE)}, WIDTHS.format(1, 0, 5)),
        ("recordio-protobuf", {"a": SPARSE, "b": record(tensor(np.ones(3)), ONE)}, WIDTHS.format(1, 3, 5)),
        ("recordio-protobuf", {"a": record(tensor(np.ones(0)), ONE) * 2}, NO_FEATURE),
        ("libsvm", {"a": b"1 1:2 3:4 \n0 1:3\n"}, NOT_LIBSVM.format("1 1:2 3:4 \n")),
        ("libsvm", {"a": b"1 1:2\n0 1:3 \n"}, NOT_LIBSVM.format("0 1:3 \n")),
        ("libsvm", {"a": b"1\n0 1:3 2:3 \n"}, NOT_LIBSVM.format("0 1:3 2:3 \n")),
        ("libsvm", {"a": b"1  1:2 3:4\n0 1:3\n"}, NOT_LIBSVM.format("1  1:2 3:4\n")),
        ("libsvm", {"a": b"1\t1:2\t3:4\n0 1:3\n"}, NOT_LIBSVM.format("1\t1:2\t3:4\n")),
        ("libsvm", {"a": b"# c\n1 1:2 3:4\n"}, NOT_LIBSVM.format("# c\n")),
        ("libsvm", {"a": b"1 1:2 3:4 # c\n0 1:3\n"}, NOT_LIBSVM.format("1 1:2 3:4 # c\n")),
        ("libsvm", {"a": b"\n1 1:2 3:4\n"}, NOT_LIBSVM.format("\n")),
        ("libsvm", {"a": b" 1 1:2 3:4\n"}, NOT_LIBSVM.format(" 1 1:2 3:4\n")),
    ],
)
def test_what_fails_on_aws_fails_here_in_its_words_and_is_refused_before(
    tmp_path: Path, kind: str, files: Files, failure: str
) -> None:
    layout = folder(tmp_path, kind, files)
    assert len(problems_of(layout, kind)) == 1
    with pytest.raises(ContainerError) as error:
        run(layout)
    assert str(error.value).endswith(failure)


@pytest.mark.contract("T39")
def test_columns_that_are_empty_to_the_end_are_none_in_training_and_refused_before(tmp_path: Path) -> None:
    layout = folder(tmp_path, "csv", {"a": b"1,2,\n0,3,\n"})
    rows = read_channel(layout.channel("train"), channel_files(layout, ["train"])["train"], "csv", False, 1)
    assert rows.features.tolist() == [[2], [3]]
    assert problems_of(layout, "csv") == [
        "a: The last 1 of 3 columns are empty in every row of channel train; the training container does not see them: "
        "the model would have 1 features."
    ]


@pytest.mark.contract("T39")
@pytest.mark.parametrize("row", [b"1\t\t3\n", b"1  3\n", b"1 3 \n"])
def test_an_empty_cell_between_blanks_or_tabs_is_refused(tmp_path: Path, row: bytes) -> None:
    """On AWS the next cell takes its place: `1<TAB><TAB>3` is the label 1 and the first feature 3."""
    layout = folder(tmp_path, "csv", {"a": row.replace(b"  ", b" 2 ").replace(b"\t\t", b"\t2\t") + row})
    assert "empty; the training container passes over an empty cell" in " ".join(problems_of(layout, "csv")) or (
        row == b"1 3 \n"
    )
    if b"\t" in row:
        with pytest.raises(ContainerError, match="an empty cell between blanks or tabs is none to the container"):
            run(layout)


def test_nan_is_missing_and_the_check_warns_with_the_figure(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1,nan,3\n0,NaN,-nan\n1,2,3\n")
    report, problems = check_data({"train": tmp_path / "a"}, show=lambda path: path.name)
    assert problems == []
    assert report.warnings == (
        "a: 3 cells hold NaN. They are missing values to the training container, as empty cells are.",
    )
    (tmp_path / "b").write_bytes(b"nan,1,3\n0,NA,1\n")
    _, problems = check_data({"train": tmp_path / "b"}, show=lambda path: path.name)
    assert [f"{problem.where}: {problem.message}" for problem in problems] == [
        "b:1:1: The label (column 1) holds 'nan', no finite number, as each label and weight must be.",
        "b:2:2: Column 2 holds 'NA', a mark for a missing value; every cell must be a number.",
    ]


def test_a_delimiter_that_the_sniffer_passes_over_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1.5|2.5|3.5\n")
    _, problems = check_data({"train": tmp_path / "a"}, show=lambda path: path.name)
    assert [f"{problem.where}: {problem.message} {problem.fix}" for problem in problems] == [
        "a:1: The training container takes '5' for the delimiter: it is the line's most frequent character. Separate "
        "cells with commas, tabs, semicolons, blanks or colons, which it takes first."
    ]


@pytest.mark.contract("T39")
@given(st.text(st.sampled_from("0123456789.,;:|^ \t-+eE\"'na"), min_size=1, max_size=30))
def test_the_delimiter_is_what_pythons_sniffer_finds(line: str) -> None:
    try:
        expected = csv.Sniffer().sniff(line).delimiter
    except csv.Error:
        with pytest.raises(csv.Error):
            sniffed(line)
        return
    assert sniffed(line) == expected
    assert request_delimiter(line) == ("," if expected.isalnum() else expected)


def test_a_line_of_one_number_has_no_delimiter_in_it() -> None:
    assert [delimiter_of(line) for line in (b"5.1", b"-1e-5", b"", b"1|2|3", b"1 2")] == [",", ",", ",", "|", " "]
    assert [request_delimiter(line) for line in ("5.1", "-1e-5", "1" * 600 + ",2")] == [",", "-", ","]
