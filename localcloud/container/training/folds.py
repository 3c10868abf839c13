"""Which rows are left out in each fold of a cross-validation.

As scikit-learn's RepeatedKFold and RepeatedStratifiedKFold, which the container uses, split: shuffled anew in every
repetition, folds whose sizes differ by one at most, and for classes as many of each in every fold. The container takes
no seed, so that no two jobs split alike; here the job's `seed` decides, and the same data gives the same models.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]


def folds(
    rows: int, count: int, repetitions: int, *, seed: int, labels: npt.NDArray[np.float32] | None
) -> Iterator[tuple[Places, Places]]:
    """The places (train, left out) of each fold, all folds of one repetition after another.

    labels: the rows' classes, to have each in every fold; None to split by chance alone.
    Raises ValueError, in scikit-learn's words, where there are fewer rows, or rows of every class, than folds.
    """
    if count > rows:
        raise ValueError(
            f"Cannot have number of splits n_splits={count} greater than the number of samples: n_samples={rows}."
        )
    chance = np.random.default_rng(seed % 2**32)
    for _ in range(repetitions):
        fold_of = _by_chance(rows, count, chance) if labels is None else _by_class(labels, count, chance)
        for fold in range(count):
            yield np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)


def _by_chance(rows: int, count: int, chance: np.random.Generator) -> Places:
    fold_of: Places = np.empty(rows, dtype=np.int64)
    for fold, places in enumerate(np.array_split(chance.permutation(rows), count)):
        fold_of[places] = fold
    return fold_of


def _by_class(labels: npt.NDArray[np.float32], count: int, chance: np.random.Generator) -> Places:
    classes, members = np.unique(labels, return_inverse=True)
    sizes = np.bincount(members)
    if sizes.max() < count:
        raise ValueError(f"n_splits={count} cannot be greater than the number of members in each class.")
    # Dealt out like cards, class after class: the folds differ by one row at most, in each class and on the whole.
    dealt = np.sort(members, kind="stable")
    shares = np.array([np.bincount(dealt[fold::count], minlength=len(classes)) for fold in range(count)])
    fold_of: Places = np.empty(len(labels), dtype=np.int64)
    for member in range(len(classes)):
        hands = np.repeat(np.arange(count), shares[:, member])
        fold_of[members == member] = chance.permutation(hands)
    return fold_of
