"""Updates of an endpoint that answers 200 requests a second: none fails, none is lost, and each answer is right.

Right is what one of the two models that may answer says for that row. All that was counted is kept for the picture.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.cloud import World
from benchmarks.figure import Figure
from benchmarks.measure import REPOSITORY
from benchmarks.updates.cases import CASES, Run, made_site, run_case
from training.traffic.sender import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Course:
    """How requests go through each update.

    seconds: of sending, at most where `wait` is given. wait: see `run_case`.
    """

    time_factor: float
    rate: float
    seconds: float
    wait: float | None = None


SIZES = {"ordinary": Course(120, 200, 120, wait=1.5), "large": Course(60, 200, 120)}
"""About 1,500 requests a case, or 24,000."""
RESULTS = REPOSITORY / ".kickstand" / "cache" / "bench" / "updates.json"
"""Of the last run of the large size, which is drawn."""
PICTURE = REPOSITORY / "docs" / "endpoint-updates.png"
_COLOURS = {"old": "#9aa7b8", "new": "#2a7f62", "failed": "#c0392b"}
_SHORT = (
    (r"Launching (\d+) instance.*", r"launch \1"),
    (r"Baking for \d+ seconds .* on (\w+) capacity of (\d+) .*", r"bake, \2 new"),
    (r"Terminating (\d+) instance.*", r"stop \1"),
    (r"Activating traffic .*|Scaling out .*", ""),
)
"""What SageMaker says of a step, in a few words; empty: it takes no time of its own."""
_LABEL, _LABEL_ROWS = 0.09, 3
"""Share of the width that a label takes, and rows above each other in which there may be room for it."""
_WIDTH = 120


def updates_figures(_: World, course: Course = SIZES["ordinary"]) -> list[Figure]:
    """A figure for each case: how many of its requests failed, were lost or had a wrong answer. None may."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as name, made_site(Path(name), course.time_factor) as site:
        for case in CASES:
            console.print(f"  {case} …", style="dim")
            runs.append(run_case(site, case, Plan(course.rate, course.seconds), wait=course.wait))
    console.print(_table(runs, course))
    for sentence in _sentences(runs):
        console.print(sentence)
    if course == SIZES["large"]:
        fields = {"rate": course.rate, "time_factor": course.time_factor, "runs": [run.fields() for run in runs]}
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(fields) + "\n", "utf-8")
    return [_figure(run) for run in runs]


def _figure(run: Run) -> Figure:
    but = "" if run.dying is None else ", but for those on the way to it"
    name = f"{run.case}: failed, lost or wrong{but}"
    return Figure(name, ((run.faults, run.figures.sent),), "requests", "all that were sent", 0)


def _table(runs: Sequence[Run], course: Course) -> Table:
    title = f"Requests through updates of an endpoint, time factor {course.time_factor:g}"
    table = Table(title=title, title_justify="left")
    columns = ("", "sent", "failed", "lost", "wrong", "by the old", "by the new", "p50 ms", "p99 ms", "late p99 ms")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left")
    for run in runs:
        figures = run.figures
        failed = figures.failures - figures.lost - figures.wrong
        counts = (
            figures.sent,
            failed,
            figures.lost,
            figures.wrong,
            *(len(figures.answered[one]) for one in ("old", "new")),
        )
        times = (figures.latency(50), figures.latency(99), figures.lag(99))
        table.add_row(run.case, *(f"{count:,}" for count in counts), *(f"{time:,.1f}" for time in times))
    return table


def _sentences(runs: Sequence[Run]) -> Iterator[str]:
    for run in runs:
        figures = run.figures
        if figures.errors:
            kinds = ", ".join(f"{count:,} x {kind}" for kind, count in figures.errors.most_common())
            yield f"{run.case}: {kinds}."
        if figures.sent_rate < 0.99 * figures.plan.rate:
            yield f"{run.case}: this machine sent {figures.sent_rate:,.1f} requests a second and could not send more."
        elif figures.sender_was_late:
            yield f"{run.case}: this machine sent late, by {figures.lag(99):,.0f} ms (p99), at the planned rate."


def draw_updates(file: Path = PICTURE) -> None:
    """Draw the last results: who answered how many requests in each second, and what was done to the endpoint when.

    Raises FileNotFoundError where there are none.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    document = json.loads(RESULTS.read_text("utf-8"))
    runs = document["runs"]
    canvas = Canvas(figsize=(10, 0.7 + 1.75 * len(runs)), layout="constrained")
    FigureCanvasAgg(canvas)
    panels = np.atleast_1d(canvas.subplots(len(runs), 1, sharex=True))
    for axes, run in zip(panels, runs, strict=True):
        _panel(axes, run, document["rate"])
    factor = document["time_factor"]
    panels[-1].set_xlabel(f"seconds; AWS's waits are {factor:g} times shorter (time factor {factor:g})", fontsize=9)
    canvas.suptitle(
        f"Requests a second, by the model that answered; {document['rate']:g} a second are sent", fontsize=11
    )
    panels[0].legend(loc="lower left", ncols=3, fontsize=8)
    canvas.savefig(file, dpi=100, metadata={"Software": None})


def _panel(axes: Axes, run: Mapping[str, Any], rate: float) -> None:
    seconds = int(np.ceil(run["seconds"]))
    edges = np.arange(seconds + 1)
    names = [name for name in _COLOURS if name != "failed" or run["failed"]]
    counts = [np.histogram(run["answered_at"].get(name, ()), edges)[0] for name in names]
    axes.stackplot(
        np.repeat(edges, 2)[1:-1],
        *(np.repeat(each, 2) for each in counts),
        colors=[_COLOURS[name] for name in names],
        labels=[f"{name} model" if name != "failed" else name for name in names],
    )
    before = [-seconds] * _LABEL_ROWS
    for at, text in run["marks"]:
        for pattern, words in _SHORT:
            text = re.sub(pattern, words, text)
        axes.axvline(at, color="black", linewidth=0.8, linestyle=":" if text else "-")
        if text:
            row = next((row for row, last in enumerate(before) if at - last >= _LABEL * seconds), 0)
            height = rate * (1.06 + 0.2 * row)
            axes.annotate(text, (at, height), (3, 0), textcoords="offset points", fontsize=8)
            before[row] = at
    axes.set(xlim=(0, seconds), ylim=(0, rate * 1.65), yticks=[0, rate / 2, rate])
    title = f"{run['case']}: {run['faults']} of {run['sent']:,} failed, lost or wrong"
    if run["failed"] > run["faults"]:
        title += f", but for {run['failed'] - run['faults']} on the way to it"
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
