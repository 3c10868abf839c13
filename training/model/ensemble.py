"""Several models that answer as one, as k-fold training leaves them.

The container's rule (`serve_utils.py`): the mean of their predictions, or where a prediction is a class (`VOTING`),
a vote. The serving program of the local cloud and whatever asks a model on this machine both
combine here, so that their answers are the same to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Answers = NDArray[np.float32]

Kind = tuple[str, int]
"""What a model predicts: its objective, and its number of classes."""


class NoEnsembleError(ValueError):
    """Models that predict different things."""


def require_ensemble(names: Sequence[str], kinds: Sequence[Kind]) -> None:
    """Raise NoEnsembleError where models do not go together. names: of their files, one a model."""
    (first, classes), *_ = kinds
    for name, (objective, count) in zip(names, kinds, strict=True):
        if (objective, count) != (first, classes):
            raise NoEnsembleError(
                f"Models {names[0]} ({first}, {classes} classes) and {name} ({objective}, {count} classes) "
                "are no ensemble: they predict different things"
            )


def combined(answers: Sequence[Answers], *, vote: bool) -> Answers:
    """One answer out of each model's, which all have the same shape.

    answers: in the order of the models' file names; float32 is added up in it, and the last digit depends on it.
    vote:    the class that most of them say, the smallest where they tie; else the mean.
    """
    import numpy as np

    stacked: Any = np.stack(answers)
    if not vote:
        mean: Answers = np.mean(stacked, axis=0)
        return mean
    ballots = stacked.astype(np.int64)
    counts = np.stack([(ballots == label).sum(axis=0) for label in range(int(ballots.max(initial=0)) + 1)])
    most: Answers = counts.argmax(axis=0).astype(np.float32)
    return most
