"""Open a model.tar.gz that nobody vouches for, and tell which xgboost saved the model in it.

Plain files only, inside their folder, of bounded size. Whether an image's xgboost can read a model is told from its
bytes; it is never loaded for that. Used after a training job, and before a model is hosted.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from kickstand.errors import InputError, KickstandError, Problem
from kickstand.xgboost_container import OWN_IMAGE, XGBOOST, newer_than

MAX_BYTES = 4 * 1024**3
"""Default bound on what an archive may unpack to."""
_USUAL_BYTES, _MOST_TIMES = 1 << 30, 100
"""What any archive may unpack to, and how many times its own size a larger one: gzip packs zeros 1,000 to 1, models
less than 20 to 1."""
_MOST_MEMBERS = 10_000
_LONGEST_TAIL = 1 << 20
_MOST_NAMED = 20
_LONGEST_HEADER = 1 << 20
"""Bytes of a member that describes the next one (a long name, PAX records), which tarfile reads whole."""
_DEEPEST, _LONGEST_PATH, _LONGEST_NAME = 16, 1024, 255
_DESCRIBING = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_OTHER_FORMS = ((b"PK", "a zip archive"), (b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))


class ArchiveError(InputError):
    """An archive that is broken, unsafe or too large; every unsafe member is named."""


class _Header(tarfile.TarInfo):
    """A header whose sizes are looked at before tarfile reads so much."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: Any, errors: Any) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0 or (header.type in _DESCRIBING and header.size > _LONGEST_HEADER):
            raise tarfile.ReadError(f"a header says that {header.size:,} bytes follow it")
        return header


