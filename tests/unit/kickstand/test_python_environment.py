"""Environments made on demand, of older images and of clients: which Python, and what is said where there is none."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from kickstand.errors import InputError, KickstandError
from kickstand.programs import LockedEnvironment, image_python, registry_settings
from kickstand.xgboost_container import XGBOOST
from localcloud.clients.environment import CLIENTS, client_python

REPOSITORY = Path(__file__).resolve().parents[3]
IMAGE_LOCKS = REPOSITORY / "kickstand" / "locks"
CLIENT_LOCKS = REPOSITORY / "localcloud" / "clients"
LOCKS = sorted([*IMAGE_LOCKS.glob("*.lock"), *CLIENT_LOCKS.glob("*.lock")])


def pins(lock: Path) -> dict[str, str]:
    """Package by name, with its version."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_the_projects_own_image_needs_no_environment(tmp_path: Path) -> None:
    assert image_python("3.2-0", cache=tmp_path) == Path(sys.executable)
    assert list(tmp_path.iterdir()) == []


def test_every_environment_has_a_lock() -> None:
    images = [version for version in XGBOOST if version != "3.2-0"]
    assert [lock.stem for lock in LOCKS] == [*sorted(images), *sorted(CLIENTS)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.stem))
def test_every_line_of_a_lock_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z])", text))
    assert "://" not in text


@pytest.mark.parametrize("version", [version for version in XGBOOST if version != "3.2-0"])
def test_an_images_lock_pins_its_xgboost(version: str) -> None:
    text = (IMAGE_LOCKS / f"{version}.lock").read_text()
    assert set(re.findall(r"^xgboost(?:-cpu)?==(\S+)", text, re.MULTILINE)) == {XGBOOST[version]}


def test_the_model_trainer_rides_on_the_projects_own_sdk() -> None:
    own, its = pins(REPOSITORY / "requirements.lock"), pins(CLIENT_LOCKS / "model-trainer.lock")
    shared = ("sagemaker-core", "boto3", "botocore")
    assert {name: its[name] for name in shared} == {name: own[name] for name in shared}
    assert its["sagemaker-train"] == "1.27.0"
    assert not {"mlflow", "torch"} & set(its)


def test_sdk_v2_comes_with_the_projects_own_botocore_and_without_what_notebooks_do_not_import() -> None:
    own, its = pins(REPOSITORY / "requirements.lock"), pins(CLIENT_LOCKS / "sdk-v2.lock")
    assert (its["boto3"], its["botocore"]) == (own["boto3"], own["botocore"])
    assert its["sagemaker"] == "2.257.7"
    assert not {"docker", "fastapi", "graphene", "pathos", "tblib", "uvicorn"} & set(its)


def test_an_environment_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def uv(_: LockedEnvironment, *arguments: str) -> None:
        calls.append(arguments[0])
        if arguments[0] == "venv":
            python = Path(arguments[-1], "bin", "python")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()

    monkeypatch.setattr(LockedEnvironment, "_uv", uv)
    first = image_python("3.0-5", cache=tmp_path)
    assert image_python("3.0-5", cache=tmp_path) == first
    assert (first.exists(), calls) == (True, ["venv", "pip"])
    assert [path.name for path in tmp_path.iterdir()] == [first.parents[1].name]


UNREACHABLE: list[Any] = [
    pytest.param(
        image_python,
        "3.0-5",
        "The environment of image 3.0-5 (xgboost 3.0.5) cannot be made: ",
        "It is needed once; image 3.2-0 needs none.",
        id="image",
    ),
    pytest.param(
        client_python,
        "model-trainer",
        "The environment of SageMaker's Python SDK with ModelTrainer cannot be made: ",
        "It is needed once.",
        id="client",
    ),
]


@pytest.mark.parametrize(("make", "name", "begins", "ends"), UNREACHABLE)
def test_an_unreachable_registry_is_told_and_leaves_nothing(
    make: Any, name: str, begins: str, ends: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with pytest.raises(KickstandError) as error:
        make(name, cache=tmp_path / "made")
    assert str(error.value).startswith(begins)
    assert str(error.value).endswith(f"Is the package registry reachable? {ends}")
    assert list((tmp_path / "made").iterdir()) == []


def test_another_client_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape("There is no client 'torch'. Use model-trainer or sdk-v2.")):
        client_python("torch", cache=tmp_path)


def test_only_the_registrys_settings_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os,
        "environ",
        {"UV_INDEX_URL": "a", "https_proxy": "b", "HOME": "h", "AWS_ACCESS_KEY_ID": "c", "PIPX": "d", "PATH": "e"},
    )
    assert registry_settings() == {"UV_INDEX_URL": "a", "https_proxy": "b", "HOME": "h"}
