"""Which classes are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from promotion.review.model.pictures.svg import INK, LIGHT_TO_DARK, draw
from promotion.review.reports import Plot
from training.prediction.metrics import Vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
