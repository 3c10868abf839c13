"""The first lines of CSV text: how many cells a row has, and which lines are no rows.

A line of words is a header row only where the lines below hold numbers in the same columns. Elsewhere each of its cells
is wrong for a reason of its own: quotes, decimal commas, categories.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from training.data.csv.cell_cause import MISSING, TEXT, cause_of, is_numeric, shown
from training.data.csv.cells import is_number, is_taken, row_cells
from training.data.csv.float_text import delimiter_of
from training.data.findings import Findings, listed

MOST_COLUMNS = 5_000_000
"""Columns of a file; more are a file without ends of lines, or no table."""
_LINES = 50
_COLUMNS = 1_000
"""How much of a file its first lines are judged by."""
_LEADING = 3
"""Lines before the first row that are looked for: names, units, counts."""
_SEPARATORS = ";\t| "
"""What separates cells that have commas in them."""
_LABELS = frozenset({"label", "target", "class", "y", "outcome", "species", "response"})
_WITH_COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:[. '\u00a0\u202f]\d{3})+|\d*)(?:,\d+)?(?:[eE][+-]?\d+)?|[+-]?\d+\.\d+")
_HEADER_FIX = "Remove the line: to_csv(header=False, index=False)."
_NAMES_FIX = "Column names belong in [data] columns."


@dataclass(frozen=True, slots=True)
class Head:
    """How the rows are written. skipped: lines at the beginning that are no rows, and are noted."""

    delimiter: str
    width: int
    skipped: int = 0


def read_head(block: bytes, line: int, findings: Findings, *, reader: str, labels: int = 1) -> Head | None:
    """Judge the first lines of `block`, which begins with a line that is not blank; None where it holds no table.

    line: the number of that line in the file. reader: who reads the rows, for messages. labels: 0 where rows have none.
    """
    first, *below = (text.rstrip(b"\r") for text in _first_lines(block))
    below = [text for text in below if text.strip() and not text.lstrip().startswith(b"#")]
    delimiter = delimiter_of(first)
    if first.count(delimiter.encode()) >= MOST_COLUMNS:
        message = f"The line has {first.count(delimiter.encode()) + 1:,} cells; at most {MOST_COLUMNS:,} are read."
        findings.add("lines without end", message, line=line, fix="Write one row a line, with a line feed behind each.")
        return None
    meant = _meant_delimiter(delimiter, first, below)
    skipped = 0
    if meant != delimiter and meant.encode() not in first:
        message = (
            f"The line is separated by {delimiter!r}, the lines below by {meant!r}; the first line's delimiter is "
        )
        fix = "Remove the line if it holds names; use one delimiter in all lines."
        findings.add("delimiters", f"{message}that of all lines to {reader}.", line=line, fix=fix)
        skipped, first, *below = 1, *below
    rows = [row_cells(text, meant) for text in (first, *below)]
    width = _width(rows)
    for cells in rows[:_LEADING]:
        if not _note_no_row(cells, rows[skipped + 1 :], width, line + skipped, findings, reader, labels):
            break
        skipped += 1
    return Head(meant, width, skipped)


def _first_lines(block: bytes) -> list[bytes]:
    """The whole ones among the first lines, and the first one in any case."""
    lines = block.split(b"\n", _LINES)
    return lines if len(lines) == 1 else lines[: min(_LINES, len(lines) - (lines[-1] == b""))]


def _meant_delimiter(found: str, first: bytes, below: Sequence[bytes]) -> str:
    """What separates the cells: not the comma that the container takes, where that stands inside of numbers."""
    lines = [first, *below]
    if found != "," and below and not any(found.encode() in text for text in below):
        lines = list(below)
        return next((one for one in f",{_SEPARATORS}" if one != found and _separates(one, lines)), found)
    doubtful = any(one.encode() in first for one in _SEPARATORS) or not any(b"," in text for text in below)
    if found != "," or not doubtful or _are_rows(found, lines):
        return found
    for one in _SEPARATORS:
        if one.encode() in first and _separates(one, lines) and all(_has_commas(one, text) for text in lines):
            return one
    if below and not any(b"," in text for text in below):
        return next((one for one in _SEPARATORS if _separates(one, below)), found)
    return found


def _are_rows(delimiter: str, lines: Sequence[bytes]) -> bool:
    """Whether the lines are rows of numbers, in some form, between the delimiters that the container takes."""
    split = [text.split(delimiter.encode()) for text in lines]
    return len({len(cells) for cells in split}) == 1 and all(
        is_taken(cell) or is_numeric(cell) for row in split for cell in row[:_COLUMNS]
    )


def _separates(delimiter: str, lines: Sequence[bytes]) -> bool:
    """Whether all lines have the same number of cells, several, between these delimiters."""
    counts = {text.count(delimiter.encode()) for text in lines}
    return len(counts) == 1 and counts.pop() > 0


def _has_commas(delimiter: str, text: bytes) -> bool:
    """Whether all cells of a line are numbers, perhaps with a decimal comma."""
    cells = text.decode("utf-8", errors="replace").split(delimiter)[:_COLUMNS]
    return all(_WITH_COMMA.fullmatch(cell.strip(' "')) for cell in cells)


def _width(rows: Sequence[Sequence[bytes]]) -> int:
    """The first row's cells, where not more of the others agree on another number."""
    first, counts = len(rows[0]), Counter(len(cells) for cells in rows[1:])
    common, count = counts.most_common(1)[0] if counts else (first, 0)
    return common if counts[first] == 0 and count * 2 >= len(rows) else first


