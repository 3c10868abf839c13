"""The history of a release in real repositories: merges, moves, deletions, what cannot be read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from release_repository import Repository, made_for

from kickstand.errors import InputError, KickstandError
from kickstand.git import GitFile
from kickstand.release.file import write_release
from kickstand.release.history import Revision, environment_history, history, returns


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path)


def told(repository: Repository, name: str = "dev") -> list[tuple[str, str]]:
    """Subject and the first letter of the model's digest, newest first."""
    return [(one.commit.subject, letter(one)) for one in history(GitFile.of(repository.path(name)))]


def letter(one: Revision) -> str:
    if one.problems:
        return "unreadable"
    return one.release.artifact.sha256[0] if one.release else "deleted"


def test_each_commit_that_changed_the_release_is_there_newest_first(repository: Repository) -> None:
    repository.release(letter="a")
    first = repository.commit("Serve a")
    (repository.folder / "other.txt").write_text("not a release")
    repository.commit("Something else")
    repository.release(letter="b")
    repository.commit("Serve b", author="Grace Hopper")
    newest, oldest = history(GitFile.of(repository.path("dev")))
    assert newest.commit.subject == "Serve b"
    assert (newest.commit.author, newest.commit.email) == ("Grace Hopper", "grace@example.com")
    assert newest.commit.date == "2026-03-04T05:04:00+01:00"
    assert (oldest.commit.id, oldest.commit.path) == (first, "releases/dev.json")
    assert [letter(newest), letter(oldest)] == ["b", "a"]


def test_both_sides_of_a_merge_are_told(repository: Repository) -> None:
    """git's own simplified log would leave out what the merge did not keep."""
    repository.release(letter="a")
    repository.commit("Serve a")
    repository.git("switch", "-qc", "topic")
    repository.release(letter="b")
    repository.commit("Try b")
    repository.git("switch", "-q", "main")
    repository.release(letter="c")
    repository.commit("Serve c")
    repository.minutes += 1
    repository.git("merge", "-q", "-X", "ours", "-s", "ours", "-m", "Keep c", "topic")
    assert told(repository) == [("Keep c", "c"), ("Serve c", "c"), ("Try b", "b"), ("Serve a", "a")]


def test_a_merge_that_makes_a_release_of_its_own_is_told(repository: Repository) -> None:
    repository.release(letter="a")
    repository.commit("Serve a")
    repository.git("switch", "-qc", "topic")
    repository.release(letter="b")
    repository.commit("Serve b")
    repository.git("switch", "-q", "main")
    repository.minutes += 1
    repository.git("merge", "-q", "--no-ff", "--no-commit", "topic")
    repository.release(letter="d")
    repository.commit("Merge, and serve d")
    assert told(repository) == [("Merge, and serve d", "d"), ("Serve b", "b"), ("Serve a", "a")]


def test_a_moved_folder_is_followed(repository: Repository) -> None:
    repository.release(letter="a")
    repository.commit("Serve a")
    (repository.folder / "bikes").mkdir()
    repository.git("mv", "releases", "bikes/releases")
    repository.commit("Move the project")
    found = history(GitFile.of(repository.folder / "bikes" / "releases" / "dev.json"))
    assert [(one.commit.subject, one.commit.path, letter(one)) for one in found] == [
        ("Move the project", "bikes/releases/dev.json", "a"),
        ("Serve a", "releases/dev.json", "a"),
    ]


def test_a_promoted_release_does_not_continue_the_one_it_resembles(repository: Repository) -> None:
    source = repository.release(letter="a")
    repository.commit("Serve a in dev")
    repository.promote(source)
    repository.path("dev").unlink()
    repository.commit("Promote a, forget dev")
    assert told(repository, "staging") == [("Promote a, forget dev", "a")]
    assert told(repository, "dev") == [("Promote a, forget dev", "deleted"), ("Serve a in dev", "a")]


def test_a_release_that_cannot_be_read_is_told_and_not_fatal(repository: Repository) -> None:
    repository.release(letter="a")
    repository.commit("Serve a")
    text = repository.path("dev").read_text()
    repository.path("dev").write_text(text.replace("0.29", "0.19"))
    repository.commit("Improve the figures")
    repository.path("dev").write_text("<<<<<<< HEAD\n")
    repository.commit("Merge in a hurry")
    repository.path("dev").write_text(text.replace('"schema_version": 3', '"schema_version": 9'))
    repository.commit("From the future")
    future, hurry, improved, first = history(GitFile.of(repository.path("dev")))
    assert future.problems == ("The release is of schema version 9; this Kickstand reads 3.",)
    assert hurry.problems == ("Not JSON: Expecting value.",)
    assert improved.problems[0].startswith("The release was changed after it was written: its sha256 is ")
    assert letter(first) == "a"


