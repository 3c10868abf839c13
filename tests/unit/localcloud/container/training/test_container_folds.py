"""How rows are left out in cross-validation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.container.training.cross_validation import folds


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(2, 8), st.integers(1, 3), st.integers(-5, 5))
def test_every_row_is_left_out_once_in_each_repetition(rows: int, count: int, repetitions: int, seed: int) -> None:
    if count > rows:
        return
    found = list(folds(rows, count, repetitions, seed=seed, labels=None))
    assert len(found) == count * repetitions
    for first in range(0, len(found), count):
        parts = found[first : first + count]
        assert sorted(np.concatenate([left_out for _, left_out in parts]).tolist()) == list(range(rows))
        assert {len(left_out) for _, left_out in parts} <= {rows // count, -(-rows // count)}
        for kept, left_out in parts:
            assert sorted([*kept.tolist(), *left_out.tolist()]) == list(range(rows))


@pytest.mark.contract("T58")
@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=80), st.integers(2, 4))
def test_with_classes_every_fold_has_its_share_of_each(labels: list[int], count: int) -> None:
    sizes = np.bincount(labels)
    if sizes.max() < count:
        return
    for _, left_out in folds(len(labels), count, 1, seed=0, labels=np.array(labels, dtype=np.float32)):
        shares = np.bincount(np.array(labels)[left_out], minlength=len(sizes))
        assert np.all((shares == sizes // count) | (shares == -(-sizes // count)))
        assert len(left_out) in (len(labels) // count, -(-len(labels) // count))


def test_the_seed_decides_and_repetitions_differ() -> None:
    def left_out(seed: int) -> list[list[int]]:
        return [places.tolist() for _, places in folds(20, 2, 2, seed=seed, labels=None)]

    assert left_out(1) == left_out(1)
    assert left_out(1) != left_out(2)
    assert left_out(1)[:2] != left_out(1)[2:]


def test_too_few_rows_are_refused_in_scikit_learns_words() -> None:
    with pytest.raises(ValueError, match="n_splits=5 greater than the number of samples: n_samples=4"):
        list(folds(4, 5, 1, seed=0, labels=None))
    with pytest.raises(ValueError, match="n_splits=3 cannot be greater than the number of members in each class"):
        list(folds(4, 3, 1, seed=0, labels=np.array([0, 0, 1, 1], dtype=np.float32)))
