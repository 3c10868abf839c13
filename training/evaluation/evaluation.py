"""One model on test rows: its metrics, the one that models are compared by, and the plot of its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kickstand.atomic_file import atomic_file
from kickstand.text import plain
from training.evaluation import metrics
from training.evaluation.metrics import Answers, Labels, Vector


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on test rows. metrics: by name, with their scale (`original:rmse`); all are better when lower."""

    answers: Answers
    labels: Labels
    metrics: Mapping[str, float]

    @property
    def actual(self) -> Vector:
        """The labels as `predicted` is: values in original units, or classes."""
        return self.labels.original if self.answers.regression else self.labels.values

    @property
    def predicted(self) -> Vector:
        """One number a row: a value in original units, a probability, or a class."""
        return self.answers.predicted

    @property
    def distinct(self) -> Mapping[str, float]:
        """The metrics, each once: without a target transform both scales are one."""
        if not self.answers.regression or self.answers.transform != "none":
            return self.metrics
        return {name: value for name, value in self.metrics.items() if name.startswith("original:")}

    def losses(self, metric: str) -> Vector:
        """The loss of each row. Raises KickstandError for a metric that there is not."""
        return metrics.losses(metric, self.answers, self.labels)


def evaluate(answers: Answers, labels: Labels) -> Evaluation:
    """Compare answers with the labels of the same rows.

    Raises InputError for an objective without a metric, KickstandError where a label is of a class that the model does
    not know, UnsoundModelError where a metric cannot be computed.
    """
    return Evaluation(answers, labels, metrics.metrics(answers, labels))


def main_metric(wanted: str | None, one: Evaluation) -> str:
    """The metric that models are compared by: the one of the gates, else the objective's own."""
    if wanted in one.distinct:
        return str(wanted)
    if one.answers.transform == "log1p" and "original:rmsle" in one.distinct:
        return "original:rmsle"
    return next(iter(one.distinct))


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