def test_the_commit_that_brought_the_promoted_release_is_found(repository: Repository) -> None:
    source = repository.release(letter="a")
    brought = repository.commit("Serve a in dev")
    repository.release(letter="b")
    repository.commit("Serve b in dev")
    repository.promote(source)
    repository.commit("Promote a")
    told = environment_history(GitFile.of(repository.path("staging")), repository.path("staging"), ["dev", "staging"])
    assert told.sources[source.sha256] == brought
    assert told.notes == ()


def test_a_file_that_differs_from_the_commit_and_a_shallow_clone_are_noted(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in "ab":
        repository.release(letter=name)
        repository.commit(f"Serve {name}")
    clone = tmp_path_factory.mktemp("clone")
    subprocess.run(["git", "clone", "-q", "--depth=1", repository.folder.as_uri(), str(clone)], check=True)
    path = clone / "releases" / "dev.json"
    write_release(path, made_for("dev", "c"))
    told = environment_history(GitFile.of(path), path, ["dev"])
    assert [letter(one) for one in told.revisions] == ["b"]
    assert told.notes == (
        f"{path} in the working folder is not what HEAD has; it is in no commit yet (kickstand release diff).",
        "This clone is shallow: older commits are missing from it. Fetch them: git fetch --unshallow",
    )


@pytest.mark.parametrize("began", [True, False])
def test_a_release_in_no_commit(tmp_path: Path, began: bool) -> None:
    if began:
        Repository.make(tmp_path)
    else:
        Repository(tmp_path).git("init", "-q")
    path = tmp_path / "releases" / "dev.json"
    with pytest.raises(InputError) as caught:
        environment_history(GitFile.of(path), path, ["dev"])
    assert str(caught.value) == f"{path}: No commit has a release of dev yet. Make it: kickstand fit dev."
    write_release(path, made_for("dev", "a"))
    with pytest.raises(InputError, match=f"Commit it: git add {path} && git commit"):
        environment_history(GitFile.of(path), path, ["dev"])


def test_outside_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InputError) as caught:
        GitFile.of(tmp_path / "releases" / "dev.json")
    assert str(caught.value).startswith(
        f"{tmp_path / 'releases' / 'dev.json'}: No git repository can be read here, so it has no history: "
    )
    assert str(caught.value).endswith(" Keep the project in git: git init, then commit the release.")


def test_without_git(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository.folder))
    with pytest.raises(KickstandError, match="git is not installed") as caught:
        GitFile.of(repository.path("dev"))
    assert caught.value.exit_code == 1


def test_the_users_own_git_settings_change_nothing(repository: Repository) -> None:
    source = repository.release(letter="a")
    repository.commit("Serve a in dev")
    repository.promote(source)
    repository.path("dev").unlink()
    repository.commit("Promote a, forget dev")
    for setting in ("log.follow=true", "log.showSignature=true", "color.ui=always", "log.date=relative"):
        repository.git("config", *setting.split("="))
    repository.git("config", "diff.renames", "copies")
    assert told(repository, "staging") == [("Promote a, forget dev", "a")]


def test_a_return_is_told_and_a_merge_is_none(repository: Repository) -> None:
    """The merge brings what its branch had; going back to a is a return, also where a was deleted meanwhile."""
    repository.release(letter="a")
    first = repository.commit("Serve a")
    repository.git("switch", "-qc", "topic")
    repository.release(letter="b")
    repository.commit("Promote b")
    repository.git("switch", "-q", "main")
    repository.release(letter="c")
    repository.commit("Serve c")
    repository.minutes += 1
    repository.git("merge", "-q", "-X", "theirs", "-m", "Merge b", "topic")
    assert told(repository)[0] == ("Merge b", "b")
    assert returns(history(GitFile.of(repository.path("dev")))) == {}
    repository.path("dev").unlink()
    repository.commit("Delete it")
    repository.release(letter="a")
    back = repository.commit("Back to a")
    assert returns(history(GitFile.of(repository.path("dev")))) == {back: first}
