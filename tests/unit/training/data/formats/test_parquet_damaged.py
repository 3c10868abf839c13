"""Parquet files that are damaged or hostile: a problem that names the file, whatever Arrow raises of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from training.data.check import check_data


def good() -> bytes:
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.table({"label": [1.0, 2.0], "a": [3.0, 4.0]}), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def nested() -> bytes:
    value: object = [1.0]
    for _ in range(60):
        value = [value]
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.table({"label": [1.0], "a": [value]}), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize(
    "make",  # when a test needs it: a table of lists imports pandas
    [
        lambda: b"PAR1" + bytes(1_000) + b"PAR1",
        lambda: good()[:-8] + bytes(4) + b"PAR1",
        lambda: good()[:-8] + b"\xff\xff\xff\xff" + b"PAR1",
        lambda: good()[:-4] + b"PARE",
        lambda: good()[:-20],
        nested,
    ],
    ids=["zeros", "no footer", "long footer", "encrypted", "cut", "nested"],
)
def test_it_is_said_of_the_file(tmp_path: Path, make: Callable[[], bytes]) -> None:
    file = tmp_path / "train.parquet"
    file.write_bytes(make())
    _, problems = check_data({"train": file}, content_type="application/x-parquet", show=lambda path: path.name)
    first = problems[0]
    assert first.where.startswith("train.parquet")
    assert first.message.startswith("The file is not Parquet, or is damaged: ")
    assert len(first.message.splitlines()) == 1
