"""One file in a git repository: its commits, its text in each, whether it is committed as it is.

git is run by `GitFile`; `parse_log`, `moved_from` and `parse_blobs` read what it prints, and are pure.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kickstand.errors import InputError, KickstandError, Problem

LOG_FORMAT = "%H%x00%an%x00%ae%x00%aI%x00%cn%x00%cI%x00%P%x00%s"
"""Eight fields, which git ends with a NUL each under -z: no name and no subject can hold one."""

_FIELDS = LOG_FORMAT.count("%x00") + 1


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit that changed a file. Times are ISO 8601 with the zone of whoever made it."""

    id: str
    author: str
    email: str
    date: str
    """When the author made the change."""
    committer: str
    """Who put it into this history: the author, or who merged it."""
    committed: str
    """When that was."""
    parents: str
    """The ids of the commits that it follows, with spaces between; several: it is a merge."""
    subject: str
    path: str
    """The file's name at that time, from the top of the repository."""

    @property
    def is_merge(self) -> bool:
        return " " in self.parents


def parse_log(output: bytes, path: str) -> tuple[Commit, ...]:
    """The commits of `git log -z --format=tformat:LOG_FORMAT`, in its order."""
    fields = output.decode("utf-8", "replace").split("\0")
    rows = [fields[start : start + _FIELDS] for start in range(0, len(fields) - 1, _FIELDS)]
    return tuple(Commit(*[*row, path]) for row in rows)


def moved_from(output: bytes, path: str) -> str | None:
    """The former name of a file in `git show -z -M --name-status`, where only its folder changed; else None."""
    fields = output.decode("utf-8", "replace").split("\0")
    for status, former, new in zip(fields, fields[1:], fields[2:], strict=False):
        if status.strip()[:1] == "R" and status.strip()[1:].isdigit() and new == path:
            return former if PurePosixPath(former).name == PurePosixPath(path).name else None
    return None


def parse_blobs(output: bytes, count: int) -> list[str | None]:
    """The files of `git cat-file --batch`, in the order in which `count` were asked for; None for what is no file."""
    found: list[str | None] = []
    place = 0
    for _ in range(count):
        end = output.index(b"\n", place)
        header, place = output[place:end], end + 1
        if header.endswith((b" missing", b" ambiguous")):
            found.append(None)
            continue
        _, kind, size = header.rsplit(b" ", 2)
        text, place = output[place : place + int(size)], place + int(size) + 1
        found.append(text.decode("utf-8", "replace").replace("\r\n", "\n") if kind == b"blob" else None)
    return found


@dataclass(frozen=True, slots=True)
class GitFile:
    """A file's place in a repository; the file itself need not exist now."""

    folder: Path
    """The top of the repository's working tree; git is run in it."""
    path: str
    """The file as git names it: from the top of the repository, with slashes."""

    @classmethod
    def of(cls, file: Path) -> GitFile:
        """InputError where the file is in no git repository; KickstandError where there is no git."""
        folder = file.parent.resolve()
        while not folder.is_dir():
            folder = folder.parent
        printed, complaint = _git(folder, "rev-parse", "--show-toplevel", "--show-prefix")
        if printed is None:
            message = f"No git repository can be read here, so it has no history: {complaint}."
            raise InputError(Problem(message, str(file), "Keep the project in git: git init, then commit the release."))
        below = file.parent.resolve().relative_to(folder).joinpath(file.name).as_posix()
        top, prefix = _line(printed).split("\n", 1) if b"\n" in printed.rstrip(b"\n") else (_line(printed), "")
        return cls(Path(top), prefix + below)

    def commit(self, revision: str) -> str:
        """The full id of a commit, by any name that git knows.

        Raises InputError where there is none.
        """
        found = self._find(revision)
        if not found:
            raise InputError(Problem(f"git knows no commit {revision!r}.", str(self.folder), "See: git log --oneline"))
        return found

    def head(self) -> str:
        """The full id of the commit that is checked out; empty before the first one."""
        return self._find("HEAD")

    def is_shallow(self) -> bool:
        """Whether the clone lacks the older part of the history."""
        return _line(self._text("rev-parse", "--is-shallow-repository")) == "true"

    def commits(self) -> tuple[Commit, ...]:
        """Every commit reachable from HEAD that changed the file, newest first.

        Those on both sides of a merge are there, and the merge itself.
        Where its folder was moved it is followed, under its own file name: git's --follow takes any similar file
        for the former one, and a promoted release is similar to that of another environment.
        """
        found: list[Commit] = []
        start, path = self.head(), self.path
        while start:
            part = parse_log(self._log(start, path), path)
            found += part
            if not part:
                break
            first = part[-1].id
            names = self._text("show", "--format=", "-z", "-M", "--name-status", "--diff-filter=R", first)
            former = moved_from(names, path)
            if former is None:
                break
            start, path = f"{first}^", former
        return tuple(found)

    def mainline(self) -> frozenset[str]:
        """The ids of HEAD's own commits: of a merge its first parent is followed, and not what was merged."""
        head = self.head()
        return frozenset(_line(self._text("rev-list", "--first-parent", head)).split()) if head else frozenset()

    def text(self, commit: str) -> str | None:
        """The file in a commit: see `texts`."""
        (found,) = self.texts([(commit, self.path)])
        return found

    def texts(self, places: list[tuple[str, str]]) -> list[str | None]:
        """The file's text in each (commit, path); None where the commit does not have it as a file.

        Bytes that are no UTF-8 become U+FFFD, which no release holds.
        """
        if not places:
            return []
        requested = "".join(f"{commit}:{path}\n" for commit, path in places)
        return parse_blobs(self._text("cat-file", "--batch", given=requested.encode()), len(places))

    def _log(self, start: str, path: str) -> bytes:
        options = ["--full-history", "--date-order", "--no-show-signature", "--no-color", "--no-follow"]
        return self._text("log", "-z", f"--format=tformat:{LOG_FORMAT}", *options, start, "--", path)

    def _find(self, revision: str) -> str:
        found, _ = _git(self.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return _line(found or b"")

    def _text(self, *words: str, given: bytes = b"") -> bytes:
        said, complaint = _git(self.folder, *words, given=given)
        if said is None:
            raise KickstandError(Problem(f"git {words[0]} failed: {complaint}.", str(self.folder)))
        return said


def _git(folder: Path, *words: str, given: bytes = b"") -> tuple[bytes | None, str]:
    """What git printed, None where it failed; and its complaint."""
    always = ["--no-optional-locks", "--no-replace-objects", "--literal-pathspecs", "--no-pager"]
    settings = ["-c", "i18n.logOutputEncoding=UTF-8", "-c", "core.quotePath=false"]
    command = ["git", "-C", str(folder), *always, *settings, *words]
    try:
        ended = subprocess.run(
            command, input=given, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except FileNotFoundError:
        raise KickstandError(Problem("The history of a release is in git, and git is not installed.")) from None
    lines = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    complaint = (lines[0] if lines else f"exit code {ended.returncode}").removeprefix("fatal: ").rstrip(".")
    return (ended.stdout if ended.returncode == 0 else None), complaint


def _line(output: bytes) -> str:
    return output.decode("utf-8", "replace").rstrip("\n")
