"""The new figures equal those of each of the three former computations of how good a model is, bit by bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstand.config.model import TargetTransform
from training.data.row_text import WRITERS
from training.evaluation import comparison, evaluation, metrics, scoring, test_rows
from training.evaluation.answers import model_answers, parse_answers
from training.evaluation.rows import Rows, read_rows

CASES = 400
OBJECTIVES = ("reg:squarederror", "count:poisson", "binary:logistic", "binary:hinge", "multi:softmax", "multi:softprob")
TRANSFORMS: tuple[TargetTransform, ...] = ("none", "log1p")


def drawn(objective: str, seed: int, count: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels and answers as an objective has them."""
    draw = np.random.default_rng(seed)
    if objective.startswith(("reg:", "count:")):
        lowest = -scale * draw.integers(0, 2)
        return draw.uniform(lowest, scale, count), draw.normal(0, scale, count).astype(np.float32).astype(np.float64)
    if objective == "binary:logistic":
        chances = np.where(draw.random(count) < 0.1, draw.integers(0, 2, count), draw.random(count))
        return draw.integers(0, 2, count).astype(float), chances.astype(np.float32).astype(np.float64)
    if objective == "multi:softprob":
        return draw.integers(0, 3, count).astype(float), draw.dirichlet(np.ones(3), count)
    return draw.integers(0, 2, count).astype(float), draw.integers(0, 2, count).astype(float)


def texts_of(answers: np.ndarray) -> list[str]:
    return [",".join(map(repr, np.atleast_1d(row).tolist())) for row in answers]


def former_rows(labels: np.ndarray) -> test_rows.TestRows:
    content = "".join(f"{label!r},1\n" for label in labels.tolist()).encode()
    return test_rows.rows_of_files([("test.csv", content)], 1, "test.csv")


@settings(max_examples=CASES, deadline=None)
@given(
    st.sampled_from(OBJECTIVES),
    st.sampled_from(TRANSFORMS),
    st.sampled_from(TRANSFORMS),
    st.integers(0, 2**32),
    st.integers(1, 399),
    st.sampled_from([1e-3, 1.0, 30.0]),
)
def test_figures_are_the_former_ones(
    objective: str,
    transform: TargetTransform,
    of_labels: TargetTransform,
    seed: int,
    count: int,
    scale: float,
) -> None:
    actual, given_answers = drawn(objective, seed, count, scale)
    twice_transformed = (of_labels, transform) == ("none", "log1p")  # formerly expm1(log1p(label)): an error below -1
    actual = np.abs(actual) if twice_transformed else actual
    labels = scoring.Labels(actual, of_labels)
    texts = texts_of(given_answers)
    answers = parse_answers(texts, objective=objective, transform=transform, where="here")
    found = scoring.metrics(answers, labels)
    regression = answers.regression
    if not regression and transform != of_labels:
        return  # a transform is of numbers, not of classes; formerly refused by gates and garbled by the review

    # `kickstand evaluate`
    if transform == of_labels:
        former, predicted = metrics.evaluation(objective, actual, texts, transform)
        assert found == former
        assert np.array_equal(answers.values if regression else answers.predicted, predicted)

    # gates
    rows = former_rows(actual)
    asked = comparison.EndpointAnswers(tuple(texts), objective, transform)
    mask = np.random.default_rng(seed).random(count) < 0.5
    for name in found:
        losses = comparison.row_losses(name, asked, rows, of_labels, where="here")
        assert np.array_equal(scoring.losses(name, answers, labels), losses)
        assert found[name] == comparison.figure(name, losses)
        if mask.any():
            assert scoring.metric_of(name, losses[mask]) == comparison.figure(name, losses[mask])

    # the review
    former_labels = evaluation.TestLabels(actual, of_labels)
    scores = evaluation.model_scores(
        given_answers, former_labels, objective=objective, transform=transform, where="here"
    )
    ours = model_answers(given_answers, objective=objective, transform=transform, where="here")
    assert np.array_equal(ours.predicted, scores.predicted)
    same = scoring.metrics(ours, labels)
    assert same == found
    for name, value in scores.metrics.items():
        assert same[name] == (pytest.approx(value, rel=1e-9) if twice_transformed else value)
    assert {*scores.metrics} == {name for name in same if name.startswith("original:") or transform != "none"} or (
        not regression
    )
    if mask.any() and not twice_transformed:
        for name, value in scores.on(former_labels, mask).items():
            if name in same:
                assert scoring.metric_of(name, scoring.losses(name, ours, labels)[mask]) == value


NUMBERS = st.floats(-1e6, 1e6, width=32).map(lambda value: repr(value + 0.0))
CELLS = NUMBERS | st.just("")


@settings(max_examples=CASES, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.tuples(NUMBERS, st.lists(CELLS, min_size=width, max_size=width)), min_size=1)
    ),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_rows_of_csv_are_the_former_ones(
    rows: list[tuple[str, list[str]]], delimiter: str, end: str, closed: bool
) -> None:
    lines = [delimiter.join([label, *cells]) for label, cells in rows]
    content = (end.join(lines) + (end if closed else "")).encode()
    agree([("a.csv", content), ("b.csv", content)], width=1 + len(rows[0][1]))


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["libsvm", "parquet", "recordio-protobuf"]),
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(NUMBERS, min_size=width + 1, max_size=width + 1), min_size=1, max_size=9)
    ),
)
def test_rows_of_other_kinds_are_the_former_ones(kind: str, rows: list[list[str]]) -> None:
    content = WRITERS[kind]([f"c{number}" for number in range(len(rows[0]))], rows)
    agree([("a", content), ("b", content)], kind=kind, width=len(rows[0]))


def agree(files: list[tuple[str, bytes]], *, width: int, kind: str = "csv") -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / file for file, _ in files]
        for path, (_, content) in zip(paths, files, strict=True):
            path.write_bytes(content)
        new = read_rows(
            [(file, path) for (file, _), path in zip(files, paths, strict=True)],
            label_columns=1,
            transform="none",
            source="here",
            folder=folder / "csv",
            kind=kind,
            width=width,
        )
        gates = test_rows.rows_of_files(files, 1, "here", kind=kind, width=width)
        labels, features = evaluation.split_label(paths, kind=kind, width=width)
        same(new, gates, labels, features)
        columns = test_rows.read_columns([file.path for file in new.files], range(width))
        assert np.array_equal(new.columns(range(width)), columns, equal_nan=True)
        for index in range(width):
            assert np.array_equal(columns[:, index], gates.column(index), equal_nan=True)


def same(new: Rows, gates: test_rows.TestRows, labels: np.ndarray, features: bytes) -> None:
    with new.features() as stream:
        assert stream.read() == gates.features == features
    assert np.array_equal(new.labels.values, gates.labels)
    assert np.array_equal(new.labels.values, labels)
    assert (len(new), [new.place(row) for row in range(len(new))]) == (
        len(gates),
        [gates.place(row) for row in range(len(gates))],
    )
