"""Read CSV text line by line, to say exactly which cell is wrong and why: only for text that the fast reader refused.

A line of plain numbers is taken whole; cells are looked at one by one in the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from training.data.checks.objectives import ColumnRule
from training.data.csv.cell_cause import DECIMAL_COMMA, INFINITE, MISSING, NO_LABEL, TOO_LARGE, cause_of
from training.data.findings import Findings

LARGEST = 3.4028234663852886e38
"""The largest float32; xgboost keeps all numbers as float32 and refuses infinity."""

_NUMBER = re.compile(rb"[ \t]*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[ \t]*")
_PLAIN = rb"(?:-?(?:\d{1,37}(?:\.\d*+)?|\.\d++))?+"
"""A cell that is empty or surely a number below the largest float32."""
_NAN = re.compile(rb"[ \t]*[+-]?nan[ \t]*", re.IGNORECASE)
_QUOTED = rb'[ ]*"(?:[^"]|"")*+"[^%b]*+|[^%b]*+'


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file's rows should look like. label_columns: 0 of rows for an endpoint, which have features only."""

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
    """Look at every line of `text`, whose first one is the file's `first_line` (from 1)."""
    part = Part()
    delimiter = layout.delimiter.encode()
    separator = re.escape(delimiter)
    # Possessive, so that a line of a million cells takes neither memory nor time for ways back.
    plain = re.compile(rb"%b(?:%b%b)*+" % (_PLAIN, separator, _PLAIN))
    lines = text.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, first_line):
        if findings.too_many:
            break
        row = line[:-1] if line.endswith(b"\r") else line
        if not row.strip():
            message = (
                "The line is blank." if layout.label_columns else "Expected a row of features, found a blank line."
            )
            findings.add("blank lines", message, line=number, fix="Remove it.")
        elif b"\r" in row:
            message = "A carriage return stands inside the line."
            findings.add("carriage returns", message, line=number, fix="End lines with a line feed.")
        elif row.lstrip().startswith(b"#"):
            findings.add("comments", "The line is a comment.", line=number, fix="Remove it.")
        else:
            part.rows += 1
            cells = row_cells(row, layout.delimiter)
            if len(cells) != layout.width:
                _other_width(cells, number, layout, findings)
            elif plain.fullmatch(row) and not _has_gaps(cells, layout):
                _scan_plain(cells, number, layout, findings, part)
            else:
                _scan_row(cells, number, layout, findings, part)
    return part


def is_number(cell: bytes) -> bool:
    """Whether the container and xgboost read the cell as a finite number."""
    return _NUMBER.fullmatch(cell) is not None and abs(float(cell)) <= LARGEST


def is_taken(cell: bytes) -> bool:
    """Whether a cell of a feature is one that the container takes: a finite number, or a missing value."""
    return cell == b"" or _NAN.fullmatch(cell) is not None or is_number(cell)


def row_cells(row: bytes, delimiter: str) -> list[bytes]:
    """The cells of a line without its end. A delimiter inside quotes separates nothing."""
    found = row.split(delimiter.encode())
    if b'"' not in row or delimiter == '"':
        return found
    separator = re.escape(delimiter.encode())
    cells = re.compile(rb"(?:^|%b)(%b)" % (separator, _QUOTED % (separator, separator)))
    quoted = cells.findall(row)
    return quoted if sum(map(len, quoted)) + len(quoted) - 1 == len(row) else found


def _other_width(cells: Sequence[bytes], line: int, layout: Layout, findings: Findings) -> None:
    found, width = len(cells), layout.width
    fix = "" if layout.label_columns else "Give every row the features of training, in their order."
    if found > width and not cells[-1].strip():
        fix = "A delimiter at the end of a line makes one more cell, which is empty: remove it."
    elif found > width:
        name = {",": "comma", ";": "semicolon", "\t": "tab", " ": "blank"}.get(layout.delimiter, layout.delimiter)
        fix = f"{fix} A {name} inside a cell, as in 1,234 or in a name, makes two of it.".lstrip()
    message = f"The line has {found:,} cells; most lines have {width:,}."
    if not layout.label_columns:
        message = f"Expected {width:,} features, found {found:,}."
    findings.add("lines of another width", message, line=line, fix=fix)


def _has_gaps(cells: Sequence[bytes], layout: Layout) -> bool:
    """Whether a cell is empty where xgboost would take the next one in its place."""
    return layout.label_columns > 0 and layout.delimiter.isspace() and b"" in cells


def _scan_plain(cells: Sequence[bytes], line: int, layout: Layout, findings: Findings, part: Part) -> None:
    """Cells that are empty or plain numbers."""
    filled = len(cells)
    while filled and not cells[filled - 1]:
        filled -= 1
    part.filled = max(part.filled, filled)
    for index in range(layout.label_columns):
        if not cells[index]:
            findings.add_cell(NO_LABEL, b"", line, index)
        elif index == 0:
            _take_label(float(cells[0]), part)
    for rule in layout.rules:
        if rule.column < len(cells) and cells[rule.column]:
            _hold_against(rule, float(cells[rule.column]), line, findings)


def _scan_row(cells: Sequence[bytes], line: int, layout: Layout, findings: Findings, part: Part) -> None:
    for index, cell in enumerate(cells):
        if findings.too_many:
            return
        if cell:
            part.filled = max(part.filled, index + 1)
        elif index >= layout.label_columns and not layout.delimiter.isspace():
            continue
        if index >= layout.label_columns and _NAN.fullmatch(cell):
            part.nans += 1
            continue
        value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
        if not abs(value) <= LARGEST:
            _not_a_number(index, cell, line, layout, findings)
            continue
        if index == 0 and layout.label_columns:
            _take_label(value, part)
        for rule in layout.rules:
            if rule.column == index:
                _hold_against(rule, value, line, findings)


def _take_label(value: float, part: Part) -> None:
    part.label_min = min(part.label_min, value)
    part.label_max = max(part.label_max, value)


def _hold_against(rule: ColumnRule, value: float, line: int, findings: Findings) -> None:
    if rule.breaks(value):
        add_broken_rule(rule, value, line, findings)


def add_broken_rule(rule: ColumnRule, value: float, line: int, findings: Findings) -> None:
    """Note a number that its column may not hold."""
    message = f"{_capital(findings.column(rule.column))} is {value:g}; {rule.demand}."
    findings.add("such values", message, line=line, column=rule.column, fix=rule.fix)


def _not_a_number(index: int, cell: bytes, line: int, layout: Layout, findings: Findings) -> None:
    is_label = index < layout.label_columns
    if cell == b"" and not is_label:
        if layout.delimiter.isspace() and layout.label_columns:
            message = (
                f"{_capital(findings.column(index))} is empty; the training container passes over an empty cell "
                "between blanks or tabs, and takes the next one in its place."
            )
            findings.add("empty cells", message, line=line, column=index, fix="Separate cells with commas.")
        return
    cause = cause_of(cell, layout.delimiter) if cell else NO_LABEL
    if is_label and (cause in (MISSING, INFINITE, TOO_LARGE) or not cell.strip()):
        cause = NO_LABEL
    if cause is DECIMAL_COMMA and layout.delimiter != ";":
        cause = replace(cause, fix=cause.fix.replace('sep=";"', f"sep={layout.delimiter!r}"))
    findings.add_cell(cause, cell, line, index)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