def _note_no_row(
    cells: Sequence[bytes],
    below: Sequence[Sequence[bytes]],
    width: int,
    line: int,
    findings: Findings,
    reader: str,
    labels: int,
) -> bool:
    """Whether a line is no row but names, counts or units, which is noted."""
    if _are_numbered(cells, below):
        message = f"The line is 0, 1, 2 and so on: pandas' numbers of columns, which {reader} would take for a row."
        findings.add("header rows", message, line=line, fix=_HEADER_FIX)
        return True
    if all(map(is_taken, cells[:_COLUMNS])):
        return False
    names = ", ".join(shown(cell.strip(b' "'))[1:-1] for cell in cells[:20])
    names = names if len(names) <= 60 else f"{names[:60]}…"
    words = [index for index, cell in enumerate(cells[:_COLUMNS]) if cell.strip(b' "') and cause_of(cell) in TEXT]
    taken = [cell for cell in cells[:_COLUMNS] if is_number(cell)]
    if not below:
        if taken or not words:
            return False
        message = f"The only line holds words ({names}), no numbers: there is no row."
        findings.add("files without rows", message, line=line, fix="Put rows in it.")
        return True
    same = [row for row in below if len(row) == width]
    numeric = [index for index in range(min(len(cells), width, _COLUMNS)) if _mostly_numbers(same, index)]
    odd = set(words) & set(numeric)
    if len(cells) == width and not _stands_out(cells, words, odd, numeric):
        return False
    if len(cells) != width and not (words and numeric):
        return False
    if not taken:
        if not findings.columns and len(cells) == width <= _COLUMNS:
            findings.columns = [shown(cell.strip(b' "'))[1:-1] for cell in cells]
        message = f"The file begins with a header row ({names}); {reader} would take it for data."
        if line > 1:
            message = f"The line holds words ({names}) where the lines below hold numbers."
        findings.add(
            "header rows",
            message,
            line=line,
            fix=f"{_HEADER_FIX} {_NAMES_FIX}{_label_last(cells)}" if labels else _HEADER_FIX,
        )
        return True
    examples = listed([shown(cells[index].strip(b' "')) for index in words])
    message = f"The line is no row: it holds words ({examples}) where the lines below hold numbers"
    message += f", and {len(cells)} cells where they hold {width}." if len(cells) != width else "."
    fix = "Remove it: it looks like the number of rows and features and the names of classes, or like units. "
    label = "Mind that the label must be the first column; such files often have it last." if labels else ""
    findings.add("lines that are no rows", message, line=line, fix=f"{fix}{label}".rstrip())
    return True


def _stands_out(cells: Sequence[bytes], words: Sequence[int], odd: set[int], numeric: Sequence[int]) -> bool:
    """Whether most of what stands above numbers is something else, and words are among it."""
    others = {
        index
        for index in numeric
        if index not in odd and not is_taken(cells[index]) and cause_of(cells[index]) is not MISSING
    }
    filled = sum(1 for cell in cells[:_COLUMNS] if cell.strip())
    several = len(odd) >= 2 or len(set(words) | others) == filled
    return bool(odd) and several and (len(odd) + len(others)) * 2 >= len(numeric)


def _mostly_numbers(rows: Sequence[Sequence[bytes]], index: int) -> bool:
    """Whether a column's cells are numbers, in one form or another."""
    cells = [row[index] for row in rows if row[index].strip()]
    return sum(map(is_numeric, cells)) * 10 >= len(cells) * 9 > 0


def _are_numbered(cells: Sequence[bytes], below: Sequence[Sequence[bytes]]) -> bool:
    """0, 1, 2, … as pandas numbers columns without names, and not as a row of small whole numbers would be."""
    if len(cells) < 4 or any(cell.strip() != b"%d" % index for index, cell in enumerate(cells)):
        return False
    return len(cells) >= 10 or any(b"." in cell or b"-" in cell for row in below for cell in row)


def _label_last(cells: Sequence[bytes]) -> str:
    first, last = (cell.strip(b' "').decode("utf-8", errors="replace").lower() for cell in (cells[0], cells[-1]))
    if last in _LABELS and first not in _LABELS:
        return " The last name looks like the label's, which must be the first column."
    return ""
