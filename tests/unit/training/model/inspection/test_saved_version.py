"""Which xgboost saved a model, told from its bytes, and the images that must not serve it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost

from kickstand.errors import KickstandError
from kickstand.xgboost_container import XGBOOST, image_of, newer_than, version_of
from training.model.inspection.archive import reading_image, require_readable, saved_by


def _ubj(*version: int) -> bytes:
    members = b"".join(b"i" + bytes([part]) if part < 128 else b"I" + part.to_bytes(2, "big") for part in version)
    return b"{L\0\0\0\0\0\0\0\x07learner{}L\0\0\0\0\0\0\0\x07version[#L\0\0\0\0\0\0\0\x03" + members + b"}"


def _model(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "xgboost-model"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("form", ["ubj", "json"])
def test_a_model_says_which_xgboost_saved_it(tmp_path: Path, form: str) -> None:
    rows = np.arange(12.0).reshape(6, 2)
    booster = xgboost.train({}, xgboost.DMatrix(rows, label=rows[:, 0]), 1)
    model = _model(tmp_path, bytes(booster.save_raw(form)))
    assert saved_by(model) == (3, 2, 0)
    assert reading_image(model) == "3.2-0"
    require_readable(model, "3.2-0", where="s3://model")


@pytest.mark.parametrize(
    ("content", "version", "image"),
    [
        (_ubj(1, 7, 4), (1, 7, 4), "1.7-1"),
        (_ubj(3, 0, 2), (3, 0, 2), "3.0-5"),
        (_ubj(3, 200, 1), (3, 200, 1), "3.2-0"),
        (b'{"learner":{},"version":[3, 0, 5]}\n', (3, 0, 5), "3.0-5"),
        (b"binf\0\0\0\x3f", None, "1.7-1"),
        (b"", None, "3.2-0"),
        (b'{"version":[1,7,4],"learner":{}}', None, "3.2-0"),
    ],
)
def test_a_model_is_read_by_the_xgboost_that_saved_it(
    tmp_path: Path, content: bytes, version: tuple[int, ...] | None, image: str
) -> None:
    model = _model(tmp_path, content)
    assert (saved_by(model), reading_image(model)) == (version, image)


@pytest.mark.contract("V05")
@pytest.mark.parametrize(
    ("content", "image", "message"),
    [
        (
            _ubj(3, 2, 0),
            "3.0-5",
            "s3://m: The model was saved by xgboost 3.2.0; image 3.0-5 has xgboost 3.0.5, which cannot read it: it "
            "opens the file and predicts from wrong numbers. Train it with image 3.0-5, or serve it with the image "
            "that it was trained with.",
        ),
        (
            b"binf\0\0\0\x3f",
            "3.2-0",
            "s3://m: The model has the binary format of xgboost before 3.1, which image 3.2-0 cannot read. Train it "
            "again with image 3.2-0.",
        ),
    ],
)
def test_a_model_that_its_image_cannot_read_is_refused(
    tmp_path: Path, content: bytes, image: str, message: str
) -> None:
    with pytest.raises(KickstandError) as error:
        require_readable(_model(tmp_path, content), image, where="s3://m")
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("content", "image"),
    [(_ubj(1, 7, 4), "3.2-0"), (_ubj(3, 0, 9), "3.0-5"), (b"binf\0", "3.0-5"), (b"binf\0", "1.7-1")],
)
def test_older_models_and_those_of_the_image_itself_are_readable(tmp_path: Path, content: bytes, image: str) -> None:
    require_readable(_model(tmp_path, content), image, where="s3://m")


@pytest.mark.contract("V01")
def test_images_and_their_versions() -> None:
    assert {image_of(xgboost): image for image, xgboost in XGBOOST.items()} == {image: image for image in XGBOOST}
    assert version_of("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1") == "1.7-1"
    assert version_of("localhost:5000/sagemaker-xgboost") == "3.2-0"
    assert newer_than((3, 1, 0), "3.0-5")
    assert not newer_than((3, 0, 9), "3.0-5")
