"""Which of the rows for an endpoint are wrong, and where: found by reading cell by cell, so only after a suspicion."""

from __future__ import annotations

from collections.abc import Iterator

from kickstand.errors import Problem
from training.data.csv_cells import LARGEST, Layout, is_number, shown
from training.data.csv_scan import numbers

_WIDE = 10_000
"""Columns from which on a reader for each of them takes longer than to look at the cells."""
TOLD = 20
"""How many problems are told; a file with more is wrong as a whole."""


def row_problems(body: bytes, first_line: int, name: str, *, delimiter: bytes, width: int) -> list[Problem]:
    """Everything that the container would refuse in whole lines of a CSV without labels, each with its place.

    first_line: the number of the first line, from 1. name: the input's. width: features that a row must have.
    """
    problems: list[Problem] = []
    for problem in _problems(body, first_line, name, delimiter, width):
        if len(problems) == TOLD:
            problems.append(Problem("There are more; these are the first.", name))
            break
        problems.append(problem)
    return problems


def all_numbers(body: bytes, *, delimiter: bytes, width: int) -> bool:
    """Whether whole lines are surely rows of finite numbers and missing values: fast, and False where in doubt."""
    import pyarrow.compute as compute

    columns = numbers(body, Layout(delimiter.decode(), width, ())) if width <= _WIDE else None
    if columns is None:
        return False
    ranges = [compute.min_max(column).as_py() for column in columns]
    return all(found["min"] is None or (found["min"] >= -LARGEST and found["max"] <= LARGEST) for found in ranges)


def _problems(body: bytes, first_line: int, name: str, delimiter: bytes, width: int) -> Iterator[Problem]:
    for number, line in enumerate(body.removesuffix(b"\n").split(b"\n"), first_line):
        if not line.strip():
            message = "Expected a row of features, found a blank line."
            yield Problem(message, f"{name}:{number}", "Remove the line, then run it again.")
            continue
        cells = line.rstrip(b"\r").split(delimiter)
        if len(cells) != width:
            message = f"Expected {width} features, found {len(cells)}."
            yield Problem(message, f"{name}:{number}", "Give every row the features of training, in their order.")
            continue
        for column, cell in enumerate(cells, start=1):
            if not _read(cell):
                message = f"Expected a number, found {shown(cell)}."
                yield Problem(message, f"{name}:{number}:{column}", "Leave a missing value empty.")


def _read(cell: bytes) -> bool:
    """Whether the container takes a cell: a finite number, or a missing value."""
    return cell == b"" or cell.strip().lower() == b"nan" or is_number(cell)
