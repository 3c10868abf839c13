"""Read a CSV file once: digest, rows, range of the label, and everything in it that would fail or mislead a job.

Blocks of whole lines are read as numbers by Arrow; a block that it refuses, or that breaks a rule, is read
again cell by cell from memory, to name line and column. Memory is bounded by the block, not by the file.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from training.data.column_facts import ColumnFacts
from training.data.csv_cells import LARGEST, Layout, Part, add_broken_rule, is_number, scan_cells
from training.data.csv_delimiter import delimiter_of, is_of_a_number, sniffed
from training.data.csv_findings import Findings
from training.data.objectives import ColumnRule
from training.data.scanned_file import ScannedFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_BLOCK = 4 << 20
_PIECE = 1 << 20
_LONGEST_LINE = 64 << 20
_BOM = b"\xef\xbb\xbf"
_BEFORE_ROWS = frozenset({"header rows", "byte order marks", "blank lines"})
_MAGIC = (
    (b"\x1f\x8b", "compressed with gzip", "Decompress it."),
    (b"BZh", "compressed with bzip2", "Decompress it."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Decompress it."),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "Save it as {form}."),
    (b"PAR1", "Parquet", "Write it as {form}, or say so: [data] content_type."),
    (b"\xff\xfe", "UTF-16 text", "Save it as UTF-8."),
    (b"\xfe\xff", "UTF-16 text", "Save it as UTF-8."),
)


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
        self.line += block.count(b"\n")
        return not self.findings.too_many

    def result(self) -> ScannedFile:
        layout = self.layout
        if layout is None and not self.findings.count:
            message = "The file is empty." if self.size == 0 else "The file holds nothing but blanks."
            self.findings.add("empty files", message, fix="Put rows in it, or remove it.")
        if layout is not None and self.whole.rows == 0 and self.findings.kinds <= _BEFORE_ROWS:
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
        """Learn delimiter and width from the first line that is not blank; return the block without a header."""
        lines = block.split(b"\n", 2)
        if not lines[0].strip():
            return self._begin_after_blanks(block)
        head = lines[0].rstrip(b"\r")
        delimiter = delimiter_of(head)
        if not is_number(head) and (found := _split_number(head)):
            message = (
                f"The training container takes {found!r} for the delimiter: it is the line's most frequent character."
            )
            fix = "Separate cells with commas, tabs, semicolons, blanks or colons, which it takes first."
            self.findings.add("delimiters", message, line=self.line, fix=fix)
            return b""
        cells = head.split(delimiter.encode())
        self.layout = Layout(delimiter, len(cells), self.rules, self.label_columns)
        if not _is_header(cells):
            return block
        names = ", ".join(cell.decode("utf-8", errors="backslashreplace").strip(' "') for cell in cells)
        message = f"The file begins with a header row ({names if len(names) <= 60 else f'{names[:60]}…'})"
        message = f"{message}; the training container would take it for data."
        self.findings.add("header rows", message, line=self.line, fix="Remove the line; name columns in [data].")
        self.line += 1
        return block[len(lines[0]) + 1 :]

    def _begin_after_blanks(self, block: bytes) -> bytes:
        while block and self.layout is None:
            line, _, rest = block.partition(b"\n")
            if line.strip():
                return self._begin(block)
            if rest:
                self.findings.add("blank lines", "The line is blank.", line=self.line, fix="Remove it.")
            self.line += 1
            block = rest
        return block


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


def foreign(block: bytes, form: str) -> tuple[str, str] | None:
    """Why a file that begins with `block` is no text of a form (`CSV`), and what to do; None where it may be."""
    for magic, what, fix in _MAGIC:
        if block.startswith(magic):
            return f"The file is {what}, not {form} text.", fix.format(form=form)
    if b"\0" in block[:_PIECE]:
        return f"The file holds zero bytes: it is not {form} text.", f"Write it as {form}."
    return None


def _split_number(line: bytes) -> str:
    """What the sniffer takes for the delimiter of a line of cells, where it may stand inside a number; else empty."""
    try:
        found = sniffed(line.decode("utf-8", errors="ignore"))
    except csv.Error:
        return ""
    return found if is_of_a_number(found) and not found.isalpha() else ""


def _is_header(cells: Sequence[bytes]) -> bool:
    """Words where numbers belong: the label and at least half the cells. Or 0, 1, 2, …: pandas' column numbers."""
    if len(cells) >= 4 and [cell.strip() for cell in cells] == [b"%d" % index for index in range(len(cells))]:
        return True
    words = [cell.strip() != b"" and not is_number(cell) for cell in cells]
    return words[0] and sum(words) * 2 >= len(words)


def _scan_block(
    block: bytes, first_line: int, layout: Layout, findings: Findings, facts: ColumnFacts | None = None
) -> Part:
    columns = numbers(block, layout)
    if columns is None:
        if facts is not None:
            facts.give_up()
        return scan_cells(block, first_line, layout, findings)
    import pyarrow.compute as compute

    part = Part(len(columns[0]))
    for index, column in enumerate(columns):
        range_ = compute.min_max(column).as_py()
        lowest, highest = range_["min"], range_["max"]
        if lowest is None:
            lowest = highest = 0.0
        total = compute.sum(column).as_py() or 0.0  # the range passes NaN over, the sum does not
        nans = compute.sum(compute.is_nan(column)).as_py() if math.isnan(total) else 0
        empty = column.null_count and (index < layout.label_columns or layout.delimiter.isspace())
        if empty or lowest < -LARGEST or highest > LARGEST or (nans and index < layout.label_columns):
            return scan_cells(block, first_line, layout, findings)
        part.nans += nans
        if column.null_count < len(column):
            part.filled = index + 1
    for rule in layout.rules:
        if rule.column < layout.width:
            values = _doubles(columns[rule.column])
            for row in rule.broken(values).nonzero()[0].tolist():
                if findings.too_many:
                    break
                add_broken_rule(rule, float(values[row]), first_line + row, findings)
    labels = compute.min_max(columns[0]).as_py()
    part.label_min, part.label_max = labels["min"], labels["max"]
    if facts is not None:
        facts.take(
            [_doubles(compute.fill_null(column, math.nan) if column.null_count else column) for column in columns]
        )
    return part


def numbers(block: bytes, layout: Layout) -> list[Any] | None:
    """The columns of a block as Arrow arrays of doubles; None where a line is not a row of numbers."""
    import pyarrow as arrow
    from pyarrow import csv as arrow_csv

    if block.count(b"\r") != block.count(b"\r\n"):  # Arrow takes a lone carriage return for the end of a line
        return None
    names = [str(index) for index in range(layout.width)]
    try:
        table = arrow_csv.read_csv(
            arrow.BufferReader(block),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=max(_PIECE, block.find(b"\n") * 2)),
            parse_options=arrow_csv.ParseOptions(delimiter=layout.delimiter, quote_char=False),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, arrow.float64()), null_values=[""], check_utf8=False
            ),
        )
    except arrow.ArrowInvalid:
        return None
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    return list(table.columns) if table.num_rows == lines else None


def _doubles(column: Any) -> npt.NDArray[np.float64]:
    """The values of a column without missing ones. (Its own to_numpy would import pandas: a second.)"""
    import numpy as np

    parts = []
    for chunk in column.chunks:
        values = np.frombuffer(chunk.buffers()[1], dtype=np.float64)
        parts.append(values[chunk.offset : chunk.offset + len(chunk)])
    return np.concatenate(parts) if parts else np.zeros(0)
