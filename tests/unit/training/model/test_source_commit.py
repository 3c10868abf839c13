"""The commit that a release records."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from training.model.release_maker import source_commit


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in a folder of a repository, with one commit."""
    folder = tmp_path / "models" / "bikes"
    folder.mkdir(parents=True)
    (folder / "kickstand.toml").write_text("[project]\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return folder


def test_a_clean_repository_gives_its_commit(project: Path) -> None:
    assert source_commit(project, releases=project / "releases") == git(project, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["kickstand.toml", "new.csv", "../other.py"])
def test_any_change_in_the_repository_is_marked(project: Path, name: str) -> None:
    (project / name).write_text("changed")
    assert source_commit(project, releases=project / "releases") == f"{git(project, 'rev-parse', 'HEAD')}+changes"


def test_a_release_is_no_change_of_the_source(project: Path) -> None:
    (project / "releases").mkdir()
    (project / "releases" / "dev.json").write_text("{}")
    assert source_commit(project, releases=project / "releases") == git(project, "rev-parse", "HEAD")


def test_releases_may_be_kept_elsewhere(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("releases")
    assert source_commit(project, releases=elsewhere) == git(project, "rev-parse", "HEAD")


def test_outside_a_repository_there_is_none(tmp_path: Path) -> None:
    assert source_commit(tmp_path, releases=tmp_path) == ""


def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert source_commit(tmp_path, releases=tmp_path) == ""
