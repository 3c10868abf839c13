"""How far predictions are off, and to which side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from promotion.review.model.pictures.svg import BLUE, INK, ORANGE, draw, tidy
from promotion.review.reports import Plot
from training.prediction.metrics import Vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 41
_SHOWN = 99
"""Percent of the rows within the picture; the others are gathered at its ends."""


def draw_residuals(actual: Vector, predicted: Vector, live: Vector | None, *, unit: str) -> Plot:
    """The distribution of predicted minus actual, and the live model's as an outline.

    All of shape (rows,), in original units. unit: the label's name.
    """
    difference = predicted - actual
    reach = _reach(difference)
    bins = np.linspace(-reach, reach, _BINS + 1)
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
