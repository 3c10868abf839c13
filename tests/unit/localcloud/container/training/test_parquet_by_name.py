"""Parquet as pandas, Dask and Spark write it, read as the container does: `read_table(folder).to_pandas()`.

`parquet_folders` holds files of pandas 2.2.3 (`sample(frac=1)` and `set_index(…)[["y", "b", "a"]]` of one frame, and a
column of `Int64` with a null) and of Dask 2026.1.1 (`to_parquet(write_metadata_file=True)` of two partitions). What is
expected of them was seen with AWS's own `data_utils.py` under pandas 2.2.3 and pyarrow 22.
"""

from __future__ import annotations

import decimal
import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from training_folder import CSV, text, training_folder

from localcloud.container.contract import ContainerError, data_files
from localcloud.container.train import run
from localcloud.container.training.channel_readers import read_parquet
from training.data.check import check_data
from training.data.row_text import csv_lines, first_content

PARQUET = {**CSV, "ContentType": "application/x-parquet"}
FOLDERS = Path(__file__).parent / "parquet_folders"
ROWS = [[1.5, 1, 10.25], [2.5, 2, 20.5], [3.5, 3, 30.75], [4.5, 4, 40]]
"""y, a, b of the frame that pandas and Dask wrote."""
SHUFFLED = [ROWS[2], ROWS[3], ROWS[1], ROWS[0]]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with mock.patch.dict(os.environ):
        yield


def parquet(columns: dict[str, Any], *, metadata: dict[bytes, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns).replace_schema_metadata(metadata), out)
    return out.getvalue()


