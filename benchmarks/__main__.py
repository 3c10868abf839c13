"""Run every benchmark, or those named: `python -m benchmarks [--sizes large] [NAME …]`, or draw: `… --draw`.

Prints one table, and keeps the results in `.kickstand/cache/bench/results.json`. Ends with 1 where a figure is over its
limit with all of its spread. Writes nothing into the repository unless told to draw, which measures nothing.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from benchmarks.cloud import World, opened_world
from benchmarks.measure import REPOSITORY, tree_processor
from benchmarks.picture import draw
from benchmarks.report import Results, failed, show
from benchmarks.rounds import Budget, within
from benchmarks.updates import figures as updates


@dataclass(frozen=True, slots=True)
class Row:
    """Where a row is measured, by the function NAME_figures, and what it may take.

    budget: seconds on two quiet cores after which no more pairs are taken than the least. sized: whether it has SIZES.
    """

    module: str
    budget: float
    sized: bool = False


BENCHMARKS = {
    "help": Row("commands", 15),
    "synth": Row("synthesis", 75),
    "serving": Row("serving.rates", 75),
    "invoke": Row("serving.invoke", 30),
    "capture": Row("serving.captured", 90),
    "prediction": Row("sizes.prediction", 75, sized=True),
    "job": Row("sizes.jobs", 40),
    "updates": Row("updates.figures", 90, sized=True),
    "traffic": Row("serving.senders", 60),
    "upload": Row("sizes.upload", 45, sized=True),
    "training": Row("sizes.training", 45, sized=True),
    "fit": Row("sizes.training", 90, sized=True),
    "review": Row("commands", 90),
    "demo": Row("commands", 90),
}
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
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # a thread that waits for a core takes none, ours and peers'
    console = Console(stderr=False)
    if not console.is_terminal:
        console = Console(width=_WIDTH)  # a log has no width of its own
    measured: dict[str, list[Any]] = {}
    with opened_world() as world:
        for name in options.names or BENCHMARKS:
            measured[name] = _measure(console, world, name, options.sizes)
            _keep(name, measured[name])
    rows = [row for each in measured.values() for row in each]
    show(console, rows, os.cpu_count() or 1)
    return 1 if failed(rows) else 0


def _measure(console: Console, world: World, name: str, sizes: str) -> list[Any]:
    """A row's figures. What happens is printed while it happens."""
    row, began, worked = BENCHMARKS[name], time.monotonic(), tree_processor(os.getpid())
    seconds = math.inf if sizes == SIZES[-1] and row.sized else row.budget
    console.print(f"measuring {name} …", style="dim")
    with within(Budget(seconds, say=lambda sentence: console.print(f"  {sentence}", style="dim", highlight=False))):
        module = importlib.import_module(f"benchmarks.{row.module}")
        figures: list[Any] = getattr(module, f"{name}_figures")(world, *([module.SIZES[sizes]] if row.sized else []))
    took, worked, load = time.monotonic() - began, tree_processor(os.getpid()) - worked, os.getloadavg()[0]
    console.print(
        f"  {took:.0f} s, of a processor {worked:.0f} s (budget {seconds:g} s; the machine's load is {load:.1f})",
        style="dim",
    )
    return figures


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
