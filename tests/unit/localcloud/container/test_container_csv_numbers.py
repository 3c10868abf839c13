"""CSV text to float32 matrices, in one block and in many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.container import csv_text
from localcloud.container.csv_numbers import CsvError, parse_matrix, read_matrix
from localcloud.container.csv_text import first_line


def test_empty_cells_and_nan_are_missing() -> None:
    rows = parse_matrix(b"1,,nan\n,2.5,-3e2\n", ",", 3)
    np.testing.assert_array_equal(rows, np.array([[1, np.nan, np.nan], [np.nan, 2.5, -300]], dtype=np.float32))
    assert rows.dtype == np.float32


@pytest.mark.parametrize("text", [b"a,b\n", b"1,2\n1\n", b"1,2,3\n", b"true,1\n", b'"1",2\n', b"NA,1\n"])
def test_what_is_no_matrix_of_numbers_is_refused(text: bytes) -> None:
    with pytest.raises(CsvError):
        parse_matrix(text, ",", 2)


def test_files_are_read_in_order_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_text, "BLOCK_BYTES", 16)
    table = np.random.default_rng(3).integers(-999, 999, size=(100, 3)) / 8
    lines = [",".join(map(repr, row)) for row in table.tolist()]
    (tmp_path / "a").write_text("\n\n" + "\n".join(lines[:40]) + "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n")
    (tmp_path / "b").write_text("")
    (tmp_path / "c").write_text("\r\n".join(lines[40:]))
    files = [tmp_path / name for name in "abc"]
    np.testing.assert_array_equal(read_matrix(files, ",", 2), table.astype(np.float32))
    assert first_line(files[0]).decode() == lines[0]


def test_a_bad_block_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("1,2\n")
    (tmp_path / "bad.csv").write_text("1,x\n")
    with pytest.raises(CsvError, match=r"^bad\.csv: .*x"):
        read_matrix([tmp_path / "good.csv", tmp_path / "bad.csv"], ",", 2)


@given(st.lists(st.lists(st.floats(width=64, allow_infinity=False), min_size=2, max_size=2), min_size=1, max_size=30))
def test_every_number_is_the_nearest_double_rounded_to_float32(rows: list[list[float]]) -> None:
    text = "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()
    with np.errstate(over="ignore"):
        expected = np.array(rows).astype(np.float32)
    np.testing.assert_array_equal(parse_matrix(text, ",", 2), expected)
