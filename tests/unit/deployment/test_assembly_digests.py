"""Which environments a commit changes: said in the project's order, by digests, without a guess."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from project_files import SMALLEST, write
from typer.testing import CliRunner

from cli.commands import app
from deployment import assembly_digests
from deployment.assembly_digests import SETUP_FILES, Tree, digests_of_commit, same_setup
from kickstand.errors import KickstandError

TWO = SMALLEST + '[environments.prod]\naccount = "777788889999"\nregion = "us-east-1"\n'
COMMIT_BY = ["-c", "user.name=a", "-c", "user.email=a@b"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose synthesis is its environments' releases, as text, for their digest."""

    def synthesise(self: Tree, environment: str, config: Path, releases: Path, out: Path) -> str:
        if not config.exists():
            raise KickstandError("The synthesis failed.")
        release = releases / f"{environment}.json"
        return release.read_text() if release.exists() else "none"

    monkeypatch.setattr(Tree, "synthesise", synthesise)
    monkeypatch.setattr(assembly_digests, "REPOSITORY", tmp_path)
    (tmp_path / "train.csv").write_text("1,2\n")
    git(tmp_path, "init", "-q")
    commit(tmp_path, "before there was a project")
    write(tmp_path, TWO)
    commit(tmp_path, "the project")
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "prod.json").write_text("model")
    commit(tmp_path, "a model for prod")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *COMMIT_BY, *words], check=True, capture_output=True, text=True)
    return done.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def told(project: Path, since: str) -> dict[str, Any]:
    words = ["--config", str(project / "kickstand.toml"), "assembly", "--json", "--since", since]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_only_the_environment_whose_assembly_is_another_changed(project: Path) -> None:
    assert told(project, "HEAD") == {"assemblies": {"dev": "none", "prod": "model"}, "changed": []}
    assert told(project, "HEAD~1")["changed"] == ["prod"]
    assert git(project, "worktree", "list").count("\n") == 1
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize("since", ["0" * 40, "HEAD~2"])
def test_without_a_project_before_everything_changed(project: Path, since: str) -> None:
    assert told(project, since)["changed"] == ["dev", "prod"]


def test_other_lock_files_are_set_up_for_themselves(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "requirements.lock").write_text("aws-cdk-lib==3")
    set_up: list[tuple[list[str], Path]] = []

    def run(command: list[str], *, cwd: Path, env: Any) -> int:
        set_up.append((command, cwd))
        return 0

    monkeypatch.setattr(assembly_digests, "run_child", run)
    said: list[str] = []
    digests_of_commit("HEAD", ["dev"], project / "kickstand.toml", say=said.append)
    assert [command for command, _ in set_up] == [["make", "--silent", "setup"]]
    assert "has other lock files" in said[0]


@pytest.mark.parametrize("name", SETUP_FILES)
def test_each_lock_file_counts(tmp_path: Path, name: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / name).write_text("same")
    assert same_setup(one, other)
    (other / name).write_text("another")
    assert not same_setup(one, other)
