"""Which of the rows for an endpoint are wrong, and where: found by reading cell by cell, so only after a suspicion."""

from __future__ import annotations

from kickstand.errors import Problem
from training.data.csv_cells import Layout, scan_cells
from training.data.csv_columns import all_finite
from training.data.csv_findings import Findings, first_of
from training.data.csv_head import read_head

_READER = "the endpoint"


def row_problems(body: bytes, first_line: int, name: str, *, delimiter: bytes, width: int) -> list[Problem]:
    """What the container would refuse in whole lines of a CSV without labels: each cause once, at its first place.

    first_line: the number of the first line, from 1. name: the input's. width: features that a row must have.
    """
    findings = Findings(name, labels=0)
    scan_cells(body, first_line, Layout(delimiter.decode(), width, (), 0), findings)
    return first_of(findings.problems())


def first_problems(body: bytes, name: str, *, width: int | None = None) -> list[Problem]:
    """The same of whole lines with which an input begins, where the first ones may be a header row.

    width: features that a row must have; None: as many as the lines have.
    """
    findings = Findings(name, labels=0)
    blank = len(body) - len(body.lstrip())
    start = body.rfind(b"\n", 0, blank) + 1
    head = read_head(body[start:], 1 + body.count(b"\n", 0, start), findings, reader=_READER, labels=0)
    if head is None:
        return findings.problems()
    for _ in range(head.skipped):
        start = body.find(b"\n", start) + 1 or len(body)
    rest, line = body[start:], 1 + body.count(b"\n", 0, start)
    scan_cells(rest, line, Layout(head.delimiter, head.width, (), 0), findings)
    problems = findings.problems()
    if width is not None and head.width != width:
        message = f"Expected {width:,} features, found {head.width:,} cells in each line."
        problems.append(Problem(message, f"{name}:{line}", "Give every row the features of training, in their order."))
    return first_of(problems)


def all_numbers(body: bytes, *, delimiter: bytes, width: int) -> bool:
    """Whether whole lines are surely rows of finite numbers and missing values: fast, and False where in doubt."""
    return all_finite(body, Layout(delimiter.decode(), width, (), 0))
