"""Numbers of training files are those of xgboost's own reader, which AWS's container uses."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from training_folder import training_folder

from localcloud.container import csv_numbers, csv_text
from localcloud.container.train import run
from localcloud.container.training.channel_readers import read_csv, read_libsvm

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")


def numbers(count: int, seed: int) -> list[str]:
    """Numbers as they are written: with few and many digits, halves, with exponents, near 0 and beyond 2^53."""
    draw = random.Random(seed)
    forms: list[Callable[[], str]] = [
        lambda: f"{draw.gauss(0, 1) * 10 ** draw.randint(-6, 9):.{draw.randint(0, 18)}f}",
        lambda: repr(draw.gauss(0, 1) * 10 ** draw.randint(-6, 9)),
        lambda: str(draw.randint(0, 10 ** draw.randint(1, 18))),
        lambda: f"{draw.randint(2**23, 2**24)}.5",
        lambda: f"{draw.gauss(0, 1) * 10.0 ** draw.randint(-46, 36):.{draw.randint(0, 18)}e}",
        lambda: f"{draw.randint(-9999, 9999)}E{draw.randint(-40, 33):+d}",
        lambda: f"{draw.random() * 10.0 ** draw.randint(-24, 2):.{draw.randint(19, 30)}f}",
        lambda: f"+{draw.random():.{draw.randint(1, 9)}f}",
        lambda: "",
    ]
    return [draw.choice(forms)() for _ in range(count)]


def same(ours: xgboost.DMatrix, theirs: xgboost.DMatrix) -> None:
    assert (ours.num_row(), ours.num_col()) == (theirs.num_row(), theirs.num_col())
    np.testing.assert_array_equal(ours.get_label(), theirs.get_label())
    found, expected = ours.get_data(), theirs.get_data()
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_array_equal(found.data, expected.data)


@pytest.mark.contract("T49")
@pytest.mark.parametrize(("delimiter", "wide", "end"), [(",", 10_000, "\n"), (";", 10_000, "\n\n"), (",", 3, "\r\n")])
def test_csv_is_read_as_xgboost_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delimiter: str, wide: int, end: str
) -> None:
    monkeypatch.setattr(csv_numbers, "_WIDE", wide)
    monkeypatch.setattr(csv_text, "BLOCK_BYTES", 20_000)
    cells = numbers(12_000, 7)
    rows = [[f"{row}.25e-1", *cells[row * 6 : row * 6 + 6]] for row in range(2_000)]
    (tmp_path / "a").write_text("".join(delimiter.join(row) + end for row in rows))
    ours = read_csv([tmp_path / "a"], weights=False, threads=2).matrix(1)
    same(ours, xgboost.DMatrix(f"{tmp_path}/a?format=csv&label_column=0&delimiter={delimiter}"))


@pytest.mark.contract("T49")
def test_libsvm_is_read_as_xgboost_reads_it(tmp_path: Path) -> None:
    cells = [cell for cell in numbers(12_000, 8) if cell]
    lines = [
        " ".join([cells[row * 5].lstrip("+"), *(f"{index}:{cells[row * 5 + index]}" for index in range(1, 5))])
        for row in range(len(cells) // 5)
    ]
    (tmp_path / "a").write_text("\n".join(lines) + "\n")
    same(
        read_libsvm([tmp_path / "a"], weights=False, threads=2).matrix(1),
        xgboost.DMatrix(f"{tmp_path}/a?format=libsvm"),
    )


@pytest.mark.contract("T49")
@pytest.mark.parametrize("parameters", [{"tree_method": "hist"}, {"booster": "gblinear", "updater": "coord_descent"}])
def test_the_model_of_a_csv_file_is_the_one_of_xgboost_that_reads_it_itself(
    tmp_path: Path, parameters: dict[str, Any]
) -> None:
    draw = np.random.default_rng(3).normal(size=(300, 5)) * 100
    text = "".join(",".join(f"{cell:.6f}" for cell in row) + "\n" for row in draw.tolist())
    layout = training_folder(tmp_path, {"num_round": "5", "nthread": "1", **parameters}, {"train/a.csv": text})
    run(layout)
    matrix = xgboost.DMatrix(f"{tmp_path}/input/data/train/a.csv?format=csv&label_column=0")
    bare = xgboost.train({"nthread": 1, **parameters}, matrix, 5)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(bare.save_raw("ubj"))
