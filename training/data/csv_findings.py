"""The problems of one file, gathered while it is read: the first of each kind in full, the rest counted."""

from __future__ import annotations

from collections.abc import Sequence

from kickstand.errors import Problem

_EACH = 3
"""Problems of one kind in one column that are told one by one."""
_GROUPS = 12
"""Kinds and columns of one file that are told."""
ENOUGH = 10_000
"""Problems after which a file is not read on: it cannot be mended by hand."""


class Findings:
    """Problems by kind and column. Bounded in memory, whatever the file."""

    def __init__(self, shown: str, columns: Sequence[str] = ()) -> None:
        """shown: the file's name in messages. columns: names in file order, if known."""
        self.shown = shown
        self.columns = columns
        self.count = 0
        self.warnings: list[str] = []
        self._told: dict[tuple[str, int | None], list[Problem]] = {}
        self._counts: dict[tuple[str, int | None], int] = {}

    @property
    def too_many(self) -> bool:
        return self.count >= ENOUGH

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of problem found."""
        return frozenset(kind for kind, _ in self._told)

    def add(
        self, kind: str, message: str, *, line: int | None = None, column: int | None = None, fix: str = ""
    ) -> None:
        """Note one problem. kind: its name in the plural, for the count; column from 0."""
        key = (kind, column)
        self.count += 1
        self._counts[key] = self._counts.get(key, 0) + 1
        told = self._told.setdefault(key, [])
        if len(told) < _EACH:
            place = [self.shown, *(str(number) for number in (line, _from_one(column)) if number is not None)]
            told.append(Problem(message, ":".join(place), fix))

    def warn(self, message: str) -> None:
        """Note what the container takes, and what its user may not have meant."""
        self.warnings.append(f"{self.shown}: {message}")

    def column(self, index: int) -> str:
        """`column 4 (season)`; `the label (column 1)`."""
        name = self.columns[index] if index < len(self.columns) else ""
        if index == 0:
            return f"the label (column 1{f', {name}' if name else ''})"
        return f"column {index + 1}{f' ({name})' if name else ''}"

    def problems(self) -> list[Problem]:
        """What to tell, in the order found, the counts of the rest behind."""
        problems: list[Problem] = []
        groups = list(self._told)
        for kind, column in groups[:_GROUPS]:
            told = self._told[kind, column]
            problems += told
            more = self._counts[kind, column] - len(told)
            if more:
                place = "" if column is None else f" in {self.column(column)}"
                problems.append(Problem(f"And {more:,} more {kind}{place}.", self.shown))
        if hidden := sum(self._counts[group] for group in groups[_GROUPS:]):
            problems.append(Problem(f"And {hidden:,} more problems in other columns.", self.shown))
        if self.too_many:
            problems.append(Problem("The rest of the file was not read.", self.shown))
        return problems


def _from_one(index: int | None) -> int | None:
    return None if index is None else index + 1
