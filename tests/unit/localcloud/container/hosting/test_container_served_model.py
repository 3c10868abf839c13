"""Model files: what is loaded, what is refused by name, and ensembles of several."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import xgboost
from serving_face import FEATURES, ROW, ask, face, model, objective_model
from training_folder import text

from localcloud.container.contract import UserError
from localcloud.container.hosting.served_model import ServedModel, TooManyFeaturesError, find_models


class _Exploit:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("unpickled",)


@pytest.mark.contract("H74")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps(_Exploit()), "is a pickle: opening it, as AWS's image does, runs any program that is in it"),
        (pickle.dumps(_Exploit(), protocol=0), "cannot be loaded"),
        (b"junk", "cannot be loaded"),
        (b"", "cannot be loaded"),
        (b"{", "cannot be loaded"),
        (b"{}", "cannot be loaded"),
        (b"binf" + bytes(200), "cannot be loaded"),
    ],
)
def test_a_file_that_is_no_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/xgboost-model").write_bytes(content)
    with pytest.raises(UserError, match=words):
        ServedModel(find_models(tmp_path / "model"), threads=1)
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.contract("H74")
def test_a_model_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file, booster = model(tmp_path)
    whole = bytes(booster.save_raw("ubj"))
    for size in range(1, len(whole), len(whole) // 40):
        if not whole[:size].endswith(b"}"):
            file.write_bytes(whole[:size])
            with pytest.raises(UserError, match=r"xgboost-model cannot be loaded:\nThe file is cut off"):
                ServedModel(file, threads=1)


@pytest.mark.contract("V05")
@pytest.mark.parametrize("form", ["ubj", "json"])
def test_a_model_of_a_newer_xgboost_than_the_images_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    file, booster = model(tmp_path)
    file.write_bytes(booster.save_raw(form))
    monkeypatch.setattr("localcloud.container.hosting.served_model.image_version", lambda: "1.7-1")
    with pytest.raises(UserError) as error:
        ServedModel(file, threads=1)
    assert str(error.value) == (
        f"UserError: Model at {file} cannot be loaded:\nThe model was saved by xgboost 3.2.0; image 1.7-1 has xgboost "
        "1.7.4, which cannot read it: it opens the file and predicts from wrong numbers. Train it with image 1.7-1, or "
        "serve it with the image that it was trained with."
    )


def test_a_model_saved_as_json_is_loaded_too(tmp_path: Path) -> None:
    file, booster = model(tmp_path)
    file.write_bytes(booster.save_raw("json"))
    expected = booster.predict(xgboost.DMatrix(FEATURES[:4])).tolist()
    assert ServedModel(file, threads=1).predict_matrix(FEATURES[:4].astype(np.float32)).values() == expected


@pytest.mark.contract("H70", "H73", "H74")
def test_model_files_are_those_in_the_folder_without_a_dot(tmp_path: Path) -> None:
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(UserError, match="No model file in"):
            find_models(folder)
    for name in ("xgboost-model-1", "xgboost-model-0", ".DS_Store"):
        (tmp_path / name).touch()
    (tmp_path / "code").mkdir()
    (tmp_path / "code/inference.py").touch()
    assert find_models(tmp_path) == [tmp_path / "xgboost-model-0", tmp_path / "xgboost-model-1"]
    assert find_models(tmp_path, ensemble=False) == [tmp_path / "xgboost-model-0"]


@pytest.mark.contract("H71")
@pytest.mark.parametrize("objective", ["reg:squarederror", "binary:logistic", "multi:softprob"])
def test_several_models_are_averaged(tmp_path: Path, objective: str) -> None:
    made = [objective_model(tmp_path, objective, name=f"xgboost-model-{fold}", seed=fold) for fold in range(3)]
    mean = np.mean([booster.predict(xgboost.DMatrix(FEATURES)) for _, booster in made], axis=0)
    lines = [",".join(map(str, np.atleast_1d(row).tolist())) for row in mean]
    application = face(*(file for file, _ in made))
    assert ask(application, text(FEATURES).encode())[2].decode().splitlines() == lines
    assert ask(application, text(FEATURES[:1]).encode())[2].decode().splitlines() == lines[:1]


@pytest.mark.contract("H72")
@pytest.mark.parametrize("objective", ["multi:softmax", "binary:hinge"])
def test_classes_are_voted_for_and_the_smallest_wins_a_tie(tmp_path: Path, objective: str) -> None:
    made = [objective_model(tmp_path, objective, name=f"xgboost-model-{fold}", seed=fold) for fold in range(4)]
    ballots = np.stack([booster.predict(xgboost.DMatrix(FEATURES)) for _, booster in made]).astype(int)
    expected = [float(np.bincount(ballots[:, row]).argmax()) for row in range(len(FEATURES))]
    answer = ask(face(*(file for file, _ in made)), text(FEATURES).encode())[2].decode()
    assert [float(line) for line in answer.splitlines()] == expected
    assert len({tuple(row) for row in ballots.tolist()}) > 1


@pytest.mark.contract("H75")
def test_models_that_predict_different_things_are_no_ensemble(tmp_path: Path) -> None:
    files = [objective_model(tmp_path, name, name=name[-4:])[0] for name in ("reg:squarederror", "multi:softprob")]
    with pytest.raises(UserError, match=r"rror \(reg:squarederror, 0 classes\) and prob \(multi:softprob, 3 classes\)"):
        ServedModel(files, threads=1)


def test_an_ensemble_takes_no_more_features_than_its_narrowest_model(tmp_path: Path) -> None:
    wide, booster = model(tmp_path)
    narrow = xgboost.train({}, xgboost.DMatrix(FEATURES[:, :3], label=FEATURES[:, 0] > 0), 2)
    (tmp_path / "narrow").write_bytes(narrow.save_raw("ubj"))
    served = ServedModel([wide, tmp_path / "narrow"], threads=1)
    with pytest.raises(TooManyFeaturesError, match=r"\(3 vs\. 4\)"):
        served.check_width(4)
    rows = FEATURES[:5, :3].astype(np.float32)
    padded = np.hstack([rows, np.full((5, 1), np.nan, dtype=np.float32)])
    both = [booster.predict(xgboost.DMatrix(padded)), narrow.predict(xgboost.DMatrix(rows))]
    assert served.predict_matrix(rows).values() == np.mean(both, axis=0).tolist()
    assert served.predict(rows.tobytes(), 5).values() == np.mean(both, axis=0).tolist()


@pytest.mark.contract("H73", "H86")
def test_the_first_model_answers_alone_where_no_ensemble_is_asked_for(tmp_path: Path) -> None:
    made = [model(tmp_path, name=f"xgboost-model-{fold}", seed=fold) for fold in range(2)]
    files = find_models(tmp_path, ensemble=False)
    row = np.array([[float(cell) for cell in ROW.split(b",")]])
    alone = made[0][1].predict(xgboost.DMatrix(row)).tolist()[0]
    assert ask(face(*files), ROW)[2].decode() == f"{alone}\n"
