"""Metrics, losses and rows equal what their definitions say, written out in plain Python, for drawn labels and rows."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.prepare import WRITERS
from kickstand.config.model import TargetTransform
from training.evaluation.answers import model_answers, parse_answers
from training.evaluation.metrics import Labels, losses, metric_of, metrics, reported_metrics
from training.evaluation.rows import Rows, read_rows

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


def undone(value: float, transform: TargetTransform) -> float:
    return math.expm1(value) if transform == "log1p" else value


def loss(
    metric: str, label: float, answer: Sequence[float], of_labels: TargetTransform, of_model: TargetTransform
) -> float:
    """What one row adds to a metric."""
    scale, _, name = metric.partition(":")
    first = answer[0]
    if scale == "original":
        label, first = undone(label, of_labels), undone(first, of_model)
    if name == "rmse":
        return (label - first) ** 2
    if name == "mae":
        return abs(label - first)
    if name == "rmsle":
        return (math.log(1 + label) - math.log(1 + max(first, 0.0))) ** 2
    if name == "logloss":
        chance = min(max(first, 1e-15), 1 - 1e-15)
        return -math.log(chance if label == 1 else 1 - chance)
    if name == "mlogloss":
        return -math.log(max(answer[int(label)], 1e-15))
    raise AssertionError(metric)


def wrong(objective: str, label: float, answer: Sequence[float]) -> bool:
    """Whether the predicted class is another one."""
    if objective == "multi:softprob":
        return answer[int(label)] < max(answer)
    return label != (float(answer[0] > 0.5) if objective == "binary:logistic" else answer[0])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(OBJECTIVES),
    st.sampled_from(TRANSFORMS),
    st.sampled_from(TRANSFORMS),
    st.integers(0, 2**32),
    st.integers(1, 399),
    st.sampled_from([1e-3, 1.0, 30.0]),
)
def test_figures_are_as_they_are_defined(
    objective: str, of_model: TargetTransform, of_labels: TargetTransform, seed: int, count: int, scale: float
) -> None:
    actual, values = drawn(objective, seed, count, scale)
    labels = Labels(actual, of_labels)
    texts = [",".join(map(repr, np.atleast_1d(row).tolist())) for row in values]
    answers = parse_answers(texts, objective=objective, transform=of_model, where="here")
    assert np.array_equal(answers.values, values)
    found = metrics(answers, labels)
    assert found == metrics(model_answers(values, objective=objective, transform=of_model, where="here"), labels)

    expected = set(reported_metrics(objective))
    if answers.regression and of_model != of_labels:
        expected = {name for name in expected if name.startswith("original:")}
    if any(undone(label, of_labels) < 0 for label in actual.tolist()):
        expected -= {"original:rmsle"}
    assert set(found) == expected

    mask = np.random.default_rng(seed).random(count) < 0.5
    rows = [np.atleast_1d(row).tolist() for row in values]
    for name, value in found.items():
        given_losses = losses(name, answers, labels)
        assert metric_of(name, given_losses) == value
        if name == "model:error":
            every = [float(wrong(objective, *pair)) for pair in zip(actual.tolist(), rows, strict=True)]
        else:
            every = [loss(name, *pair, of_labels, of_model) for pair in zip(actual.tolist(), rows, strict=True)]
        assert given_losses.tolist() == pytest.approx(every, rel=1e-6, abs=1e-12)
        for some in (np.ones(count, bool), mask):
            if not some.any():
                continue
            mean = math.fsum(one for one, chosen in zip(every, some.tolist(), strict=True) if chosen) / int(some.sum())
            figure = math.sqrt(mean) if name.endswith(("rmse", "rmsle")) else mean
            assert metric_of(name, given_losses[some]) == pytest.approx(figure, rel=1e-6, abs=1e-9), name


NUMBERS = st.floats(-1e6, 1e6, width=32).map(lambda value: repr(value + 0.0))
CELLS = NUMBERS | st.just("")


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.tuples(NUMBERS, st.lists(CELLS, min_size=width, max_size=width)), min_size=1)
    ),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_rows_of_csv_are_its_cells(rows: list[tuple[str, list[str]]], delimiter: str, end: str, closed: bool) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([label, *cells] for label, cells in rows)
    text = out.getvalue() if closed else out.getvalue().removesuffix(end)
    if delimiter == "," or '"' not in text:  # a row of one empty cell is quoted
        check([("a.csv", text.encode()), ("b.csv", text.encode())], [[label, *cells] for label, cells in rows])


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["libsvm", "parquet", "recordio-protobuf"]),
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(NUMBERS, min_size=width + 1, max_size=width + 1), min_size=1, max_size=9)
    ),
)
def test_rows_of_other_kinds_are_their_cells(kind: str, rows: list[list[str]]) -> None:
    content = WRITERS[kind]([f"c{number}" for number in range(len(rows[0]))], rows)
    check([("a", content), ("b", content)], rows, kind=kind)


def check(files: list[tuple[str, bytes]], rows: list[list[str]], *, kind: str = "csv") -> None:
    """Two equal files, each of these rows of cells."""
    with tempfile.TemporaryDirectory() as name:
        found = made(Path(name), files, kind, len(rows[0]))
        numbers = np.array([[float(cell) if cell else math.nan for cell in row] for row in [*rows, *rows]], "float32")
        assert np.array_equal(found.columns(range(len(rows[0]))).astype("float32"), numbers, equal_nan=True)
        assert np.array_equal(found.labels.values.astype("float32"), numbers[:, 0])
        with found.features() as stream:
            lines = stream.read().decode().split("\n")
        assert lines.pop() == ""
        cells = [[float(cell) if cell else math.nan for cell in line.split(",")] for line in lines]
        assert np.array_equal(np.array(cells, "float32"), numbers[:, 1:], equal_nan=True)
        places = [f"{file}:{number}" for file, _ in files for number in range(1, len(rows) + 1)]
        assert [found.place(row) for row in range(len(found))] == places


def made(folder: Path, files: list[tuple[str, bytes]], kind: str, width: int) -> Rows:
    for file, content in files:
        (folder / file).write_bytes(content)
    return read_rows(
        [(file, folder / file) for file, _ in files],
        label_columns=1,
        transform="none",
        source="here",
        folder=folder / "csv",
        kind=kind,
        width=width,
    )
