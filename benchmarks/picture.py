"""Draw the benchmarks: each figure's distance from its limit, with AWS's own container beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figure import Figure, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GOOD, _OVER, _AWS = "#2a7f62", "#c0392b", "#8a8f98"
_FARTHEST = 8.0
"""Times better than the limit at which a bar ends; its figure tells the rest."""


def draw(figures: list[Figure], file: Path) -> None:
    """One bar for each figure that has a limit, on a scale of times better (right) or worse (left) than it.

    A grey mark shows where AWS's container code stood, as it was measured on another machine of two cores. Figures
    without a limit are not drawn. Raises ValueError where no figure has a limit.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    limited = [figure for figure in figures if figure.limit is not None]
    if not limited:
        raise ValueError("no figure has a limit: there is nothing to draw")
    canvas = Canvas(figsize=(13, 1.6 + 0.42 * len(limited)), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    for place, figure in enumerate(limited):
        _bar(axes, place, figure)
    axes.set_xscale("log")
    axes.set_xlim(1 / 40, _FARTHEST * 28)
    axes.set_ylim(len(limited) - 0.4, -0.6)
    axes.set_yticks(range(len(limited)), [figure.name for figure in limited])
    axes.set_xticks([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8], ["1/8", "1/4", "1/2", "limit", "2 x", "4 x", "8 x"])
    axes.minorticks_off()
    axes.axvline(1, color="black", linewidth=1)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("times better than the limit (logarithmic); \u25c6 AWS's container code, measured elsewhere")
    axes.set_title(f"Kickstand, medians on {os.cpu_count()} cores", loc="left", fontweight="bold")
    canvas.savefig(file, dpi=110)


def _bar(axes: Axes, place: int, figure: Figure) -> None:
    """The bar of one figure from its limit to where it is, its words at the right, AWS's mark."""
    end = min(max(figure.kept(), 1 / _FARTHEST), _FARTHEST)
    axes.barh(place, end - 1, left=1, height=0.55, color=_GOOD if figure.good() else _OVER)
    words = f"{number(figure.value)} {figure.unit}  (limit {figure.bound()}"
    if figure.peer is not None:
        words += f"; ours {number(figure.ours)}, peer {number(figure.peer)}"
    axes.text(max(end, 1) * 1.06, place, f"{words})", va="center", fontsize=9)
    marks = [max(figure.times_better(value), 1 / _FARTHEST) for value in figure.aws]
    if marks:
        axes.plot(marks, [place] * len(marks), color=_AWS, marker="D", markersize=6, linewidth=2)
        axes.text(min(marks) / 1.1, place, figure.of_aws(), va="center", ha="right", fontsize=9, color="#555b63")
