"""What reading a file gives: its digest, its shape, and its problems: one message a cause, with its place and count."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kickstand.errors import Problem
from training.data.csv.cell_cause import Cause, shown


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One file as it was read.

    rows:      without a header.
    width:     columns, the label among them; 0 where no row could be read.
    delimiter: of CSV text, else empty.
    sparse:    rows name the columns they have, so that `width` is only the last one that is named.
    filled:    of CSV, columns up to the last one that has a value in any row.
    grouped:   of libsvm, whether rows belong to queries (qid).
    names:     of the columns, where the file has them (Parquet), the label first.
    """

    sha256: str
    size: int
    rows: int
    width: int
    delimiter: str
    label_min: float
    label_max: float
    sparse: bool = False
    filled: int = 0
    grouped: bool = False
    names: tuple[str, ...] = ()


_READ_BYTES = 4 << 20


def file_digest(path: Path, progress: Callable[[int], None] = lambda count: None) -> tuple[str, int]:
    """SHA-256 in hex, and the bytes. progress: called with the bytes read since the last call. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
            size += len(piece)
            progress(len(piece))
    return digest.hexdigest(), size


_EACH = 3
"""Problems of one kind that are told one by one; of more the first one, and their count."""
MOST_SHOWN = 10
"""Problems that are told; the rest is counted."""
_LISTED = 5
"""Columns, values, lines and files that a message names."""
_DISTINCT = 20
"""Different values of a column that are kept."""
BEFORE_ROWS = frozenset({"header rows", "lines that are no rows", "byte order marks", "blank lines"})
"""Kinds of problem that say nothing of a file's rows."""
ENOUGH = 10_000
"""Problems after which a file is not read on: it cannot be corrected by hand."""


