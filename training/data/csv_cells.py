"""Read CSV text cell by cell, to say exactly which one is wrong. Slow: only for text that the fast reader refused."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from training.data.csv_findings import Findings
from training.data.objectives import ColumnRule

LARGEST = 3.4028234663852886e38
"""The largest float32; xgboost keeps all numbers as float32 and refuses infinity."""

_NUMBER = re.compile(rb"[ \t]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t]*")
_NAN = re.compile(rb"[ \t]*[+-]?nan[ \t]*", re.IGNORECASE)
_INFINITE = re.compile(rb"[ \t]*[+-]?(?:inf|infinity)[ \t]*", re.IGNORECASE)
_SHOWN_BYTES = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file's rows should look like. names: of the columns, label first, or none."""

    delimiter: str
    width: int
    rules: tuple[ColumnRule, ...]
    label_columns: int = 1


@dataclass(slots=True)
class Part:
    """What a piece of a file holds: rows, and the range of its labels (inf, -inf where there is none).

    nans: feature cells that hold NaN. filled: columns up to the last one that has a value.
    """

    rows: int = 0
    label_min: float = math.inf
    label_max: float = -math.inf
    nans: int = 0
    filled: int = 0


def scan_cells(text: bytes, first_line: int, layout: Layout, findings: Findings) -> Part:
    """Look at every cell of `text`, whose first line is the file's `first_line` (from 1)."""
    part = Part()
    lines = text.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, first_line):
        if findings.too_many:
            break
        row = line[:-1] if line.endswith(b"\r") else line
        if not row.strip():
            findings.add("blank lines", "The line is blank.", line=number, fix="Remove it.")
        elif b"\r" in row:
            message = "A carriage return stands inside the line."
            findings.add("carriage returns", message, line=number, fix="End lines with a line feed.")
        else:
            part.rows += 1
            _scan_row(row.split(layout.delimiter.encode()), number, layout, findings, part)
    return part


def is_number(cell: bytes) -> bool:
    """Whether the container and xgboost read the cell as a finite number."""
    return _NUMBER.fullmatch(cell) is not None and abs(float(cell)) <= LARGEST


def shown(cell: bytes) -> str:
    """A cell for a message: quoted, short, printable."""
    text = cell.decode("utf-8", errors="backslashreplace")
    return repr(text if len(text) <= _SHOWN_BYTES else f"{text[:_SHOWN_BYTES]}…")


def _scan_row(cells: Sequence[bytes], line: int, layout: Layout, findings: Findings, part: Part) -> None:
    if len(cells) != layout.width:
        message = f"The line has {len(cells)} cells; the file's first line has {layout.width}."
        findings.add("lines of another width", message, line=line)
        return
    for index, cell in enumerate(cells):
        if cell:
            part.filled = max(part.filled, index + 1)
        if index >= layout.label_columns and _NAN.fullmatch(cell):
            part.nans += 1
            continue
        if not _NUMBER.fullmatch(cell):
            _not_a_number(index, cell, line, layout, findings)
            continue
        value = float(cell)
        if abs(value) > LARGEST:
            message = f"{_capital(findings.column(index))} holds {shown(cell)}, which is beyond float32."
            findings.add("numbers that are not finite", message, line=line, column=index)
            continue
        if index == 0:
            part.label_min = min(part.label_min, value)
            part.label_max = max(part.label_max, value)
        for rule in layout.rules:
            if rule.column == index and rule.breaks(value):
                add_broken_rule(rule, value, line, findings)


def add_broken_rule(rule: ColumnRule, value: float, line: int, findings: Findings) -> None:
    """Note a number that its column may not hold."""
    message = f"{_capital(findings.column(rule.column))} is {value:g}; {rule.demand}."
    findings.add("such values", message, line=line, column=rule.column, fix=rule.fix)


def _not_a_number(index: int, cell: bytes, line: int, layout: Layout, findings: Findings) -> None:
    column = findings.column(index)
    if cell == b"":
        if index < layout.label_columns:
            what = column if index == 0 else f"the weight ({column})"
            message = f"{_capital(what)} is missing."
            findings.add("missing labels", message, line=line, column=index, fix="Remove the row, or fill it in.")
        elif layout.delimiter.isspace():
            message = (
                f"{_capital(column)} is empty; the training container passes over an empty cell between blanks or "
            )
            message += "tabs, and takes the next one in its place."
            findings.add("empty cells", message, line=line, column=index, fix="Separate cells with commas.")
    elif _NAN.fullmatch(cell) or _INFINITE.fullmatch(cell):
        message = f"{_capital(column)} holds {shown(cell)}; numbers must be finite."
        fix = "Leave a missing value empty." if index >= layout.label_columns else "Remove the row."
        findings.add("numbers that are not finite", message, line=line, column=index, fix=fix)
    elif b'"' in cell:
        message = f"{_capital(column)} holds {shown(cell)}; the training container does not understand quotes."
        findings.add("quoted cells", message, line=line, column=index, fix="Write the file without quotes.")
    elif not cell.strip():
        message = f"{_capital(column)} holds blanks only."
        fix = "Leave a missing value empty."
        findings.add("cells of blanks", message, line=line, column=index, fix=fix)
    else:
        message = f"{_capital(column)} holds {shown(cell)}; every cell must be a number."
        fix = "Turn words into numbers; leave a missing value empty."
        findings.add("cells that are not numbers", message, line=line, column=index, fix=fix)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
