"""Open a model.tar.gz that nobody vouches for: plain files only, inside their folder, of bounded size.

Used wherever an artifact is opened: after a training job, and before a model is hosted.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from kickstand.errors import InputError, Problem

MAX_BYTES = 4 * 1024**3
"""Default bound on what an archive may unpack to."""
_MOST_MEMBERS = 10_000
_LONGEST_TAIL = 1 << 20


class ArchiveError(InputError):
    """An archive that is broken, unsafe or too large; every unsafe member is named."""


def extract_model(archive: Path | IO[bytes], folder: Path, *, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Unpack a gzipped tar into `folder` and return the files, sorted.

    archive:   a path, or a file that can seek, at its beginning.
    folder:    made where it does not exist. Untouched unless the whole archive is found safe first.
    max_bytes: bound on the unpacked size, which a small archive may exceed by far.
    Raises ArchiveError; it names each member that is absolute, climbs out with `..`, is a link or a device, or is there
    twice. Modes, owners and times of the archive are not taken over.
    """
    name = str(archive) if isinstance(archive, Path) else str(getattr(archive, "name", "model.tar.gz"))
    try:
        with archive.open("rb") if isinstance(archive, Path) else _kept_open(archive) as stream:
            _check(stream, name, max_bytes)
            stream.seek(0)
            return _unpack(stream, folder)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        problem = Problem(f"This is not a whole gzipped tar archive: {error}.", name)
        raise ArchiveError(problem) from None


class _kept_open:  # noqa: N801  a context manager, used as a function
    """The caller's own file, which stays the caller's to close."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def __enter__(self) -> IO[bytes]:
        return self._stream

    def __exit__(self, *_: object) -> None:
        return None


def _check(stream: IO[bytes], name: str, max_bytes: int) -> None:
    """Read the whole archive once, unpacking nothing."""
    problems: list[Problem] = []
    seen: set[str] = set()
    size = 0
    with gzip.GzipFile(fileobj=stream) as zipped, tarfile.open(fileobj=zipped, mode="r|") as tar:
        for count, member in enumerate(tar, 1):
            if count > _MOST_MEMBERS:
                raise ArchiveError(Problem(f"The archive has more than {_MOST_MEMBERS:,} members.", name))
            size += member.size
            if size > max_bytes:  # before the member is read: a bomb is never unpacked
                raise ArchiveError(Problem(f"The archive unpacks to more than {max_bytes:,} bytes.", name))
            if fault := _fault(member):
                problems.append(Problem(f"Member {member.name!r} {fault}.", name))
            path = PurePosixPath(member.name)
            if not member.isdir():
                if str(path) in seen or any(str(parent) in seen for parent in path.parents):
                    problems.append(Problem(f"Member {member.name!r} is there twice.", name))
                seen.add(str(path))
        # to the very end, where the checksum of the whole stands; a tar ends in a few blocks of zeros
        if len(zipped.read(_LONGEST_TAIL + 1)) > _LONGEST_TAIL:
            raise ArchiveError(Problem("The archive goes on after its end.", name))
    if problems:
        raise ArchiveError(*problems)


def _fault(member: tarfile.TarInfo) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or "\\" in member.name or ":" in member.name or "\0" in member.name:
        return "has an absolute or unportable path"
    if ".." in path.parts:
        return "climbs out of its folder"
    if member.issym() or member.islnk():
        return f"is a link, to {member.linkname!r}"
    if not (member.isreg() or member.isdir()):
        return "is neither a file nor a folder"
    return ""


def _unpack(stream: IO[bytes], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    with tarfile.open(fileobj=stream, mode="r|gz") as tar:
        for member in tar:
            target = folder / PurePosixPath(member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None  # it is a regular file: _check saw it
            with target.open("xb") as out:
                shutil.copyfileobj(content, out, 1 << 20)
            files.append(target)
    return sorted(files)
