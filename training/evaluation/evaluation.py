"""One model on the test rows: the endpoint invoked with all of them, the metrics of its answers, and the plot."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kickstand.atomic_file import atomic_file
from kickstand.config.model import TargetTransform
from kickstand.errors import KickstandError, Problem
from kickstand.text import plain
from training.data.csv.float_text import delimiter_of
from training.data.row_text import csv_lines, first_content
from training.evaluation.metrics import (
    REGRESSION,
    Vector,
    evaluation,
    figures,
    original_units,
    reported_metrics,
    require_figure,
)
from training.evaluation.stores import UnsoundModelError
from training.prediction.batches import Expected, Invoke, batches, in_order


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of one evaluation: metrics by name, labels, answers as text, predictions as numbers."""

    metrics: Mapping[str, float]
    actual: Vector
    answers: list[str]
    predicted: Vector


def split_label(
    files: Sequence[Path], label_columns: int = 1, *, kind: str = "csv", width: int = 0
) -> tuple[Vector, bytes]:
    """The labels (first column) and the features of the rows as CSV bytes, for the endpoint.

    files: checked data (`data_check`). label_columns: columns before the features; 2 where the second is a weight.
    kind: of the files. width: columns with the label, of rows that do not name all of them.
    Raises KickstandError for a file that changed since.
    """
    labels: list[float] = []
    first, features = b"", io.BytesIO()
    for file in files:
        try:
            first = first or first_content(kind, files)
            lines = csv_lines(kind, file.name, file.read_bytes(), width, first=first)
        except OSError as error:
            raise KickstandError(Problem(f"The file cannot be read: {error.strerror}.", str(file))) from error
        except (ValueError, IndexError) as error:
            message = f"The file changed after it was checked: {error}"
            raise KickstandError(Problem(message, str(file), "Run the same command again.")) from error
        delimiter = delimiter_of(lines[0] if lines else b"").encode()
        for number, line in enumerate(lines, start=1):
            cells = line.split(delimiter, label_columns)
            try:
                labels.append(float(cells[0]))
                features.write(cells[label_columns].replace(delimiter, b",") + b"\n")
            except (ValueError, IndexError):
                message = "The line has no numeric label and features: the file changed after it was checked."
                raise KickstandError(Problem(message, f"{file}:{number}", "Run the same command again.")) from None
    return np.array(labels, dtype=np.float64), features.getvalue()


def evaluate(
    files: Sequence[Path],
    invoke: Invoke,
    *,
    objective: str,
    transform: TargetTransform,
    label_columns: int = 1,
    kind: str = "csv",
    width: int = 0,
    expected: Expected | None = None,
    parallel: int,
    done: Callable[[int], None] = lambda rows: None,
) -> Evaluation:
    """Ask the endpoint for every test row and compare with the labels.

    files: checked data, of this kind. width: columns with the label, of rows that do not name all of them.
    expected: the features of the model, where they are known.
    Raises InputError for an objective without a figure, KickstandError where the endpoint fails.
    """
    require_figure(objective)
    actual, features = split_label(files, label_columns, kind=kind, width=width)
    cut = batches(io.BytesIO(features), "test channel", expected=expected)
    answers = [row for part in in_order(cut, invoke, parallel=parallel, done=done) for row in part.rows]
    metrics, predicted = evaluation(objective, actual, answers, transform)
    return Evaluation(metrics, actual, answers, predicted)


@dataclass(frozen=True, slots=True)
class TestLabels:
    """What the rows truly are. values: as in the CSV. transform: what was done to them before."""

    __test__ = False  # not a test of pytest's

    values: Vector
    transform: TargetTransform

    def __len__(self) -> int:
        return len(self.values)

    def of(self, rows: NDArray[np.bool_]) -> TestLabels:
        return TestLabels(self.values[rows], self.transform)


@dataclass(frozen=True, slots=True)
class ModelScores:
    """One model on the test rows.

    answers: what it gave. predicted: one number a row: a value in original units, a probability, or a class.
    metrics: lower is better; `model:` ones are missing where its labels were transformed in another way.
    """

    objective: str
    transform: TargetTransform
    answers: NDArray[np.float64]
    predicted: Vector
    metrics: Mapping[str, float]

    @property
    def regression(self) -> bool:
        return self.objective.startswith(REGRESSION)

    def on(self, labels: TestLabels, rows: NDArray[np.bool_]) -> Mapping[str, float]:
        """The metrics on some of the rows. labels: of all."""
        return _figures(self.objective, self.transform, labels.of(rows), self.answers[rows])


def model_scores(
    answers: NDArray[np.float64], labels: TestLabels, *, objective: str, transform: TargetTransform, where: str
) -> ModelScores:
    """Judge a model's answers.

    objective, transform: of the model, which may have been trained on labels that were transformed in another way.
    where: the model, for messages. Raises InputError for an objective without a figure, KickstandError where an
    answer is no finite number or a label is of a class that the model does not know.
    """
    require_figure(objective)
    if len(answers) != len(labels):
        raise KickstandError(Problem(f"The model gave {len(answers):,} answers to {len(labels):,} rows.", where))
    if not len(labels):
        raise KickstandError(Problem("The test channel has no rows.", where))
    regression = objective.startswith(REGRESSION)
    with np.errstate(over="ignore"):
        predicted = original_units(answers, transform) if regression else answers
    finite = np.isfinite(predicted if predicted.ndim == 1 else predicted.sum(axis=1))
    if not finite.all():
        message = f"The model's answers to {int((~finite).sum()):,} of {len(finite):,} test rows are no finite numbers."
        raise UnsoundModelError(Problem(message, where, "It has not learned; do not serve it."))
    if answers.ndim == 2:
        if labels.values.max() >= answers.shape[1]:
            message = f"A test row is of class {labels.values.max():g}; the model knows {answers.shape[1]} classes."
            raise KickstandError(Problem(message, where))
        predicted = answers.argmax(axis=1).astype(np.float64)
    return ModelScores(objective, transform, answers, predicted, _figures(objective, transform, labels, answers))


def _figures(
    objective: str, transform: TargetTransform, labels: TestLabels, answers: NDArray[np.float64]
) -> Mapping[str, float]:
    actual = labels.values
    if labels.transform != transform:
        actual = original_units(actual, labels.transform)
        actual = np.log1p(actual) if transform == "log1p" else actual
    told, _ = figures(objective, actual, answers, transform)
    if not objective.startswith(REGRESSION):
        return told
    # Without a transform both scales are one; with another transform the model's own compares with nothing.
    scales = ("original:",) if labels.transform != transform or transform == "none" else ("original:", "model:")
    return {name: value for name, value in told.items() if name.startswith(scales)}


def main_metric(wanted: str | None, one: ModelScores) -> str:
    """The metric that models are compared by: the one of the gates, else the objective's own."""
    if wanted in one.metrics:
        return str(wanted)
    if one.transform == "log1p" and "original:rmsle" in one.metrics:
        return "original:rmsle"
    return next(name for name in reported_metrics(one.objective) if name in one.metrics)


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