def folder_of(base: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(content)
    return base


def frame(rows: list[list[float]], order: str = "yab", **more: Any) -> bytes:
    """Columns y, a, b in an order."""
    places = {"y": 0, "a": 1, "b": 2}
    return parquet({name: pa.array([row[places[name]] for row in rows]) for name in order} | more)


def spark(order: str = "yab") -> dict[str, bytes]:
    """The folder that Spark leaves: parts, one of them without rows, marks, and no word about an index."""
    mark = {b"org.apache.spark.version": b"3.5.1", b"org.apache.spark.sql.parquet.row.metadata": b"{}"}
    rows = {"part-00000-c000.snappy.parquet": ROWS[:2], "part-00001-c000.snappy.parquet": ROWS[2:]}
    files = {
        name: parquet(
            {
                "y": [r[0] for r in part],
                "a": pa.array([int(r[1]) for r in part], pa.int32()),
                "b": [r[2] for r in part],
            },
            metadata=mark,
        )
        for name, part in rows.items()
    }
    empty = parquet({"y": pa.array([], pa.float64()), "a": pa.array([], pa.int32()), "b": pa.array([], pa.float64())})
    return {**files, "part-00002-c000.snappy.parquet": empty, "_SUCCESS": b"", "_committed_7": b"{}"}


def written(base: Path, kind: str) -> tuple[Path, list[list[float]]]:
    """A folder of one of the kinds, and its rows as the container reads them."""
    if kind in ("pandas", "dask"):
        shutil.copytree(FOLDERS / kind, base)
        return base, [*SHUFFLED, *ROWS] if kind == "pandas" else ROWS
    if kind == "spark":
        return folder_of(base, spark()), ROWS
    if kind == "another order":
        files = {"p0": frame(ROWS[:2]), "p1": frame(ROWS[2:], "bya")}
        return folder_of(base, files), ROWS
    if kind == "nested":  # all in one folder, by their names: p0, then p1
        return folder_of(base, {"z/p0": frame(ROWS[:2]), "a/p1": frame(ROWS[2:], "bay")}), ROWS
    files = {"p0": frame(ROWS[:2]), "p1": frame(ROWS[2:], "yb")}
    return folder_of(base, files), [*ROWS[:2], [3.5, np.nan, 30.75], [4.5, np.nan, 40]]


KINDS = ["pandas", "dask", "spark", "another order", "nested", "a column missing"]


@pytest.mark.contract("T43", "T49")
@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_trains_the_model_of_the_same_rows_in_csv(tmp_path: Path, kind: str) -> None:
    folder, rows = written(tmp_path / "parquet/input/data/train", kind)
    parameters = {"num_round": "3", "min_child_weight": "0"}
    layout = training_folder(tmp_path / "parquet", parameters, {}, channels={"train": PARQUET})
    run(layout)
    same = training_folder(tmp_path / "csv", parameters, {"train/rows.csv": text(np.array(rows, dtype=float))})
    run(same)
    assert (layout.model / "xgboost-model").read_bytes() == (same.model / "xgboost-model").read_bytes()

    report, problems = check_data({"train": folder}, content_type="application/x-parquet", columns=["y", "a", "b"])
    assert problems == []
    assert (report.channels["train"].rows, report.channels["train"].columns) == (len(rows), 3)
    assert list(report.warnings) == (
        [f"{folder}/p1: The file lacks columns of the channel's first file: a. All values are missing."]
        if kind == "a column missing"
        else []
    )

    files = data_files(folder)
    first = first_content("parquet", files)
    lines = [line for file in files for line in csv_lines("parquet", file.name, file.read_bytes(), 3, first=first)]
    expected = [",".join("" if cell != cell else f"{cell:g}" for cell in row) for row in rows]
    assert [line.decode() for line in lines] == expected


@pytest.mark.contract("T43")
def test_the_first_file_names_the_columns(tmp_path: Path) -> None:
    files = {"p0": frame(ROWS[:1], "yb"), "p1": frame(ROWS[1:2], "bay"), "_metadata": b"PAR1"}
    folder = folder_of(tmp_path, files)
    rows = read_parquet(data_files(folder), weights=False, threads=1)
    assert rows.label is not None
    assert (rows.names, rows.label.tolist(), rows.features.tolist()) == (("y", "b"), [1.5, 2.5], [[10.25], [20.5]])
    _, problems = check_data({"train": folder}, content_type="parquet")
    assert [f"{problem.where}: {problem.message}" for problem in problems] == [
        f"{folder}/p1: The file has columns that the channel's first file has not: a."
    ]


@pytest.mark.contract("T43")
def test_columns_of_every_type_of_number_are_read(tmp_path: Path) -> None:
    columns = {
        "y": pa.array([1, 2], pa.int8()),
        "unsigned": pa.array([2**63, None], pa.uint64()),
        "large": pa.array([2**53 + 2**30, -(2**62)], pa.int64()),
        "truth": pa.array([True, None]),
        "decimal": pa.array([decimal.Decimal("1.25"), None]),
        "half": pa.array([0.5, 2.0], pa.float16()),
        "words": pa.array(["1.5", None]),
        "categories": pa.array(["3", "4"]).dictionary_encode(),
        "codes": pa.array([7, None]).dictionary_encode(),
        "none": pa.nulls(2),
    }
    folder = folder_of(tmp_path, {"p0": parquet(columns)})
    rows = read_parquet(data_files(folder), weights=False, threads=1)
    nan = float("nan")
    expected = [
        [2.0**63, 2.0**53 + 2**30, 1, 1.25, 0.5, 1.5, 3, 7, nan],
        [nan, -(2.0**62), nan, nan, 2, nan, 4, nan, nan],
    ]
    np.testing.assert_array_equal(rows.features, np.array(expected, dtype=np.float32))
    assert check_data({"train": folder}, content_type="parquet")[1] == []


def refused(tmp_path: Path, files: dict[str, bytes]) -> tuple[list[str], str]:
    """What the check says of a training channel, and with what the training program ends."""
    folder_of(tmp_path / "input/data", files)
    channels = {name: tmp_path / "input/data" / name for name in ("train", "validation")}
    channels = {name: path for name, path in channels.items() if path.exists()}
    _, problems = check_data(channels, content_type="parquet", show=lambda path: path.name)
    layout = training_folder(tmp_path, {"num_round": "1"}, {}, channels=dict.fromkeys(channels, PARQUET))
    with pytest.raises(ContainerError) as error:
        run(layout)
    return [f"{problem.where}: {problem.message} {problem.fix}" for problem in problems], str(error.value)


FAILED = "UserError: Failed to load parquet data with exception:\n"


@pytest.mark.contract("T43", "T48")
def test_a_null_of_pandas_int64_ends_the_job_in_pythons_words(tmp_path: Path) -> None:
    content = (FOLDERS / "int64/part-0.parquet").read_bytes()
    problems, failure = refused(tmp_path, {"train/p0": content})
    assert problems == [
        "p0: Column 2 (a) has nulls, and pandas reads it as a type whose null is no number. The training container "
        "ends with \"float() argument must be a string or a real number, not 'NAType'\". Turn it into float64: "
        "astype('float64')."
    ]
    assert failure == f"{FAILED}p0: float() argument must be a string or a real number, not 'NAType'"


@pytest.mark.contract("T43")
def test_channels_with_their_columns_in_another_order_are_refused(tmp_path: Path) -> None:
    problems, failure = refused(tmp_path, {"train/p0": frame(ROWS), "validation/p0": frame(ROWS, "bya")})
    assert problems == [
        "p0: The columns are b, y, a; those of p0 are y, a, b. The container reads each channel by position: all need "
        "the same columns in the same order."
    ]
    assert failure == (
        "UserError: The columns of channel validation are b, y, a; those of channel train are y, a, b. Each channel is "
        "read by position, so both need the same columns in the same order."
    )


@pytest.mark.contract("T43", "T48")
@pytest.mark.parametrize(
    ("files", "problem", "failure"),  # the files are made when a test needs them: making one imports pandas
    [
        (
            lambda: {"p0": frame(ROWS), "p1": b""},
            "p1: The file is not Parquet, or is damaged: Parquet file size is 0 bytes.",
            f"{FAILED}p1: Parquet file size is 0 bytes",
        ),
        (
            lambda: {"p0": parquet({"y": [1, 2], "a": [1, 2]}), "p1": parquet({"y": [1, 2], "a": [1.5, 2]})},
            "p1:2: Column 2 (a) cannot be read as the channel's first file has it: Float value 1.500000 was truncated "
            "converting to int64. Write all files with the same types.",
            f"{FAILED}p1: Float value 1.500000 was truncated converting to int64",
        ),
        (
            lambda: {"p0": parquet({"y": [1.0, 2.0], "town": pa.array(["1", "York"]).dictionary_encode()})},
            "p0:2:2: Column 2 (town) holds 'York'; every cell must be ",
            f"{FAILED}p0: Failed to parse string: 'York' as a scalar of type double",
        ),
        (
            lambda: {"p0": parquet({"y": [1.0], "day": pa.array([0], pa.timestamp("s"))})},
            "p0: Column 'day' holds timestamp[ms], not numbers. Turn it into numbers, or leave it out.",
            f"{FAILED}p0: column 'day' holds timestamp[ms], not numbers",
        ),
        (
            lambda: {"p0": parquet({"y": [1.0], "pair": [[1.0, 2.0]]})},
            "p0: Column 'pair' holds list<element: double>, not numbers. Turn it into numbers, or leave it out.",
            f"{FAILED}p0: column 'pair' holds list<element: double>, not numbers",
        ),
        (
            lambda: {"p0": parquet({"y": [1.0, 2.0]})},
            "p0: The file has the column y alone; a label and at least one feature are needed. A column that pandas "
            "wrote as its index is none.",
            "AlgorithmError: XGB train call failed with exception:",
        ),
        (
            lambda: {"p0": frame([])},
            "p0: The file holds no row of data. Put rows in it, or remove it.",
            "UserError: Got input data without labels.",
        ),
    ],
)
def test_what_the_container_does_not_read_is_refused_before_the_job_and_by_it(
    tmp_path: Path, files: Callable[[], dict[str, bytes]], problem: str, failure: str
) -> None:
    problems, ended = refused(tmp_path, {f"train/{name}": content for name, content in files().items()})
    assert [found[: len(problem)] for found in problems] == [problem]
    assert ended[: len(failure)] == failure


def test_names_that_contradict_the_project_file_and_an_unnamed_index_are_refused(tmp_path: Path) -> None:
    (tmp_path / "last").write_bytes(frame(ROWS, "aby"))
    (tmp_path / "index").write_bytes(frame(ROWS, "yab", __index_level_0__=pa.array([3, 1, 2, 0])))
    shutil.copy(FOLDERS / "pandas/part-1.parquet", tmp_path / "dropped")
    found = {
        name: check_data(
            {"train": tmp_path / name},
            content_type="parquet",
            columns=columns,
            where=lambda setting: f"kickstand.toml {setting}",
            show=lambda path: path.name,
        )[1]
        for name, columns in {"last": "yab", "index": (), "dropped": ["y", "b", "a", "id"]}.items()
    }
    assert {name: [f"{each.where}: {each.message}" for each in problems] for name, problems in found.items()} == {
        "last": ["kickstand.toml data.columns: columns names y, a, b; the columns of last are a, b, y."],
        "index": [
            "index: Column '__index_level_0__' is an index of pandas or Dask, and nothing in the file says so: it is a "
            "feature."
        ],
        "dropped": ["kickstand.toml data.columns: columns names y, b, a, id; the columns of dropped are y, b, a."],
    }
