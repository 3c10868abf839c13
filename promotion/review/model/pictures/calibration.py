"""Whether predicted probabilities are what comes true. For `binary:logistic`; it needs no threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from promotion.review.model.pictures.svg import BLUE, GREY, ORANGE, draw, tidy
from promotion.review.reports import Plot
from training.prediction.metrics import Vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
