"""The results as a table, the goals and the notes below it, and the file that keeps them for the picture."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.figure import GOOD, OVER, UNCLEAR, Figure, Skipped, number

if TYPE_CHECKING:
    from rich.console import Console

Row = Figure | Skipped

_COLOURS = {GOOD: "green", OVER: "red", UNCLEAR: "yellow", "": ""}


def show(console: Console, rows: Sequence[Row], cores: int) -> None:
    """Print the table of what is measured, then what was skipped, the goals, and what was measured elsewhere."""
    figures = [row for row in rows if isinstance(row, Figure)]
    console.print(_table(figures, cores))
    for row in rows:
        if isinstance(row, Skipped):
            console.print(f"skipped: {row.name}: {row.why}", markup=False, soft_wrap=True)
    _section(console, "Unclear:", [f"  {row.name}: {row.unclear_line()}" for row in figures if row.verdict == UNCLEAR])
    goals = [f"  {row.name} of {row.peer}: {row.goal_line()}" for row in figures if row.goal is not None]
    _section(console, "Goals, on a quiet machine; they are no part of the verdicts:", goals)
    notes = dict.fromkeys(f"  {row.note}" for row in figures if row.note)
    _section(console, "Measured elsewhere, with AWS's published container code on two cores:", notes)


def failed(rows: Iterable[Row]) -> bool:
    """Whether a figure is over its limit with all of its spread."""
    return any(isinstance(row, Figure) and row.verdict == OVER for row in rows)


def shown(figures: Sequence[Figure]) -> list[Figure]:
    """The figures of the table: of what is a point of a line over size, the greatest alone."""
    greatest = {line: max(each.size for each in figures if each.line == line) for line in {f.line for f in figures}}
    return [figure for figure in figures if figure.size == greatest[figure.line] or not figure.line]


def _table(figures: Sequence[Figure], cores: int) -> Table:
    title = f"Medians on {cores} cores; a ratio is ours over the peer's, the median over pairs of one run"
    table = Table(title=title, title_justify="left")
    for column in ("what", "ours", "against", "peer", "pairs", "ratio", "spread", "limit", ""):
        words = column in ("what", "against")
        table.add_column(column, justify="left" if words else "right", no_wrap=not words)
    for figure in shown(figures):
        ours, peer = (f"{number(value)} {figure.unit}" for value in (figure.ours, figure.others))
        spread = " to ".join(map(number, figure.spread))
        colour = _COLOURS[figure.verdict]
        verdict = f"[{colour}]{figure.verdict}[/]" if colour else ""
        pairs, ratio = str(len(figure.pairs)), number(figure.ratio)
        table.add_row(figure.name, ours, figure.peer, peer, pairs, ratio, spread, figure.bound(), verdict)
    return table


def _section(console: Console, title: str, lines: Iterable[str]) -> None:
    lines = list(lines)
    if lines:
        console.print(title, *lines, sep="\n", markup=False, highlight=False, soft_wrap=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Results:
    """The last results of each benchmark by its name, the machine's cores, and the day of the newest."""

    cores: int
    day: date
    rows: Mapping[str, Sequence[Row]]

    def figures(self) -> list[Figure]:
        """All figures, one benchmark after the other."""
        return [row for rows in self.rows.values() for row in rows if isinstance(row, Figure)]

    def save(self, file: Path) -> None:
        """Write them as JSON."""
        rows = {name: [dataclasses.asdict(row) for row in rows] for name, rows in self.rows.items()}
        file.parent.mkdir(parents=True, exist_ok=True)
        document = {"cores": self.cores, "day": self.day.isoformat(), "rows": rows}
        file.write_text(json.dumps(document, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, file: Path) -> Results:
        """Those that `save` wrote. Raises FileNotFoundError where there are none yet."""
        document = json.loads(file.read_text("utf-8"))
        rows = {name: [_row(values) for values in rows] for name, rows in document["rows"].items()}
        return cls(document["cores"], date.fromisoformat(document["day"]), rows)


def _row(values: dict[str, Any]) -> Row:
    if "why" in values:
        return Skipped(**values)
    return Figure(**{**values, "pairs": tuple((ours, peer) for ours, peer in values["pairs"])})
