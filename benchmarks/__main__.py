"""Run every benchmark, or those named on the command line, and print one table; a run of all of them draws it too."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figure import Figure, number

NAMES = ("help", "synth", "training", "serving", "predict", "demo")
WIDTH = 150
PICTURE = Path(__file__).with_name("figures.png")


def main(wanted: list[str]) -> int:
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        sys.stderr.write(f"error: no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}.\n")
        return 2
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)  # a log has no width of its own
    figures: list[Figure] = []
    for name in wanted or NAMES:
        console.print(f"measuring {name} …", style="dim")
        figures += importlib.import_module(f"benchmarks.{name}").run()
    console.print(table(figures))
    if not wanted:
        from benchmarks.picture import draw

        draw(figures, PICTURE)
        console.print(f"Drawn in {os.path.relpath(PICTURE)}.")
    return 0 if all(figure.good() for figure in figures) else 1


def table(figures: list[Figure]) -> Table:
    """The figures with AWS's own, peers, limits and verdicts."""
    shown = Table(title=f"Medians on {os.cpu_count()} cores; a ratio is the median over pairs of runs")
    shown.title_justify = "left"
    for column in ("what", "ours", "peer", "AWS's container", "figure", "limit", ""):
        shown.add_column(column, justify="left" if column == "what" else "right", no_wrap=column != "what")
    for figure in figures:
        verdict = "" if figure.limit is None else ("[green]good[/]" if figure.good() else "[red]over[/]")
        peer = "" if figure.peer is None else number(figure.peer)
        value = f"{number(figure.value)} {figure.unit}"
        ours = "" if figure.ours == figure.value else number(figure.ours)
        shown.add_row(figure.name, ours, peer, figure.of_aws(), value, figure.bound(), verdict)
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
