"""The time of the check of a wide file grows with its size, whatever is wrong in it; counted, not timed by a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from training.data.check import check_data
from training.prediction.batches import all_numbers, row_problems


def lines_run(work: Callable[[], object]) -> int:
    """Lines of Python that are run, in all modules: a measure of work that no other process disturbs."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def checked(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    _, problems = check_data({"train": path}, show=lambda path: path.name)
    return [f"{problem.where}: {problem.message}" for problem in problems]


SHAPES: list[tuple[str, Callable[[int], bytes]]] = [
    ("numbers", lambda columns: b",".join([b"1"] * columns) + b"\n"),
    ("commas", lambda columns: b"," * (columns - 1) + b"\n"),
    ("quotes", lambda columns: b'1,"' + b'x,"' * (columns - 2) + b"\n"),
    ("many rows", lambda columns: (b",".join([b"1"] * 500) + b"\n") * (columns // 500)),
    ("blank lines", lambda columns: b"\n" * columns + b"1,2\n"),
]


@pytest.mark.parametrize(("name", "content"), SHAPES, ids=[name for name, _ in SHAPES])
def test_ten_times_the_columns_are_at_most_a_dozen_times_the_work(
    tmp_path: Path, name: str, content: Callable[[int], bytes]
) -> None:
    def work(columns: int) -> list[str]:
        return checked(tmp_path / "train", content(columns))

    checked(tmp_path / "warm", b"1,2\n")  # imports
    small, large = (lines_run(partial(work, columns)) for columns in (1_000, 10_000))
    assert large <= 12 * small


def test_good_wide_rows_cost_no_work_for_each_cell(tmp_path: Path) -> None:
    row = b",".join([b"1"] * 50_000) + b"\n"
    assert lines_run(lambda: checked(tmp_path / "train", row * 4)) < 5_000
    assert all_numbers(row, delimiter=b",", width=50_000)


def test_a_million_columns_are_read_and_more_than_five_are_one_problem(tmp_path: Path) -> None:
    assert checked(tmp_path / "train", b",".join([b"1"] * 1_000_000) + b"\n") == []
    assert checked(tmp_path / "train", b"," * 5_000_000) == [
        "train:1: The line has 5,000,001 cells; at most 5,000,000 are read."
    ]


def test_a_wrong_cell_of_a_wide_row_is_found(tmp_path: Path) -> None:
    cells = [b"1"] * 100_000
    cells[77_776] = b"x"
    good = b",".join([b"1"] * 100_000)
    assert checked(tmp_path / "train", good + b"\n" + b",".join(cells) + b"\n") == [
        "train:2:77777: Column 77777 holds 'x'; every cell must be a number."
    ]


def test_problems_without_end_are_one_message_and_end_the_reading() -> None:
    (first, last) = row_problems(b"x" + b",x" * 1_000_000 + b"\n", 1, "rows", delimiter=b",", width=1_000_001)
    assert first.message.startswith("Column 1 holds 'x'; every cell must be a number. 1 cell of column 1 is 'x'; ")
    assert first.message.endswith("; and 9,995 more columns.")
    assert last.message == "The rest of the file was not read."
