"""Read a CSV file once: digest, rows, range of the label, and everything in it that would fail or mislead a job.

Blocks of whole lines are read as numbers by Arrow; a block that it refuses, or that breaks a rule, is read
again cell by cell from memory, to name line and column. Memory is bounded by the block, not by the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from training.data.checks.column_facts import ColumnFacts
from training.data.checks.objectives import ColumnRule
from training.data.csv.cells import LARGEST, Layout, Part, add_broken_rule, is_number, scan_cells
from training.data.csv.columns import read_numbers
from training.data.csv.float_text import split_number
from training.data.csv.head import Head, read_head
from training.data.findings import BEFORE_ROWS, ENOUGH, Findings, ScannedFile
from training.data.formats.other_files import foreign

_BLOCK = 4 << 20
_LONGEST_LINE = 64 << 20
_SAMPLE = 1 << 16
_WIDEST = 10_000
"""Columns of a file beyond which what they have in common is not gathered."""
_BOM = b"\xef\xbb\xbf"
_READER = "the training container"


def scan_csv(
    path: Path,
    findings: Findings,
    *,
    rules: Sequence[ColumnRule] = (),
    label_columns: int = 1,
    facts: ColumnFacts | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> ScannedFile:
    """Read `path` once, noting what is wrong in `findings`.

    rules: what label and weight must be. facts: of the channel, to be added to.
    progress: called with the bytes read since the last call. Raises OSError.
    """
    with path.open("rb") as file:
        scan = _Scan(findings, tuple(rules), label_columns, facts)
        while block := whole_lines(file, findings):
            progress(len(block))
            if not scan.take(block):
                break
    return scan.result()


class _Scan:
    def __init__(
        self, findings: Findings, rules: tuple[ColumnRule, ...], label_columns: int, facts: ColumnFacts | None
    ) -> None:
        self.findings, self.rules, self.label_columns, self.facts = findings, rules, label_columns, facts
        self.digest = hashlib.sha256()
        self.size, self.line = 0, 1
        self.whole = Part()
        self.layout: Layout | None = None
        self.blank = 0
        self.is_table = True

    def take(self, block: bytes) -> bool:
        """Look at the next block; False where reading on makes no sense."""
        self.digest.update(block)
        first, self.size = self.size == 0, self.size + len(block)
        if first:
            if problem := foreign(block, "CSV"):
                self.findings.add("foreign files", problem[0], fix=problem[1])
                return False
            if block.startswith(_BOM):
                message = "The file begins with a byte order mark, which the training container reads as data."
                self.findings.add("byte order marks", message, line=1, column=0, fix="Save it as UTF-8 without BOM.")
                block = block.removeprefix(_BOM)
        if self.layout is None:
            block = self._begin(block)
        if self.layout is not None and block:
            part = _scan_block(block, self.line, self.layout, self.findings, self.facts)
            self.whole.rows += part.rows
            self.whole.label_min = min(self.whole.label_min, part.label_min)
            self.whole.label_max = max(self.whole.label_max, part.label_max)
            self.whole.nans += part.nans
            self.whole.filled = max(self.whole.filled, part.filled)
        if self.layout is not None:
            self.line += block.count(b"\n")
        return self.is_table and not self.findings.too_many

    def result(self) -> ScannedFile:
        layout = self.layout
        if layout is None and not self.findings.count:
            message = "The file is empty." if self.size == 0 else "The file holds nothing but blanks."
            self.findings.add("empty files", message, fix="Put rows in it, or remove it.")
        if layout is not None and self.whole.rows == 0 and self.findings.kinds <= BEFORE_ROWS:
            self.findings.add("files without rows", "The file holds no row of data.", fix="Put rows in it.")
        if nans := self.whole.nans:
            cells = "1 cell holds" if nans == 1 else f"{nans:,} cells hold"
            self.findings.warn(f"{cells} NaN. They are missing values to the training container, as empty cells are.")
        return ScannedFile(
            self.digest.hexdigest(),
            self.size,
            self.whole.rows,
            layout.width if layout else 0,
            layout.delimiter if layout else ",",
            self.whole.label_min,
            self.whole.label_max,
            filled=self.whole.filled,
        )

    def _begin(self, block: bytes) -> bytes:
        """Learn delimiter and width from the first lines; return the block without those that are no rows."""
        blank = len(block) - len(block.lstrip())
        start = block.rfind(b"\n", 0, blank) + 1
        self.blank += block.count(b"\n", 0, start)
        if blank == len(block):
            return block
        for line in range(1, 1 + min(self.blank, ENOUGH)):
            self.findings.add("blank lines", "The line is blank.", line=line, fix="Remove it.")
        self.line = 1 + self.blank
        block = block[start:]
        head = None if self._is_split_in_numbers(block) else read_head(block, self.line, self.findings, reader=_READER)
        if head is None:
            self.is_table = False
            return b""
        for _ in range(head.skipped):
            self.line += 1
            block = block.partition(b"\n")[2]
        rules = _with_place_of_label(self.rules, block, head)
        self.layout = Layout(head.delimiter, head.width, rules, self.label_columns)
        return block

    def _is_split_in_numbers(self, block: bytes) -> bool:
        """Whether the container takes a part of the first line's numbers for the delimiter, which is noted."""
        line = block.partition(b"\n")[0].rstrip(b"\r")
        found = "" if is_number(line) else split_number(line)
        if found:
            message = (
                f"The training container takes {found!r} for the delimiter: it is the line's most frequent character."
            )
            fix = "Separate cells with commas, tabs, semicolons, blanks or colons, which it takes first."
            self.findings.add("delimiters", message, line=self.line, fix=fix)
        return bool(found)


