"""The releases of an environment, one after the other, from git alone: who changed them, when, to which model.

An auditor's view: a commit whose release cannot be read is a part of the story, and is told as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kickstand.errors import InputError, Problem
from kickstand.git_file import GitFile
from kickstand.git_log import Commit
from kickstand.release import Release
from kickstand.release_file import parse_release
from kickstand.release_way import way


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit and the release in it: one of `release`, `problems` and (neither) deleted."""

    commit: Commit
    release: Release | None
    problems: tuple[str, ...] = ()
    """Why its release cannot be read."""


def history(file: GitFile) -> tuple[Revision, ...]:
    """Every commit that changed a release file, newest first. Raises KickstandError where git fails."""
    commits = file.commits()
    texts = file.texts([(commit.id, commit.path) for commit in commits])
    return tuple(revision(commit, text) for commit, text in zip(commits, texts, strict=True))


def revision(commit: Commit, text: str | None) -> Revision:
    """What a commit made of a release file; `text` is None where it deleted it."""
    if text is None:
        return Revision(commit, None)
    try:
        return Revision(commit, parse_release(text, Path(commit.path)))
    except InputError as error:
        return Revision(commit, None, tuple(problem.message for problem in error.problems))


def promoting_commits(revisions: tuple[Revision, ...]) -> dict[str, str]:
    """The commit that first brought each release of an environment, by the release's sha256."""
    return {one.release.sha256: one.commit.id for one in revisions if one.release is not None}


def returns(revisions: tuple[Revision, ...]) -> dict[str, str]:
    """The commits that went back to a release of before, each with the commit that had first brought that one.

    A merge is left out: what it brings, its branch had already.
    """
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    before = ""
    for one in reversed(revisions):
        digest = one.release.sha256 if one.release is not None else ""
        if digest and digest in first and digest != before and not one.commit.is_merge:
            found[one.commit.id] = first[digest]
        if digest:
            first.setdefault(digest, one.commit.id)
        before = digest
    return found


def validation_metric(release: Release) -> str:
    """`validation:rmse 0.29`, all that there are; those of training where nothing was validated."""
    for channel in ("validation:", "train:", ""):
        found = [f"{name} {value:.6g}" for name, value in sorted(release.metrics.items()) if name.startswith(channel)]
        if found:
            return ", ".join(found)
    return "none"


@dataclass(frozen=True, slots=True)
class History:
    """An environment's history and what it refers to."""

    revisions: tuple[Revision, ...]
    """Newest first; at least one."""
    sources: dict[str, str]
    """The commits that brought the releases of the other environments, by the release's sha256."""
    notes: tuple[str, ...]
    """What a reader must know: a working file that differs, a clone that lacks the older part."""


def environment_history(file: GitFile, path: Path, environments: Iterable[str]) -> History:
    """The whole history of the release at `path`, which is `file` in git.

    environments: all of the project; the releases on the way of a promoted one are looked for in theirs.
    Raises InputError where no commit has the release.
    """
    revisions = history(file)
    if not revisions:
        fix = f"Commit it: git add {path} && git commit" if path.exists() else f"Make it: kickstand fit {path.stem}."
        raise InputError(Problem(f"No commit has a release of {path.stem} yet.", str(path), fix))
    released = [one.release for one in revisions if one.release is not None]
    wanted = {step.promotion.environment for release in released for step in way(release)}
    sources: dict[str, str] = {}
    for name in (name for name in environments if name in wanted):
        sources |= promoting_commits(history(GitFile.of(path.with_name(f"{name}.json"))))
    return History(revisions, sources, tuple(_notes(file, path)))


def _notes(file: GitFile, path: Path) -> Iterator[str]:
    committed = file.text(file.head())
    try:
        working = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        working = None
    if working != committed:
        yield f"{path} in the working folder is not what HEAD has; it is in no commit yet (kickstand release diff)."
    if file.is_shallow():
        yield "This clone is shallow: older commits are missing from it. Fetch them: git fetch --unshallow"
