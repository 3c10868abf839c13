"""Set-up is done again exactly when something that it depends on has changed, and never half-trusted."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "setup.py"


@pytest.fixture
def clone(tmp_path: Path) -> Any:
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


def test_a_finished_setup_is_trusted(clone: Any) -> None:
    assert clone.is_done(clone.wanted_stamp())


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-uv.lock", "package-lock.json", "pyproject.toml"])
def test_a_changed_input_asks_for_another(clone: Any, name: str) -> None:
    with (clone.ROOT / name).open("a") as stream:
        stream.write("\n")
    assert not clone.is_done(clone.wanted_stamp())


def test_a_moved_clone_asks_for_another(clone: Any, tmp_path: Path) -> None:
    before = clone.wanted_stamp()
    clone.ROOT = Path(shutil.copytree(clone.ROOT, tmp_path.parent / f"{tmp_path.name}-moved"))
    assert clone.wanted_stamp() != before


@pytest.mark.parametrize("lost", [".venv/setup.stamp", ".venv/bin/node", "node_modules/aws-cdk/bin/cdk"])
def test_what_an_interrupt_left_is_not_trusted(clone: Any, lost: str) -> None:
    (clone.ROOT / lost).unlink()
    assert not clone.is_done(clone.wanted_stamp())


def test_the_stamp_goes_before_the_first_step_and_comes_after_the_last(
    clone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(clone, "run", lambda *words, step: seen.append(clone.STAMP.exists()))
    clone.set_up("the stamp")
    assert seen == [False] * 5
    assert clone.STAMP.read_text() == "the stamp"


def test_the_environment_is_never_made_of_a_link_of_its_own(clone: Any, tmp_path: Path) -> None:
    """What an interrupted `venv --clear` leaves is a bare link to the machine's Python, first on an activated path."""
    link = clone.VENV / "bin" / "python3"
    link.symlink_to(sys.executable)
    assert clone.machine_python(link) == Path(sys.executable).resolve()
    assert clone.machine_python(tmp_path / "python3") == tmp_path / "python3"


def test_the_clone_is_named_to_the_environment_in_ascii(clone: Any, tmp_path: Path) -> None:
    """Python reads the installer's own absolute path in the locale's encoding: `LC_ALL=C` and an ö, and it is dead."""
    clone.ROOT = tmp_path / "pröjekt"
    clone.VENV = clone.ROOT / ".venv"
    link = clone.VENV / "lib/python3.11/site-packages/_kickstand.pth"
    link.parent.mkdir(parents=True)
    link.write_text(str(clone.ROOT), "utf-8")
    clone.write_link()
    assert link.read_bytes() == b"../../../..\n"
    assert (link.parent / link.read_text("ascii").strip()).resolve() == clone.ROOT.resolve()


@pytest.mark.parametrize(
    ("name", "what"),
    [("a\nb", "a newline"), ("a:b", "a ':'"), ('a"b', "a double quote"), ("a\rb:c", "a carriage return and a ':'")],
)
def test_a_folder_that_the_tools_cannot_name_is_refused(clone: Any, tmp_path: Path, name: str, what: str) -> None:
    clone.ROOT = tmp_path / name
    assert clone.path_problem() == f"the path of this clone has {what} in it: {str(clone.ROOT)!r}"


@pytest.mark.parametrize("name", ["plain", "two words", "pröjekt", "it's", "$HOME", "(a)&b"])
def test_any_other_folder_is_fine(clone: Any, tmp_path: Path, name: str) -> None:
    clone.ROOT = tmp_path / name
    assert clone.path_problem() == ""


LOCKED = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r"]


def test_a_lock_is_installed_by_its_hashes_and_from_wheels_alone(clone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source distribution runs a program of its own when it is built, before anybody has looked at it."""
    commands: list[list[str]] = []
    monkeypatch.setattr(clone, "run", lambda *words, step: commands.append([*map(str, words)]))
    clone.set_up("the stamp")
    locks = [(words[-6:-1], words[-1]) for words in commands if "-r" in words]
    assert locks == [(LOCKED, "requirements-uv.lock"), (LOCKED, "requirements.lock")]


def test_no_other_installation_leaves_that_away() -> None:
    """In programs, in the Makefile and in the workflows that `init` writes."""
    found = []
    for file in [SCRIPT.parents[1] / "Makefile", *_programs()]:
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if re.search(r"--require-hashes|uv run|pip3? install", line) and not re.search(
                r"--only-binary|--no-build", line
            ):
                found.append(f"{file.name}:{number}: {line.strip()}")
    assert found == []


def _programs() -> Iterator[Path]:
    product = ("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "cli", "localcloud")
    for folder in (*product, "acceptance", "scripts", "benchmarks"):
        for ending in ("*.py", "*.yml"):
            yield from sorted((SCRIPT.parents[1] / folder).rglob(ending))