@dataclass(slots=True)
class _Column:
    count: int = 0
    values: dict[bytes, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Group:
    """Problems of one kind in one file. problems: the first ones. columns: of cells with one cause, by their index."""

    problems: list[Problem] = field(default_factory=list)
    count: int = 0
    lines: list[int] = field(default_factory=list)
    cause: Cause | None = None
    columns: dict[int, _Column] = field(default_factory=dict)


class Findings:
    """Problems of one file by kind and cause. Bounded in memory, whatever the file."""

    def __init__(self, shown: str, columns: Sequence[str] = (), *, labels: int = 1) -> None:
        """shown: the file's name in messages. columns: names in file order. labels: 0 where rows have none."""
        self.shown = shown
        self.columns = columns
        self.count = 0
        self.enough = ENOUGH
        self.warnings: list[str] = []
        self._labels = labels
        self._groups: dict[tuple[object, int | None], _Group] = {}

    @property
    def too_many(self) -> bool:
        return self.count >= self.enough

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of problem found; cells that are no numbers are "cells"."""
        return frozenset(kind if isinstance(kind, str) else "cells" for kind, _ in self._groups)

    @property
    def groups(self) -> dict[tuple[object, int | None], _Group]:
        """By kind and column, and by cause, in the order found."""
        return self._groups

    def add(
        self, kind: str, message: str, *, line: int | None = None, column: int | None = None, fix: str = ""
    ) -> None:
        """Note one problem. kind: its name in the plural, for the count; column from 0."""
        group = self._found((kind, column), line)
        if len(group.problems) < _EACH:
            group.problems.append(Problem(message, self._place(line, column), fix))

    def add_cell(self, cause: Cause, cell: bytes, line: int, column: int) -> None:
        """Note a cell that is no number. column: from 0."""
        group = self._found((cause, None), line)
        group.cause = cause
        name = self.column(column)
        if not group.problems:
            what = cause.what if cause.what.startswith(";") else f", {cause.what}"
            holds = f"holds {shown(cell)}{what}" if cell else "is empty"
            group.problems.append(
                Problem(f"{name[:1].upper()}{name[1:]} {holds}.", self._place(line, column), cause.fix)
            )
        if column in group.columns or len(group.columns) < ENOUGH:
            found = group.columns.setdefault(column, _Column())
            found.count += 1
            if cause.listed and len(found.values) <= _DISTINCT:
                found.values[cell.strip()[:200]] = None

    def warn(self, message: str) -> None:
        """Note what the container takes, and what its user may not have meant."""
        self.warnings.append(f"{self.shown}: {message}")

    def column(self, index: int) -> str:
        """`column 4 (season)`; `the label (column 1)`."""
        name = self.columns[index] if index < len(self.columns) else ""
        if index == 0 and self._labels:
            return f"the label (column 1{f', {name}' if name else ''})"
        return f"column {index + 1}{f' ({name})' if name else ''}"

    def problems(self) -> list[Problem]:
        """What to tell of this file alone."""
        return problems_of([self])

    def _found(self, key: tuple[object, int | None], line: int | None) -> _Group:
        self.count += 1
        group = self._groups.setdefault(key, _Group())
        group.count += 1
        if line is not None and len(group.lines) <= _LISTED:
            group.lines.append(line)
        return group

    def _place(self, line: int | None, column: int | None) -> str:
        numbers = (line, None if column is None else column + 1)
        return ":".join([self.shown, *(str(number) for number in numbers if number is not None)])


def problems_of(files: Iterable[Findings]) -> list[Problem]:
    """What to tell of files: each cause once, at its first place, with the other files that have it."""
    merged: dict[tuple[object, int | None, str], tuple[Findings, _Group, list[str]]] = {}
    cut = [file for file in files if file.groups]
    for file in cut:
        for (kind, column), group in file.groups.items():
            key = (kind, column, group.problems[0].fix)
            if key in merged:
                merged[key][2].append(f"{file.shown} ({group.count:,})" if group.count > 1 else group.problems[0].where)
            else:
                merged[key] = (file, group, [])
    problems = []
    for (kind, column, _), (file, group, elsewhere) in merged.items():
        described = _cells(file, group) if group.cause else _kind(file, str(kind), column, group)
        if elsewhere:
            last = described[-1]
            described[-1] = Problem(f"{last.message} The same in {listed(elsewhere)}.", last.where, last.fix)
        problems += described
    problems += [Problem("The rest of the file was not read.", file.shown) for file in cut if file.too_many]
    return problems


def first_of(problems: Sequence[Problem]) -> list[Problem]:
    """The first problems, and how many more there are."""
    if len(problems) <= MOST_SHOWN:
        return list(problems)
    more = len(problems) - MOST_SHOWN
    return [*problems[:MOST_SHOWN], Problem(f"And {more:,} more problem{'' if more == 1 else 's'}, not listed.")]


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`; the first ones of many."""
    if len(parts) > _LISTED:
        return f"{', '.join(parts[:_LISTED])} and {len(parts) - _LISTED:,} more"
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _kind(file: Findings, kind: str, column: int | None, group: _Group) -> list[Problem]:
    if group.count <= _EACH:
        return list(group.problems)
    first, more = group.problems[0], group.count - 1
    place = "" if column is None else f" in {file.column(column)}"
    lines = f", in line{'' if more == 1 else 's'} {listed_lines(group.lines[1:], more)}" if group.lines[1:] else ""
    return [Problem(f"{first.message} And {more:,} more {kind}{place}{lines}.", first.where, first.fix)]


def listed_lines(lines: Sequence[int], count: int) -> str:
    """`4, 5, 6, …`."""
    return ", ".join(map(str, lines[:_LISTED])) + (", …" if count > _LISTED else "")


def _cells(file: Findings, group: _Group) -> list[Problem]:
    """One message for all cells that are no numbers for one reason."""
    (first,), columns = group.problems, group.columns
    if group.cause is None or (group.count == 1 and not group.cause.listed):
        return [first]
    if group.cause.listed and group.count > 1:
        each = [_values(file, index, found) for index, found in list(columns.items())[:_LISTED]]
        more = len(columns) - len(each)
        tail = "; ".join(each) + (f"; and {more:,} more columns" if more > 0 else "")
    elif group.count == 1:
        return [first]
    else:
        where = "this column" if len(columns) == 1 else listed([file.column(index) for index in columns])
        tail = f"{group.count:,} such cells are in {where}"
    return [Problem(f"{first.message} {tail[:1].upper()}{tail[1:]}.", first.where, first.fix)]


def _values(file: Findings, index: int, found: _Column) -> str:
    """`240 cells of column 3 (season) are 'fall', 'spring' and 2 more`."""
    values = [shown(value) for value in found.values]
    if len(values) > _DISTINCT:
        what = f"have more than {_DISTINCT} values: {', '.join(values[:3])}, …"
    elif len(values) == 1:
        what = f"{'is' if found.count == 1 else 'are'} {values[0]}"
    else:
        what = f"have {len(values)} values: {listed(values)}"
    return f"{found.count:,} cell{'' if found.count == 1 else 's'} of {file.column(index)} {what}"
