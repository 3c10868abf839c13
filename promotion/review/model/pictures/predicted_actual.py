"""Predicted against actual values, as a density: a picture of the same size for a hundred rows and for millions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from promotion.review.model.pictures.svg import INK, LIGHT_TO_DARK, draw
from promotion.review.reports import Plot
from training.prediction.metrics import Vector

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELLS = 40
"""Cells along each side."""


def draw_predicted_actual(actual: Vector, predicted: Vector, *, unit: str) -> Plot:
    """One cell a place, darker where more rows are; on the dashed line a prediction is right.

    actual, predicted: shape (rows,), in original units. unit: the label's name.
    """
    low = float(min(actual.min(), predicted.min()))
    high = float(max(actual.max(), predicted.max()))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _CELLS + 1)
    counts, _, _ = np.histogram2d(actual, predicted, bins=[edges, edges])
    over = float(np.mean(predicted > actual))
    spread = float(actual.std() * predicted.std())
    together = float(np.mean((actual - actual.mean()) * (predicted - predicted.mean()))) / spread if spread else 0.0
    title = f"Predicted against actual {unit}"
    alt = (
        f"{len(actual):,} test rows; actual {unit} from {actual.min():.4g} to {actual.max():.4g}, predicted from "
        f"{predicted.min():.4g} to {predicted.max():.4g}. {over:.0%} of the predictions are too high; the correlation "
        f"of predicted and actual is {together:.3f}."
    )

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        levels = _levels(int(counts.max()))
        for level, colour in zip(levels, _colours(len(levels)), strict=True):
            _squares(axes, edges, (counts >= level[0]) & (counts <= level[1]), colour, _words(level))
        axes.plot([low, high], [low, high], color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        axes.set(xlabel=f"actual {unit}", ylabel=f"predicted {unit}")
        axes.tick_params(length=0)
        figure.legend(
            loc="outside right center",
            title="rows a cell",
            alignment="left",
            handlelength=1,
            handleheight=1,
        )

    return draw("predicted-actual", title, alt, paint, height=330.0)


def _levels(most: int) -> list[tuple[int, int]]:
    """Ranges of counts, each about three times the one before: 1, 2 to 3, 4 to 10, 11 to 31, …"""
    bounds = [bound for bound in (1, 2, 4, 11, 32, 101, 317) if bound <= most]
    return list(zip(bounds, [*(bound - 1 for bound in bounds[1:]), most], strict=True))


def _colours(count: int) -> list[str]:
    """Evenly out of light to dark."""
    last = len(LIGHT_TO_DARK) - 1
    return [LIGHT_TO_DARK[round(1 + place * (last - 1) / max(1, count - 1))] for place in range(count)]


def _words(level: tuple[int, int]) -> str:
    return f"{level[0]:,}" if level[0] == level[1] else f"{level[0]:,} – {level[1]:,}"


def _squares(axes: Axes, edges: Vector, chosen: np.ndarray, colour: str, label: str) -> None:
    """All cells of one colour as one path, runs of neighbours as one rectangle: small, and without seams."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    vertices: list[tuple[float, float]] = []
    for column in range(chosen.shape[0]):
        for start, end in _runs(chosen[column]):
            left, right, bottom, top = edges[column], edges[column + 1], edges[start], edges[end]
            vertices += [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    if not vertices:
        return
    rectangle = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    path = Path(vertices, rectangle * (len(vertices) // 5))
    axes.add_patch(PathPatch(path, facecolor=colour, linewidth=0, label=label))


def _runs(column: np.ndarray) -> list[tuple[int, int]]:
    """Where a row of truths begins and ends being true."""
    borders = np.flatnonzero(np.diff(np.concatenate(([0], column.astype(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in borders.reshape(-1, 2)]