def _with_place_of_label(rules: tuple[ColumnRule, ...], block: bytes, head: Head) -> tuple[ColumnRule, ...]:
    """The rules; where the last column alone keeps those of the label in the first lines, their advice says so."""
    own = [rule for rule in rules if rule.column == 0]
    lines = block[:_SAMPLE].split(b"\n")[:-1]
    ends = [
        (line.partition(head.delimiter.encode())[0], line.rstrip(b"\r").rpartition(head.delimiter.encode())[2])
        for line in lines
    ]
    if not own or not ends or not all(is_number(last) for _, last in ends):
        return rules
    if any(rule.breaks(float(last)) for rule in own for _, last in ends):
        return rules
    if not any(rule.breaks(float(first)) for rule in own for first, _ in ends if is_number(first)):
        return rules
    advice = f"Column {head.width}, the last one, holds such values: the label must be the first column."
    return tuple(replace(rule, fix=f"{advice} {rule.fix}".rstrip()) if rule in own else rule for rule in rules)


def whole_lines(file: BinaryIO, findings: Findings) -> bytes:
    """The next piece of a text file, to the end of a line; empty at its end, and behind a line without one."""
    block = file.read(_BLOCK)
    if block and not block.endswith(b"\n"):
        rest = file.readline(_LONGEST_LINE)
        if len(rest) == _LONGEST_LINE:
            findings.add("endless lines", f"A line is longer than {_LONGEST_LINE >> 20} MiB; this is no text of rows.")
            return b""
        block += rest
    return block


def _scan_block(
    block: bytes, first_line: int, layout: Layout, findings: Findings, facts: ColumnFacts | None = None
) -> Part:
    found = read_numbers(block, layout)
    if found is None:
        if facts is not None:
            facts.give_up()
        return scan_cells(block, first_line, layout, findings)
    leading = found.columns(layout.label_columns)
    gaps = any(np.isnan(values).any() for values in leading) or (found.empty and layout.delimiter.isspace())
    if gaps or found.largest > LARGEST:
        return scan_cells(block, first_line, layout, findings)
    for rule in layout.rules:
        if rule.column < layout.label_columns:
            values = leading[rule.column]
            for row in rule.broken(values).nonzero()[0].tolist():
                if findings.too_many:
                    break
                add_broken_rule(rule, float(values[row]), first_line + row, findings)
    if facts is not None and layout.width <= _WIDEST:
        facts.take(found.columns(layout.width))
    elif facts is not None:
        facts.give_up()
    labels = leading[0]
    return Part(found.rows, float(labels.min()), float(labels.max()), found.nans, found.filled)
