"""Draw the benchmarks: each ratio's distance from its limit, and what grows as lines over size."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figure import GOOD, OVER, UNCLEAR, Figure, number
from benchmarks.report import Results, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_COLOURS = {GOOD: "#2a7f62", OVER: "#c0392b", UNCLEAR: "#c99a2e"}
_PEER = "#8a8f98"
_FARTHEST = 8.0
"""Times better than the limit at which a bar ends; its words say the rest."""
_COLUMNS = 4
_BAR, _LINE = 0.36, 2.8
"""Height in inches of a bar, and of a row of plots over size."""


def draw(results: Results, file: Path) -> None:
    """One bar for each figure with a limit, right of it where better; below, a plot for each thing that grows.

    Raises ValueError where no figure has a limit.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    figures = results.figures()
    limited = [figure for figure in shown(figures) if figure.limit]  # a count that must be 0 has no distance from it
    if not limited:
        raise ValueError("no figure has a limit: there is nothing to draw")
    lines = growth(figures)
    rows = -(-len(lines) // _COLUMNS)
    heights = [1.6 + _BAR * len(limited), *([_LINE * rows] if rows else [])]
    canvas = Canvas(figsize=(15, sum(heights)), layout="constrained")
    FigureCanvasAgg(canvas)
    parts = canvas.add_gridspec(len(heights), 1, height_ratios=heights)
    bars = canvas.add_subplot(parts[0])
    _bars(bars, limited)
    title = f"Kickstand, {results.day}: ratios to peers of the same run, on {results.cores} cores"
    bars.set_title(title, loc="left", fontweight="bold")
    if rows:
        grid = parts[1].subgridspec(rows, _COLUMNS)
        for place, (line, points) in enumerate(lines.items()):
            _line(canvas.add_subplot(grid[place // _COLUMNS, place % _COLUMNS]), line, points)
    canvas.savefig(file, dpi=100)


def growth(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    """Time and memory over size: the points of each line in order of size."""
    found: dict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        if figure.line and not figure.line.endswith(": processor time"):
            found[figure.line].append(figure)
    return {line: sorted(points, key=lambda each: each.size) for line, points in found.items()}


def _bars(axes: Axes, limited: Sequence[Figure]) -> None:
    for place, figure in enumerate(limited):
        end = min(max(figure.times_better(), 1 / _FARTHEST), _FARTHEST)
        axes.barh(place, end - 1, left=1, height=0.55, color=_COLOURS[figure.verdict])
        words = (
            f"{number(figure.ratio)} (limit {figure.bound()}; {number(figure.ours)} and {number(figure.others)} "
            f"{figure.unit}: {figure.peer})"
        )
        axes.text(max(end, 1) * 1.06, place, words, va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(1 / 4, _FARTHEST * 60)
    axes.set_ylim(len(limited) - 0.4, -0.6)
    axes.set_yticks(range(len(limited)), [figure.name for figure in limited])
    axes.set_xticks([1 / 4, 1 / 2, 1, 2, 4, 8], ["1/4", "1/2", "limit", "2 x", "4 x", "8 x"])
    axes.minorticks_off()
    axes.axvline(1, color="black", linewidth=1)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("times better than the limit (logarithmic)")


def _line(axes: Axes, line: str, points: Sequence[Figure]) -> None:
    sizes = [each.size for each in points]
    axes.plot(sizes, [each.ours for each in points], color=_COLOURS[GOOD], marker="o", label="ours")
    axes.plot(sizes, [each.others for each in points], color=_PEER, marker="D", label=points[0].peer)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.set_title(line, fontsize=9, loc="left")
    axes.set_ylabel(points[0].unit, fontsize=8)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
