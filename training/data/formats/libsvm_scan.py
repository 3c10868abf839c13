"""Read a libsvm file once: digest, rows, largest index, and everything in it that would fail a job.

The reader is the training program's own (`libsvm_numbers`): of blocks of whole lines and, where it refuses one, of
each of its lines, so that all of them are named.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.checks.column_facts import ColumnFacts
from training.data.checks.objectives import ColumnRule
from training.data.csv.cell_cause import UNIT, WORD, cause_of
from training.data.csv.cells import add_broken_rule
from training.data.csv.scan import whole_lines
from training.data.findings import Findings, ScannedFile
from training.data.formats.libsvm_numbers import LibsvmError, SparseRows, parse_libsvm, refused_line
from training.data.formats.other_files import foreign

_ENOUGH = 1_000
"""Problems after which a file is not read on: to find each wrong line takes a thousand times as long as to read it."""
_FORM = "Write each row as label index:value index:value …"


def scan_libsvm(
    path: Path,
    findings: Findings,
    *,
    rules: Sequence[ColumnRule] = (),
    facts: ColumnFacts | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> ScannedFile:
    """Read `path` once, noting what is wrong in `findings`; columns are the label and the indices from 0.

    rules: what labels must be. facts: of the channel, to be added to.
    progress: called with the bytes read since the last call. Raises OSError.
    """
    scan = _Scan(findings, [rule for rule in rules if rule.column == 0], facts)
    with path.open("rb") as file:
        while block := whole_lines(file, findings):
            progress(len(block))
            if not scan.take(block):
                break
    if not findings.count and not path.name.startswith("_"):
        _first_lines(path, findings)
    return scan.result()


def _first_lines(path: Path, findings: Findings) -> None:
    """Note a line that is libsvm, and that the container's own check of a file's first lines refuses."""
    with path.open(encoding="utf-8", errors="ignore") as lines:
        found = refused_line(lines)
    if found:
        message = (
            f"The training container refuses the line {found[1][:40]!r}: up to the first line with two features it "
        )
        message += (
            "takes a label and index:value pairs between single blanks, no tab, comment, blank line or other blank."
        )
        findings.add("such lines", message, line=found[0], fix=_FORM)


class _Scan:
    def __init__(self, findings: Findings, rules: Sequence[ColumnRule], facts: ColumnFacts | None) -> None:
        self.findings, self.rules, self.facts = findings, rules, facts
        self.digest = hashlib.sha256()
        self.size, self.line, self.rows, self.width = 0, 1, 0, 0
        self.low, self.high = math.inf, -math.inf
        self.given: dict[str, bool] = {}
        findings.enough = _ENOUGH

    def take(self, block: bytes) -> bool:
        """Look at the next block; False where reading on makes no sense."""
        self.digest.update(block)
        first, self.size = self.size == 0, self.size + len(block)
        if first and (problem := foreign(block, "libsvm")):
            self.findings.add("foreign files", problem[0], fix=problem[1])
            return False
        self._read(block, self.line)
        self.line += block.count(b"\n")
        return not self.findings.too_many

    def result(self) -> ScannedFile:
        return ScannedFile(
            self.digest.hexdigest(),
            self.size,
            self.rows,
            self.width,
            "",
            self.low,
            self.high,
            sparse=True,
            grouped=self.given.get("qid", False),
        )

    def _read(self, text: bytes, first_line: int) -> None:
        """Read whole lines; where they are refused, each half by itself, down to the lines that are wrong."""
        if self.findings.too_many:
            return
        try:
            rows = parse_libsvm(text, first_line)
        except LibsvmError as error:
            count = text.count(b"\n") + (not text.endswith(b"\n"))
            if count == 1:
                message = f"{error.reason[:1].upper()}{error.reason[1:]}{_why(error.reason)}."
                if text.rstrip().endswith(b":"):
                    message = (
                        "The value of the last index is empty; the training container takes the next number of the "
                    )
                    message += "file for it, which is the next row's label."
                self.findings.add("lines that are not libsvm", message, line=first_line, fix=_FORM)
                return
            half = _end_of_line(text, count // 2)
            self._read(text[:half], first_line)
            self._read(text[half:], first_line + count // 2)
        else:
            self._look(rows, _Lines(text, first_line))

    def _look(self, rows: SparseRows, lines: _Lines) -> None:
        count = len(rows.label)
        if not count:
            return
        self.rows += count
        self.width = max(self.width, 2 + int(rows.indices.max(initial=-1)))
        if self.facts is not None:
            self.facts.take_sparse(rows.label, rows.starts, rows.indices, rows.values, rows.weight, rows.query)
        self.low, self.high = min(self.low, float(rows.label.min())), max(self.high, float(rows.label.max()))
        self._all_or_none("weight", rows.weight, lines)
        self._all_or_none("qid", rows.query, lines)
        for place in np.flatnonzero(np.isinf(rows.label)).tolist():
            self._add_infinite("The label", lines.of(place))
        for place in np.flatnonzero(np.isinf(rows.values)).tolist():
            row = int(np.searchsorted(rows.starts, place, side="right")) - 1
            self._add_infinite(f"Index {rows.indices[place]}", lines.of(row))
        if rows.weight is not None:
            for place in np.flatnonzero(~(rows.weight >= 0) | np.isinf(rows.weight)).tolist():
                message = f"The weight is {rows.weight[place]:g}; it must be a finite number, 0 or more."
                self.findings.add("such weights", message, line=lines.of(place))
        labels = rows.label.astype(np.float64)
        for rule in self.rules:
            for place in rule.broken(labels).nonzero()[0].tolist():
                if self.findings.too_many:
                    return
                add_broken_rule(rule, float(labels[place]), lines.of(place), self.findings)

    def _all_or_none(self, what: str, values: npt.NDArray[np.generic] | None, lines: _Lines) -> None:
        given = values is not None
        if self.given.setdefault(what, given) != given:
            message = f"The row has {'a' if given else 'no'} {what}; rows before have {'none' if given else 'one'}."
            self.findings.add(f"such rows ({what})", message, line=lines.of(0), fix="All rows must have one, or none.")

    def _add_infinite(self, what: str, line: int) -> None:
        message = f"{what} holds a number that is beyond float32."
        self.findings.add("numbers that are not finite", message, line=line, fix="Numbers must be finite.")


def _why(reason: str) -> str:
    """What a text is that was found in the place of a number, where that is known."""
    found = re.fullmatch(r"a number was expected, found (['\"])(.+)\1", reason)
    cause = cause_of(found[2].encode()) if found else WORD
    return "" if cause in (WORD, UNIT) else f", {cause.what.partition(';')[0]}"


class _Lines:
    """The line of each row of a text, found out when it is asked for: comments and blank lines are no rows."""

    def __init__(self, text: bytes, first: int) -> None:
        self._text, self._first = text, first
        self._lines: list[int] | None = None

    def of(self, row: int) -> int:
        if self._lines is None:
            lines = enumerate(self._text.split(b"\n"), self._first)
            self._lines = [number for number, line in lines if line.partition(b"#")[0].strip()]
        return self._lines[row]


def _end_of_line(text: bytes, number: int) -> int:
    """Where a line ends, behind its line feed. number: from 1."""
    end = 0
    for _ in range(number):
        end = text.index(b"\n", end) + 1
    return end
