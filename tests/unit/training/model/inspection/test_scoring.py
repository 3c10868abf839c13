"""Asking a model for all rows of files: the very numbers that xgboost gives, batch by batch, and its gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from models_run_here import models_run_here

from kickstand.errors import KickstandError
from training.model.inspection import run
from training.model.inspection.model_run import score_rows

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.random((300, 3)).round(4)
LABELS = (3 * FEATURES[:, 0] + FEATURES[:, 2]).round(4)


def trained(folder: Path, **parameters: object) -> tuple[Path, xgb.Booster]:
    given = {"max_depth": 3, "nthread": 1, "verbosity": 0, **parameters}
    labels = (LABELS > 2).astype(int) + (LABELS > 3) if parameters.get("num_class") else LABELS
    data = xgb.DMatrix(FEATURES, label=labels, feature_names=["a", "b", "c"])
    booster = xgb.train(given, data, 8)
    file = folder / "xgboost-model"
    file.write_bytes(booster.save_raw("ubj"))
    return file, booster


def written(file: Path, *, before: int = 1, delimiter: str = ",", rows: int = 300) -> Path:
    lines = (
        delimiter.join([*["1"] * before, *("" if value < 0.01 else repr(float(value)) for value in row)])
        for row in FEATURES[:rows]
    )
    file.write_text("\n".join(lines) + "\n\n")
    return file


def expected(booster: xgb.Booster, rows: int = 300) -> np.ndarray:
    features = np.where(FEATURES[:rows] < 0.01, np.nan, FEATURES[:rows])
    given: np.ndarray = booster.predict(xgb.DMatrix(features.astype("float32")), validate_features=False)
    return given.astype("float64")


def test_answers_are_xgboost_s_own_over_files_and_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, booster = trained(tmp_path)
    files = [written(tmp_path / "a.csv"), written(tmp_path / "b.csv", delimiter=";", rows=7)]
    found = score_rows([model], files, 1, columns=4, where="here")
    assert found.features == 3
    assert found.answers.tolist() == [*expected(booster).tolist(), *expected(booster, 7).tolist()]
    monkeypatch.setattr(run, "_BATCH", 11)
    told = run.score([model], files, 1, 4, tmp_path / "answers")
    assert told["rows"] == 307
    assert np.fromfile(tmp_path / "answers").tolist() == found.answers.tolist()


def test_gain_is_by_the_number_of_the_feature(tmp_path: Path) -> None:
    model, booster = trained(tmp_path)
    with models_run_here():
        gain = score_rows([model], [], 1, columns=4, where="here").gain
    assert gain == {"abc".index(name): value for name, value in booster.get_score(importance_type="total_gain").items()}
    assert max(gain, key=gain.__getitem__) == 0


def test_a_linear_model_has_no_gain(tmp_path: Path) -> None:
    model, _ = trained(tmp_path, booster="gblinear")
    with models_run_here():
        found = score_rows([model], [written(tmp_path / "a.csv")], 1, columns=4, where="here")
    assert found.gain == {}
    assert found.answers.shape == (300,)


def test_classes_have_a_probability_each_and_weights_are_no_features(tmp_path: Path) -> None:
    model, booster = trained(tmp_path, objective="multi:softprob", num_class=3)
    with models_run_here():
        found = score_rows([model], [written(tmp_path / "a.csv", before=2)], 2, columns=5, where="here")
    assert found.answers.shape == (300, 3)
    assert found.answers.tolist() == expected(booster).tolist()


def test_a_model_of_another_width_is_refused(tmp_path: Path) -> None:
    model, _ = trained(tmp_path)
    with pytest.raises(KickstandError, match="The model has 3 features, the rows have 4"):
        score_rows([model], [written(tmp_path / "a.csv")], 1, columns=5, where="here")


@pytest.mark.parametrize("damage", [b"", b"{L nothing", b"\x00" * 200])
def test_a_damaged_model_is_told(tmp_path: Path, damage: bytes) -> None:
    model = tmp_path / "xgboost-model"
    model.write_bytes(damage)
    with pytest.raises(KickstandError, match="xgboost-model cannot be loaded"):
        score_rows([model], [], 1, columns=4, where="here")