def extract_model(archive: Path | IO[bytes], folder: Path, *, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Unpack a gzipped tar into `folder` and return the files, sorted.

    archive:   a path, or a file that can seek, at its beginning.
    folder:    made where it does not exist. Untouched unless the whole archive is found safe first.
    max_bytes: bound on the unpacked size, which a small archive may exceed by far. Above a gigabyte, 100 times the
               archive's own size is another one.
    Raises ArchiveError; it names each member that is absolute, climbs out with `..`, is a link, a device or a sparse
    file, lies deeper than 16 folders, or is there twice, in whatever case. Modes, owners and times of the archive are
    not taken over.
    """
    name = str(archive) if isinstance(archive, Path) else str(getattr(archive, "name", "model.tar.gz"))
    try:
        with archive.open("rb") if isinstance(archive, Path) else _kept_open(archive) as stream:
            largest = max(_USUAL_BYTES, _MOST_TIMES * stream.seek(0, os.SEEK_END))
            stream.seek(0)
            _check(stream, name, min(max_bytes, largest))
            stream.seek(0)
            return _unpack(stream, folder)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
        problem = Problem(f"This is not a whole gzipped tar archive{_found(archive)}: {error}.", name)
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
    files: dict[str, str] = {}
    folders: set[str] = set()
    size = 0
    with gzip.GzipFile(fileobj=stream) as zipped, tarfile.open(fileobj=zipped, mode="r|", tarinfo=_Header) as tar:
        for count, member in enumerate(tar, 1):
            if count > _MOST_MEMBERS:
                raise ArchiveError(Problem(f"The archive has more than {_MOST_MEMBERS:,} members.", name))
            size += member.size
            if size > max_bytes:  # before the member is read: a bomb is never unpacked
                raise ArchiveError(Problem(f"The archive unpacks to more than {max_bytes:,} bytes.", name))
            if fault := _fault(member):
                problems.append(Problem(f"Member {_shown(member.name)} {fault}.", name))
                continue  # its name may be of any length
            path = PurePosixPath(member.name)
            # Of two names that differ in case alone one file system keeps both and another the last.
            place, above = str(path).casefold(), [str(parent).casefold() for parent in path.parents]
            if place in files and files[place] != str(path) and not member.isdir():
                problems.append(
                    Problem(f"Members {_shown(files[place])} and {_shown(member.name)} differ in case alone.", name)
                )
            elif place in files or any(one in files for one in above) or (place in folders and not member.isdir()):
                problems.append(Problem(f"Member {_shown(member.name)} is there twice.", name))
            folders.update(above, [place] if member.isdir() else [])
            if not member.isdir():
                files.setdefault(place, str(path))
        # to the very end, where the checksum of the whole stands; a tar ends in a few blocks of zeros
        if len(zipped.read(_LONGEST_TAIL + 1)) > _LONGEST_TAIL:
            raise ArchiveError(Problem("The archive goes on after its end.", name))
    if problems:
        raise ArchiveError(*problems[:_MOST_NAMED], *_and_more(problems[_MOST_NAMED:], name))


def _and_more(rest: list[Problem], name: str) -> list[Problem]:
    return [Problem(f"So {'is' if len(rest) == 1 else 'are'} {len(rest):,} more of its members.", name)] if rest else []


def _fault(member: tarfile.TarInfo) -> str:
    path = PurePosixPath(member.name)
    if not member.name.isprintable() or (not path.name and not member.isdir()):
        return "has no name, or one with control characters"
    if len(path.parts) > _DEEPEST or len(member.name) > _LONGEST_PATH or any(map(_is_long, path.parts)):
        return f"lies deeper than {_DEEPEST} folders, or its name is longer than {_LONGEST_NAME} characters"
    if path.is_absolute() or "\\" in member.name or ":" in member.name or "\0" in member.name:
        return "has an absolute or unportable path"
    if ".." in path.parts:
        return "climbs out of its folder"
    if member.issym() or member.islnk():
        return f"is a link, to {_shown(member.linkname)}"
    if not (member.isreg() or member.isdir()) or member.issparse():
        return "is neither a file nor a folder"
    return ""


def _shown(name: str) -> str:
    return repr(name) if len(name) <= _LONGEST_NAME else f"{name[:60]!r}… of {len(name):,} characters"


def _is_long(part: str) -> bool:
    return len(part.encode("utf-8", "surrogateescape")) > _LONGEST_NAME


def _found(archive: Path | IO[bytes]) -> str:
    """What the bytes are instead, where their beginning says so."""
    try:
        if isinstance(archive, Path):
            with archive.open("rb") as opened:
                head = opened.read(512)
        else:
            archive.seek(0)
            head = archive.read(512)
    except OSError:
        return ""
    named = next((form for begin, form in _OTHER_FORMS if head.startswith(begin)), "")
    named = named or ("a tar archive that is not gzipped" if head[257:262] == b"ustar" else "")
    return f" but {named}" if named else ""


def _unpack(stream: IO[bytes], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    with tarfile.open(fileobj=stream, mode="r|gz", tarinfo=_Header) as tar:
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


OLD_BINARY = b"binf"
"""What a model in the binary format of xgboost before 3.1 begins with; it does not say which version wrote it."""

_TAIL = 200
"""The version is the last member of the model."""
_UBJ = re.compile(rb"version\[#[iUIlL][\x00-\x03]{1,8}((?:[iU].|I..){3})\}?\s*$", re.DOTALL)
_JSON = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]\s*\}\s*$')


def saved_by(model: Path) -> tuple[int, ...] | None:
    """`(3, 2, 0)`, as the model itself says; None for the old binary format and for what is no model."""
    with model.open("rb") as opened:
        opened.seek(max(0, model.stat().st_size - _TAIL))
        tail = opened.read()
    if found := _JSON.search(tail):
        return tuple(map(int, found.groups()))
    if found := _UBJ.search(tail):
        return tuple(_integers(found[1]))
    return None


def is_old_binary(model: Path) -> bool:
    """Whether a model has the binary format of xgboost before 3.1."""
    with model.open("rb") as opened:
        return opened.read(len(OLD_BINARY)) == OLD_BINARY


def reading_image(model: Path) -> str:
    """The image whose xgboost reads a model best: the one that saved it, where it is a supported one."""
    if is_old_binary(model):
        return next(iter(XGBOOST))
    version = saved_by(model)
    known = {tuple(map(int, text.split(".")))[:2]: image for image, text in XGBOOST.items()}
    return known.get(version[:2], OWN_IMAGE) if version else OWN_IMAGE


def require_readable(model: Path, image: str, *, where: str) -> None:
    """KickstandError: the image cannot be trusted with the model.

    An older xgboost opens the model of a newer one without complaint, and gets numbers wrong: 1.7 and 3.0 do not
    understand how 3.1 and later write `base_score`, and predict from 0.5. From 3.1 on, the old binary is not read.

    image: the version of the image that will serve it, `3.2-0`. where: the artifact, for messages.
    """
    version = saved_by(model)
    if version is not None and newer_than(version, image):
        saved = ".".join(map(str, version))
        raise KickstandError(
            Problem(
                f"The model was saved by xgboost {saved}; image {image} has xgboost {XGBOOST[image]}, which cannot "
                "read it: it opens the file and predicts from wrong numbers.",
                where,
                f"Train it with image {image}, or serve it with the image that it was trained with.",
            )
        )
    if is_old_binary(model) and tuple(map(int, XGBOOST[image].split("."))) >= (3, 1):
        raise KickstandError(
            Problem(
                f"The model has the binary format of xgboost before 3.1, which image {image} cannot read.",
                where,
                f"Train it again with image {image}.",
            )
        )


def _integers(members: bytes) -> list[int]:
    """The numbers of a UBJSON array: each a type (i, U: one byte; I: two) and its bytes."""
    numbers, at = [], 0
    while at < len(members):
        size = 2 if members[at : at + 1] == b"I" else 1
        numbers.append(int.from_bytes(members[at + 1 : at + 1 + size], "big"))
        at += 1 + size
    return numbers
