"""Run every benchmark, or those named: `python -m benchmarks [--sizes large] [NAME …]`, or draw: `… --draw`.

Prints one table, and keeps the results in `.kickstand/cache/bench/results.json`. Ends with 1 where a figure is over its
limit with all of its spread. Writes nothing into the repository unless told to draw, which measures nothing.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from benchmarks.measure import REPOSITORY
from benchmarks.picture import draw
from benchmarks.report import Results, failed, show
from benchmarks.updates import figures as updates

BENCHMARKS = {
    "help": "commands",
    "synth": "commands",
    "serving": "serving.rates",
    "invoke": "cloud",
    "job": "cloud",
    "updates": "updates.figures",
    "traffic": "serving.senders",
    "upload": "upload",
    "training": "training",
    "fit": "training",
    "prediction": "prediction",
    "review": "commands",
    "demo": "commands",
}
"""The module of each name; its function is NAME_figures."""
SIZED = ("upload", "training", "fit", "prediction")
SIZES = ("ordinary", "large")
RESULTS = REPOSITORY / ".kickstand" / "cache" / "bench" / "results.json"
PICTURE = REPOSITORY / "docs" / "benchmarks.png"
_WIDTH = 170


def main(arguments: list[str]) -> int:
    """0 where no figure is over its limit, else 1; 2 for wrong arguments."""
    parser = argparse.ArgumentParser("python -m benchmarks", description="Ratios to peers measured in the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"One of {', '.join(BENCHMARKS)}. Default: all.")
    parser.add_argument("--sizes", choices=SIZES, default=SIZES[0], help="large: up to 10 million rows and 5 GB.")
    parser.add_argument("--draw", action="store_true", help=f"Draw the last results in {PICTURE.name} alone.")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    if options.draw:
        return _draw()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and local clouds end, too
    console = Console(stderr=False)
    if not console.is_terminal:
        console = Console(width=_WIDTH)  # a log has no width of its own
    measured: dict[str, list[Any]] = {}
    for name in options.names or BENCHMARKS:
        console.print(f"measuring {name} …", style="dim")
        module = importlib.import_module(f"benchmarks.{BENCHMARKS[name]}")
        sizes = [module.SIZES[options.sizes]] if name in SIZED else []
        measured[name] = getattr(module, f"{name}_figures")(*sizes)
        _keep(name, measured[name])
    rows = [row for each in measured.values() for row in each]
    show(console, rows, os.cpu_count() or 1)
    return 1 if failed(rows) else 0


def _keep(name: str, rows: list[Any]) -> None:
    """Put a benchmark's results in the place of those of its last run; the others' stay."""
    before = Results.load(RESULTS).rows if RESULTS.exists() else {}
    found = {each: rows if each == name else before[each] for each in BENCHMARKS if each == name or each in before}
    Results(os.cpu_count() or 1, datetime.now(UTC).date(), found).save(RESULTS)


def _draw() -> int:
    if not RESULTS.exists():
        sys.stderr.write("error: there are no results to draw yet. Measure first: make bench\n")
        return 2
    draw(Results.load(RESULTS), PICTURE)
    drawn = [PICTURE]
    if updates.RESULTS.exists():
        updates.draw_updates()
        drawn.append(updates.PICTURE)
    sys.stdout.write(f"Drawn in {' and '.join(str(file.relative_to(REPOSITORY)) for file in drawn)}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
