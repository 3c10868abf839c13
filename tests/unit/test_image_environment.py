"""The environments of older images: which Python, and what is said where one cannot be made."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from kickstand.errors import KickstandError
from training.image import environment
from training.image.environment import image_python, registry_settings
from training.image.versions import XGBOOST

LOCKS = Path(environment.__file__).with_name("locks")


def test_the_projects_own_image_needs_no_environment(tmp_path: Path) -> None:
    assert image_python("3.2-0", cache=tmp_path) == Path(sys.executable)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [version for version in XGBOOST if version != "3.2-0"])
def test_every_lock_pins_its_images_xgboost_with_hashes(version: str) -> None:
    text = (LOCKS / f"{version}.lock").read_text()
    assert set(re.findall(r"^xgboost(?:-cpu)?==(\S+)", text, re.MULTILINE)) == {XGBOOST[version]}
    blocks = re.split(r"\n(?=[a-z])", text)
    assert all("--hash=sha256:" in block for block in blocks)


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def uv(version: str, *arguments: str) -> None:
        calls.append(arguments[0])
        if arguments[0] == "venv":
            python = Path(arguments[-1], "bin", "python")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()

    monkeypatch.setattr(environment, "_uv", uv)
    first = image_python("3.0-5", cache=tmp_path)
    assert image_python("3.0-5", cache=tmp_path) == first
    assert (first.exists(), calls) == (True, ["venv", "pip"])
    assert [path.name for path in tmp_path.iterdir()] == [first.parents[1].name]


def test_an_unreachable_registry_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with pytest.raises(KickstandError) as error:
        image_python("3.0-5", cache=tmp_path / "images")
    assert str(error.value).startswith("The environment of image 3.0-5 (xgboost 3.0.5) cannot be made: ")
    assert str(error.value).endswith("Is the package registry reachable? It is needed once; image 3.2-0 needs none.")
    assert list((tmp_path / "images").iterdir()) == []


def test_only_the_registrys_settings_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os, "environ", {"UV_INDEX_URL": "a", "https_proxy": "b", "AWS_ACCESS_KEY_ID": "c", "PIPX": "d", "PATH": "e"}
    )
    assert registry_settings() == {"UV_INDEX_URL": "a", "https_proxy": "b"}
