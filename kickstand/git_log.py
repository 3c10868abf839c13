"""What git prints, read: a log, a commit's renames, a batch of files. Pure; git itself is run in `git_file.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

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
