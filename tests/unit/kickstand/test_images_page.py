"""docs/images.md: the versions there are, and what each refuses, as the program has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kickstand.config.model import Algorithm
from kickstand.xgboost_container import XGBOOST
from training.hyperparameters.check import unsupported

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "images.md").read_text(encoding="utf-8")
WITH = {
    "sampling_method": {"sampling_method": "gradient_based"},
    "max_depth": {"max_depth": "0"},
    "predictor": {"predictor": "gpu_predictor"},
    "updater": {"updater": "sync"},
    "accuracy and f1-type": {"objective": "binary:logistic", "eval_metric": "f1"},
}
"""Rows of the second table, by how they begin."""


def row(begins: str) -> list[str]:
    """The cells of the row that begins so, without its name: an image each, oldest first."""
    (found,) = re.findall(rf"^\| `?{begins}.*$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in found.strip("|").split("|")[1:]]


def test_the_versions_are_those_there_are() -> None:
    rows = re.findall(r"^\| `([\d.-]+)` \| ([\d.]+) \|", PAGE, re.MULTILINE)
    assert dict(rows) == dict(XGBOOST)
    assert f'version = "{Algorithm().version}"' in PAGE


@pytest.mark.parametrize("begins", WITH)
def test_what_is_refused_is_said_so(begins: str) -> None:
    values = {"num_round": "5", "objective": "reg:squarederror", **WITH[begins]}
    told = [cell.endswith("refused") for cell in row(begins)]
    assert told == [bool(unsupported(values, version)) for version in XGBOOST]
