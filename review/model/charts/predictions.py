"""Charts of predictions against labels: calibration and confusion of classes, points and residuals of a regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from review.model.charts.svg import BLUE, GREY, INK, LIGHT_TO_DARK, ORANGE, draw, tidy
from review.reports import Plot
from training.evaluation.metrics import Vector

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


_RESIDUAL_BINS = 41
_SHOWN = 99
"""Percent of the rows within the picture; the others are gathered at its ends."""


def draw_residuals(actual: Vector, predicted: Vector, live: Vector | None, *, unit: str) -> Plot:
    """The distribution of predicted minus actual, and the live model's as an outline.

    All of shape (rows,), in original units. unit: the label's name.
    """
    difference = predicted - actual
    reach = _reach(difference)
    bins = np.linspace(-reach, reach, _RESIDUAL_BINS + 1)
    low, middle, high = (float(value) for value in np.percentile(difference, [5, 50, 95]))
    title = f"Error: predicted − actual {unit}"
    alt = (
        f"Of {len(actual):,} test rows the median error is {middle:.4g}; nine of ten errors are between "
        f"{low:.4g} and {high:.4g} {unit}."
    )
    if live is not None:
        was = np.percentile(live - actual, [5, 95])
        alt += f" Nine of ten of the live model's are between {was[0]:.4g} and {was[1]:.4g}."

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.hist(
            np.clip(difference, -reach, reach), bins=bins.tolist(), histtype="stepfilled", color=BLUE, label="released"
        )
        if live is not None:
            axes.hist(
                np.clip(live - actual, -reach, reach),
                bins=bins.tolist(),
                histtype="step",
                color=ORANGE,
                linewidth=1.6,
                label="live",
            )
            axes.legend(loc="upper right")
        axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xlabel=f"error (beyond ±{reach:.3g}: at the ends)", ylabel="rows")
        tidy(axes)

    return draw("residuals", title, alt, paint)


def _reach(difference: Vector) -> float:
    """The error that all but the outer rows stay below."""
    reach = float(np.percentile(np.abs(difference), _SHOWN))
    return reach or float(np.abs(difference).max()) or 1.0


_BINS = 10

Bins = tuple[Vector, Vector, Vector]


def draw_calibration(actual: Vector, probability: Vector, live: Vector | None) -> Plot:
    """The share of ones among rows of similar probability. All of shape (rows,); actual: 0 or 1."""
    means, shares, counts = calibration_bins(actual, probability)
    off = float(np.sum(counts * np.abs(means - shares)) / counts.sum())
    title = "Calibration: predicted probability and what came true"
    alt = f"In {len(actual):,} test rows probabilities are off by {off:.3f} on average"
    alt += (
        ": " + ", ".join(f"{mean:.2f} came true {share:.2f}" for mean, share in zip(means, shares, strict=True)) + "."
    )

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        if live is not None:
            was = calibration_bins(actual, live)
            axes.plot(was[0], was[1], color=ORANGE, linestyle=(0, (4, 2)), marker="D", mfc="white", label="live")
        axes.plot(means, shares, color=BLUE, linewidth=1.8, marker="o", label="released")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="share of ones")
        axes.legend(loc="upper left")
        tidy(axes)

    return draw("calibration", title, alt, paint, height=300.0)


def calibration_bins(actual: Vector, probability: Vector) -> Bins:
    """Mean probability, share of ones and number of rows, of each tenth of the range that has rows."""
    place = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    counts = np.bincount(place, minlength=_BINS)
    full = counts > 0
    means = np.bincount(place, weights=probability, minlength=_BINS)[full] / counts[full]
    shares = np.bincount(place, weights=actual, minlength=_BINS)[full] / counts[full]
    return means, shares, counts[full].astype(np.float64)


_MOST = 10
"""Classes that are shown; the rarest are gathered."""


def draw_confusion(actual: Vector, predicted: Vector) -> Plot:
    """Rows by actual and predicted class, shaded by their share of the actual class. Both: shape (rows,)."""
    names, table = confusion_table(actual, predicted)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    title = "Actual and predicted class"
    alt = "Rows by actual class: " + "; ".join(
        f"{name}: {int(table[place].sum()):,}, of which {shares[place, place]:.1%} are predicted so"
        for place, name in enumerate(names)
    )

    def paint(figure: Figure) -> None:
        from matplotlib.patches import Rectangle

        axes = figure.add_subplot()
        for row, column in np.ndindex(table.shape):
            share = float(shares[row, column])
            shade = LIGHT_TO_DARK[min(int(share * len(LIGHT_TO_DARK)), len(LIGHT_TO_DARK) - 1)]
            axes.add_patch(Rectangle((column, row), 0.96, 0.96, facecolor=shade if share else "#f4f5f7", linewidth=0))
            text = f"{share:.0%}\n{int(table[row, column]):,}" if len(names) <= 4 else f"{100 * share:.0f}"
            colour = "white" if share > 3 / len(LIGHT_TO_DARK) else INK
            axes.text(column + 0.48, row + 0.48, text, ha="center", va="center", color=colour)
        ticks = [place + 0.48 for place in range(len(names))]
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        axes.set(xlim=(0, len(names)), ylim=(len(names), 0), aspect="equal")
        unit = "" if len(names) <= 4 else " (cells: % of the actual class)"
        axes.set(xlabel=f"predicted class{unit}", ylabel="actual class")
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)

    return draw("confusion", title, f"{alt}.", paint, height=330.0)


def confusion_table(actual: Vector, predicted: Vector) -> tuple[list[str], Vector]:
    """The classes by number, the rarest gathered as `other`, and the rows of each pair: shape (classes, classes)."""
    classes, counts = np.unique(np.concatenate([actual, predicted]).astype(np.int64), return_counts=True)
    kept = classes
    if len(classes) > _MOST:
        kept = np.sort(classes[np.argsort(-counts, kind="stable")[: _MOST - 1]])
    other = len(kept)

    def place(values: Vector) -> np.ndarray:
        found = np.minimum(np.searchsorted(kept, values.astype(np.int64)), other - 1)
        return np.where(kept[found] == values, found, other)

    size = other if len(kept) == len(classes) else other + 1
    table = np.zeros((size, size))
    np.add.at(table, (place(actual), place(predicted)), 1)
    return [*(str(name) for name in kept), "other"][:size], table
