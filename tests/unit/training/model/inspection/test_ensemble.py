"""Several models that answer as one: the same numbers wherever they are asked."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from models_run_here import models_run_here
from serving_face import FEATURES, ask, face, objective_model

from kickstand.errors import KickstandError
from training.model.inspection.boosters import NoEnsembleError, combined, require_ensemble
from training.model.inspection.model_run import find_models, run_model, score_rows


def text(rows: np.ndarray) -> list[str]:
    return [",".join(map(repr, row)) for row in rows.tolist()]


def test_a_mean_and_a_vote_by_hand() -> None:
    answers = [np.array(given, dtype=np.float32) for given in ([1, 2, 5], [2, 0, 5], [2, 1, 7], [1, 0, 7])]
    assert combined(answers, vote=False).tolist() == [1.5, 0.75, 6.0]
    assert combined(answers, vote=True).tolist() == [1.0, 0.0, 5.0]  # the smallest of a tie
    classes = [np.array([[0.25, 0.75]], dtype=np.float32), np.array([[0.75, 0.25]], dtype=np.float32)]
    assert combined(classes, vote=False).tolist() == [[0.5, 0.5]]


def test_models_of_different_kinds_are_no_ensemble() -> None:
    require_ensemble(["a", "b"], [("reg:gamma", 0), ("reg:gamma", 0)])
    with pytest.raises(NoEnsembleError) as told:
        require_ensemble(["a", "b"], [("multi:softmax", 3), ("multi:softmax", 4)])
    assert str(told.value) == (
        "Models a (multi:softmax, 3 classes) and b (multi:softmax, 4 classes) are no ensemble: they predict "
        "different things"
    )


@pytest.mark.contract("H71", "H72")
@pytest.mark.parametrize("objective", ["reg:squarederror", "multi:softprob", "multi:softmax", "binary:hinge"])
def test_a_release_is_asked_as_the_serving_program_answers(tmp_path: Path, objective: str) -> None:
    made = [objective_model(tmp_path, objective, name=f"xgboost-model-{fold}", seed=fold) for fold in range(11)]
    models = find_models([file for file, _ in reversed(made)], 11, folder=tmp_path, where="s3://m")
    # as a folder's names are sorted, in which order the server adds them up
    assert [file.name[14:] for file in models] == ["0", "1", "10", *map(str, range(2, 10))]
    served = ask(face(*models), "\n".join(text(FEATURES)).encode())[2].decode().splitlines()
    file = tmp_path / "rows.csv"
    file.write_text("".join(f"0,{row}\n" for row in text(FEATURES)))
    # A process of its own gives JSON of the same numbers, whatever they mean.
    with nullcontext() if objective == "multi:softprob" else models_run_here():
        answered = run_model(models, text(FEATURES), where="s3://m")
        scores = score_rows(models, [file], 1, columns=5, where="s3://m")
    rows = [given if isinstance(given, tuple) else (given,) for given in answered.predictions]
    assert (answered.features, [",".join(map(str, row)) for row in rows]) == (4, served)
    assert scores.answers.reshape(len(served), -1).tolist() == [list(row) for row in rows]


def test_the_gain_of_an_ensemble_is_the_mean_of_its_models(tmp_path: Path) -> None:
    made = [objective_model(tmp_path, "reg:squarederror", name=f"xgboost-model-{fold}", seed=fold) for fold in (0, 1)]
    with models_run_here():
        gain = score_rows([file for file, _ in made], [], 1, columns=5, where="s3://m").gain
    first, second = (_gain(booster) for _, booster in made)
    assert gain == {number: (first.get(number, 0) + second.get(number, 0)) / 2 for number in {*first, *second}}


def _gain(booster: xgboost.Booster) -> dict[int, float]:
    found: Any = booster.get_score(importance_type="total_gain")
    return {int(name.removeprefix("f")): value for name, value in found.items()}


def test_models_that_do_not_go_together_are_told_by_name(tmp_path: Path) -> None:
    files = [
        objective_model(tmp_path, objective, name=f"xgboost-model-{fold}")[0]
        for fold, objective in enumerate(("reg:gamma", "count:poisson"))
    ]
    with pytest.raises(KickstandError, match=r"xgboost-model-1 \(count:poisson, 0 classes\) are no ensemble"):
        run_model(files, (), where="s3://m")


def test_a_narrow_model_decides_how_wide_the_rows_are(tmp_path: Path) -> None:
    wide, booster = objective_model(tmp_path, "reg:squarederror", name="xgboost-model-0")
    narrow = xgboost.train({}, xgboost.DMatrix(FEATURES[:, :3], label=FEATURES[:, 0] > 0), 2)
    narrow.save_model(tmp_path / "xgboost-model-1.ubj")
    with models_run_here():
        answered = run_model([wide, tmp_path / "xgboost-model-1.ubj"], text(FEATURES[:5, :3]), where="s3://m")
    padded = np.hstack([FEATURES[:5, :3], np.full((5, 1), np.nan)])
    both = [booster.predict(xgboost.DMatrix(padded)), narrow.predict(xgboost.DMatrix(FEATURES[:5, :3]))]
    assert (answered.features, list(answered.predictions)) == (3, np.mean(both, axis=0).astype(float).tolist())


@pytest.mark.parametrize(
    ("count", "there", "told"),
    [
        (1, ("xgboost-model-0", "xgboost-model-1"), "holds xgboost-model-0, xgboost-model-1, as hyperparameter _kfold"),
        (3, ("xgboost-model-0", "xgboost-model-2"), "the artifact lacks xgboost-model-1: an endpoint takes every file"),
        (2, ("xgboost-model-0", "xgboost-model-1", "xgboost-model-2"), "the artifact has xgboost-model-2: an endpoint"),
        (2, ("xgboost-model-0", "xgboost-model-01"), "the artifact lacks xgboost-model-1 and has xgboost-model-01:"),
        (2, ("xgboost-model",), "the artifact lacks xgboost-model-0, xgboost-model-1 and has xgboost-model:"),
        (None, ("xgboost-model-0", "xgboost-model-2"), "lacks xgboost-model-1 and has xgboost-model-2"),
        (
            1,
            ("d/xgboost-model",),
            "no file xgboost-model but d/xgboost-model. An endpoint looks for its model directly",
        ),
        (
            1,
            ("xgboost-model", "d/xgboost-model"),
            "holds d/xgboost-model: an endpoint passes over what lies in a folder",
        ),
        (1, ("xgboost-model", "._xgboost-model"), "holds ._xgboost-model: an endpoint passes over what lies in a fol"),
        (
            1,
            ("xgboost-model", "__MACOSX/._xgboost-model"),
            "holds __MACOSX/._xgboost-model: an endpoint passes over wh",
        ),
        (1, ("xgboost-model", "README"), "holds README: an endpoint takes every file for a model and fails"),
        (1, ("XGBoost-Model",), "The artifact holds no file xgboost-model but XGBoost-Model."),
        (
            2,
            ("d/xgboost-model-0", "d/xgboost-model-1"),
            "lacks xgboost-model-0, xgboost-model-1 and has d/xgboost-model",
        ),
        (
            None,
            ("d/xgboost-model-0", "d/xgboost-model-1"),
            "The artifact holds no file xgboost-model but d/xgboost-mode",
        ),
        (None, ("xgboost-model-1",), "holds xgboost-model-1, as hyperparameter _kfold"),
        (
            10_000,
            ("xgboost-model-0",),
            "lacks xgboost-model-1, xgboost-model-10, xgboost-model-100, ",
        ),
    ],
)
def test_other_models_than_the_training_made_are_refused_by_name(
    tmp_path: Path, count: int | None, there: tuple[str, ...], told: str
) -> None:
    files = [tmp_path / name for name in there]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"{}")
    with pytest.raises(KickstandError) as refused:
        find_models(files, count, folder=tmp_path, where="s3://m")
    (problem,) = refused.value.problems
    assert told in problem.message
    assert (problem.where, len(problem.message) < 400) == ("s3://m", True)


def test_as_many_models_as_there_are_where_nobody_knows(tmp_path: Path) -> None:
    files = [tmp_path / f"xgboost-model-{fold}" for fold in (1, 0)]
    for file in files:
        file.write_bytes(b"{}")
    found = find_models(files, None, folder=tmp_path, where="")
    assert [file.name for file in found] == ["xgboost-model-0", "xgboost-model-1"]
    files[0].write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(KickstandError, match=r"^xgboost-model-1 is a Python pickle"):
        find_models(files, 2, folder=tmp_path, where="")
