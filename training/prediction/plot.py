"""A picture of predicted against actual values, as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kickstand.atomic_file import atomic_file
from kickstand.text import plain
from training.prediction.metrics import Vector


def draw_predicted_actual(actual: Vector, predicted: Vector, *, title: str, unit: str, file: Path) -> None:
    """Draw two panels: predicted against actual (dense places darker), and the distribution of the error.

    actual, predicted: shape (rows,), in original units. unit: the label's name, for the axes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    title, unit = (plain(text).replace("$", r"\$") for text in (title, unit))  # a dollar would begin a formula
    figure = Figure(figsize=(11, 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    scatter, errors = figure.subplots(1, 2, width_ratios=(1.15, 1))
    low = float(min(actual.min(), predicted.min()))
    high = float(max(actual.max(), predicted.max()))
    cells = scatter.hexbin(
        actual,
        predicted,
        gridsize=55,
        extent=(low, high, low, high),
        bins="log",
        mincnt=1,
        cmap="viridis",
        linewidths=0.1,
    )
    scatter.plot([low, high], [low, high], color="black", linewidth=1, linestyle="--", label="predicted = actual")
    scatter.set(xlabel=f"actual {unit}", ylabel=f"predicted {unit}", xlim=(low, high), ylim=(low, high), aspect="equal")
    scatter.set_title(title, fontsize=10, loc="left")
    scatter.legend(loc="upper left", frameon=False)
    figure.colorbar(cells, ax=scatter, label="rows a cell", shrink=0.8)

    difference = predicted - actual
    reach = max(float(np.percentile(np.abs(difference), 99)), 1e-12)
    errors.hist(np.clip(difference, -reach, reach), bins=61, color="#31688e")
    errors.axvline(0, color="black", linewidth=1, linestyle="--")
    errors.set(xlabel=f"predicted − actual {unit}", ylabel="rows")
    errors.set_title("Error (the outer 1 % gathered at the ends)", fontsize=10, loc="left")
    with atomic_file(file) as stream:
        figure.savefig(stream, format="png", metadata={"Software": None})
