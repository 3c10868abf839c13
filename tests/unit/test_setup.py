"""Set-up is done again exactly when something that it depends on has changed, and never half-trusted."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "setup.py"


@pytest.fixture
def clone(tmp_path: Path) -> ModuleType:
    """The set-up script in a clone of its own, which looks as if a set-up had just ended."""
    for name in ("requirements-uv.lock", "requirements.lock", "package.json", "package-lock.json", "pyproject.toml"):
        shutil.copy(SCRIPT.parents[1] / name, tmp_path / name)
    (tmp_path / "scripts").mkdir()
    copy = shutil.copy(SCRIPT, tmp_path / "scripts" / "setup.py")
    spec = importlib.util.spec_from_file_location("clone_setup", copy)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for made in (".venv/bin/python", ".venv/bin/kickstand", ".venv/bin/node", "node_modules/aws-cdk/bin/cdk"):
        (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / made).touch()
    script.STAMP.write_text(script.wanted_stamp())
    return script


def test_a_finished_setup_is_trusted(clone: ModuleType) -> None:
    assert clone.is_done(clone.wanted_stamp())


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-uv.lock", "package-lock.json", "pyproject.toml"])
def test_a_changed_input_asks_for_another(clone: ModuleType, name: str) -> None:
    with (clone.ROOT / name).open("a") as stream:
        stream.write("\n")
    assert not clone.is_done(clone.wanted_stamp())


def test_a_moved_clone_asks_for_another(clone: ModuleType, tmp_path: Path) -> None:
    before = clone.wanted_stamp()
    clone.ROOT = Path(shutil.copytree(clone.ROOT, tmp_path.parent / f"{tmp_path.name}-moved"))
    assert clone.wanted_stamp() != before


@pytest.mark.parametrize("lost", [".venv/setup.stamp", ".venv/bin/node", "node_modules/aws-cdk/bin/cdk"])
def test_what_an_interrupt_left_is_not_trusted(clone: ModuleType, lost: str) -> None:
    (clone.ROOT / lost).unlink()
    assert not clone.is_done(clone.wanted_stamp())


def test_the_stamp_goes_before_the_first_step_and_comes_after_the_last(
    clone: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(clone, "run", lambda *words, step: seen.append(clone.STAMP.exists()))
    clone.set_up("the stamp")
    assert seen == [False] * 5
    assert clone.STAMP.read_text() == "the stamp"


def test_the_environment_is_never_made_of_a_link_of_its_own(clone: ModuleType, tmp_path: Path) -> None:
    """What an interrupted `venv --clear` leaves is a bare link to the machine's Python, first on an activated path."""
    link = clone.VENV / "bin" / "python3"
    link.symlink_to(sys.executable)
    assert clone.machine_python(link) == Path(sys.executable).resolve()
    assert clone.machine_python(tmp_path / "python3") == tmp_path / "python3"
