"""Run every benchmark, or those named on the command line, and print one table."""

from __future__ import annotations

import importlib
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.figure import Figure

NAMES = ("help", "synth", "training", "serving", "predict", "demo")


def main(wanted: list[str]) -> int:
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        sys.stderr.write(f"error: no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}.\n")
        return 2
    console = Console()
    figures: list[Figure] = []
    for name in wanted or NAMES:
        console.print(f"measuring {name} …", style="dim")
        figures += importlib.import_module(f"benchmarks.{name}").run()
    console.print(table(figures))
    return 0 if all(figure.good() for figure in figures) else 1


def table(figures: list[Figure]) -> Table:
    """The figures with peers, limits and verdicts."""
    shown = Table(title="Medians; a ratio is the median over pairs of runs", title_justify="left")
    for column in ("what", "ours", "peer", "figure", "limit", ""):
        shown.add_column(column, justify="left" if column == "what" else "right")
    for figure in figures:
        bound = "" if figure.limit is None else f"{'≤' if figure.at_most else '≥'} {figure.limit:g} {figure.unit}"
        verdict = "" if figure.limit is None else ("[green]good[/]" if figure.good() else "[red]over[/]")
        peer = "" if figure.peer is None else f"{figure.peer:,.3g}"
        shown.add_row(figure.name, f"{figure.ours:,.3g}", peer, f"{figure.value:.2f} {figure.unit}", bound, verdict)
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
