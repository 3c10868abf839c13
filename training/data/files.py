"""The files of a channel on this machine, what the data check found in them, and the channel's place in the bucket.

The place is `data/<sha256>/<channel>/<file>`. The prefix holds the digest of what is below it, so a job that read the
prefix proves which data it had.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kickstand.bucket import channel_prefix
from kickstand.errors import Problem
from kickstand.release.model import Channel, DataFile

DEEPEST = 2
"""Folders below a channel's own, which is the first of the three that the container follows
(`data_utils._make_symlinks_from_a_folder`, whose depth begins at 1)."""
_LONGEST_KEY = 1024
"""Bytes of an object's key in S3."""
_LEFTOVER = re.compile(
    r".*~|~\$.*|#.*#|.*\.(?:bak|backup|tmp|temp|swp|swo|orig|rej|old|crc|crdownload|partial)|thumbs\.db|desktop\.ini",
    re.IGNORECASE,
)
"""Names that editors, browsers and file managers give to copies and unfinished files."""


def channel_files(
    channel: str, path: Path, where: str = "", show: Callable[[Path], str] = str
) -> tuple[list[tuple[str, Path]], list[Problem]]:
    """The (name, path) of every file of a channel, sorted by name, and the problems. Marks such as _SUCCESS are none.

    path:  a file, whose name is kept, or a folder, whose files are named by their path below it.
    where: the setting that names the path.
    show:  how a path is written in messages.
    """
    if path.is_file():
        return [(path.name, path)], _wrong_name(channel, path.name, show(path))
    if not path.is_dir():
        return [], [_no_file(show(path)) if path.exists() else _missing(channel, path, where, show)]
    found: list[tuple[str, Path]] = []
    problems: list[Problem] = []

    def unreadable(error: OSError) -> None:
        message = f"The folder cannot be read: {error.strerror}."
        problems.append(Problem(message, show(Path(str(error.filename))), "Its files would be missing."))

    for folder, folders, names in os.walk(path, onerror=unreadable):
        here = Path(folder)
        below = here.relative_to(path)
        if wrong := _wrong_folder(here, below, show):
            problems += wrong
            folders.clear()
            continue
        problems += [_link(show(here / name)) for name in folders if (here / name).is_symlink()]
        for name in names:
            file = here / name
            if not file.is_file():
                problems.append(_no_file(show(file)))
            elif not (name.startswith("_") and not file.stat().st_size):
                # Spark's _SUCCESS: no data, and AWS's container may take it for the first file of a CSV
                problems += _wrong_name(channel, (below / name).as_posix(), show(file))
                found.append(((below / name).as_posix(), file))
    if not found and not problems:
        message = f"The {channel} channel's folder holds no data file."
        problems.append(Problem(message, show(path), "Put the channel's files there."))
    return sorted(found), sorted(problems, key=lambda problem: problem.where)


def _missing(channel: str, path: Path, where: str, show: Callable[[Path], str]) -> Problem:
    setting = f" (data.{channel} in {where})" if where else ""
    maker = path.parent / "prepare.py"
    fix = (
        f"Make it with: python {show(maker)}" if maker.is_file() else f"Put the data there, or correct data.{channel}."
    )
    if path.is_symlink():
        return Problem(f"The {channel} data is a link that leads to no file{setting}.", show(path), fix)
    return Problem(f"The {channel} data does not exist{setting}.", show(path), fix)


def _no_file(shown: str) -> Problem:
    return Problem("This is neither a file nor a folder.", shown, "Remove it, or name the data itself.")


def _wrong_folder(here: Path, below: Path, show: Callable[[Path], str]) -> list[Problem]:
    """A folder whose files are no data, or that the container does not follow; none where it holds no file at all."""
    if not below.parts:
        return []
    files = [name for _, _, names in os.walk(here) for name in names]
    if not files:
        return []
    if below.name.startswith((".", "_")):
        count = "a file" if len(files) == 1 else f"{len(files):,} files"
        message = f'A folder whose name begins with "{below.name[0]}" holds no data by convention, and this one has '
        message += f"{count}, which the training container would train on."
        return [Problem(message, show(here), "Remove it, or move it out of the channel's folder.")]
    if len(below.parts) > DEEPEST:
        message = f"Folders are nested {len(below.parts) + 1} deep, the channel's own counted; the training container "
        message += f"follows {DEEPEST + 1} (Folder depth exceed the limit: {DEEPEST + 1})."
        return [Problem(message, show(here), "Move the files up.")]
    return []


def _wrong_name(channel: str, name: str, shown: str) -> list[Problem]:
    """What a file's name fails on, or says: that it is no data, or no key of S3. name: its path below the channel."""
    last = name.rpartition("/")[2]
    try:
        size = len(f"{channel_prefix(channel, '0' * 64)}{name}".encode())
    except UnicodeEncodeError:
        return [Problem("The file's name is not UTF-8, as S3 wants it.", repr(shown), "Rename it.")]
    if last.startswith("."):
        message = 'A file whose name begins with "." fails the training job.'
        return [Problem(message, shown, "Remove it, or move it out of the channel's folder.")]
    if _LEFTOVER.fullmatch(last):
        message = "By its name this is a backup or an unfinished copy; the training container would train on it."
        return [Problem(message, shown, "Remove it, or rename it where it is data.")]
    if not name.isprintable() or "\\" in name:
        return [Problem("The file's name holds control characters or a backslash.", repr(shown), "Rename it.")]
    if size > _LONGEST_KEY:
        message = f"The file's key in S3 would have {size:,} bytes; S3 takes {_LONGEST_KEY:,}."
        return [Problem(message, shown, "Use shorter names of folders and file.")]
    return []


def _link(shown: str) -> Problem:
    message = "A link to a folder is not followed, so its files would be missing."
    return Problem(message, shown, "Move the files themselves there, or name that folder in the project file.")


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file as it was read.

    name: its path below the channel, with `/`. sha256: hex. size: bytes.
    """

    name: str
    path: Path
    sha256: str
    size: int
    rows: int


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """One channel. Files are sorted by name; columns count the label; grouped: its rows belong to queries."""

    name: str
    files: tuple[FileReport, ...]
    rows: int
    columns: int
    delimiter: str
    label_min: float
    label_max: float
    grouped: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class DataReport:
    """All channels by name, in SageMaker's customary order: train, validation, test.

    warnings: what the container takes, and what the user may not have meant; each with its file.
    """

    channels: Mapping[str, ChannelReport]
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all channels."""
        return sum(channel.size for channel in self.channels.values())


def channel_sha256(files: Iterable[tuple[str, str]]) -> str:
    """The digest of (name, SHA-256) pairs: of the listing `<sha256>  <name>` in the order of the names.

    `sha256sum * | sha256sum` prints it in a channel's flat folder (with LC_ALL=C, where names are not ASCII).
    """
    listing = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files))
    return hashlib.sha256(listing.encode()).hexdigest()


def channel_of(report: ChannelReport, bucket: str, content_type: str) -> Channel:
    """The channel as a release holds it."""
    sha256 = channel_sha256((file.name, file.sha256) for file in report.files)
    return Channel(
        name=report.name,
        s3_uri=f"s3://{bucket}/{channel_prefix(report.name, sha256)}",
        content_type=content_type,
        sha256=sha256,
        rows=report.rows,
        columns=report.columns,
        files=tuple(
            DataFile(name=file.name, sha256=file.sha256, size=file.size, rows=file.rows) for file in report.files
        ),
    )
