"""What a release is compared with: one of another environment, file or commit, or the one before."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from kickstand.config.model import EnvironmentName, Project
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.git_file import GitFile
from kickstand.json_text import read_bounded
from kickstand.release import Release
from kickstand.release_file import parse_release, read_release, release_path
from kickstand.release_history import history


def named_release(source: str, path: Path, project: Project) -> tuple[str, Release]:
    """The release that a user names, and how to call it.

    source: an environment of the project (its release is beside `path`), else a file, else a commit (with the
    release that stood at `path` then). Raises InputError where it is none of them, or its release is not right.
    """
    other = project.environments.get(cast("EnvironmentName", source))
    if other is not None:
        beside = release_path(path.parent, other.name)
        return str(beside), read_release(beside, other)
    if Path(source).is_file():
        return source, _read_anywhere(Path(source))
    try:
        file = GitFile.of(path)
        commit = file.commit(source)
    except KickstandError as error:
        message = f"{source!r} is no environment of the project, no file, and no commit that git knows here."
        known = ", ".join(project.environments)
        fix = f"Name one of the environments ({known}), a release file, or a commit (git log --oneline)."
        raise InputError(Problem(message, fix=fix)) from error
    text = file.text(commit)
    if text is None:
        raise InputError(Problem(f"The commit {source} has no {file.path}.", fix=_see_history(path)))
    return f"{source}:{file.path}", _committed(text, f"{source}:{file.path}")


def earlier_release(path: Path, release: Release) -> tuple[str, Release]:
    """The release that `release`, the one in the working folder, takes the place of, and how to call it.

    That of HEAD; where it is the very same, the last other one in the history that can be read.
    Raises InputError where there is none.
    """
    name = path.stem
    file = GitFile.of(path)
    head = file.head()
    text = file.text(head) if head else None
    if text is not None:
        committed = _committed(text, f"HEAD:{file.path}")
        if committed.sha256 != release.sha256:
            return f"HEAD:{file.path}", committed
    for one in history(file):
        if one.release is not None and one.release.sha256 != release.sha256:
            return f"{one.commit.id[:12]}:{one.commit.path}", one.release
    message = f"git has no other release of {name} to compare this one with: it is the first."
    raise InputError(Problem(message, str(path), "Compare it with a file or an environment: --from FILE, --from ENV."))


def _read_anywhere(path: Path) -> Release:
    try:
        text = read_bounded(path).decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise InputError(Problem(f"The release cannot be read: {error.strerror or error}.", str(path))) from None
    except UnicodeDecodeError:
        raise InputError(Problem("The release is not UTF-8 text.", str(path))) from None
    return _committed(text, str(path))


def _committed(text: str, place: str) -> Release:
    """A release that is only looked at: what is wrong with it is told without the mend for a working file."""
    try:
        return parse_release(text, Path(place))
    except InputError as error:
        raise InputError(*(Problem(problem.message, place) for problem in error.problems)) from None


def _see_history(path: Path) -> str:
    return f"See: kickstand release history {path.stem}"
