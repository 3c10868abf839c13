"""What a training job's channel held: each file's SHA-256, bytes and rows, read from S3 itself.

Data that Kickstand uploaded lie under `data/<sha256>/<channel>/`, so that what is found there must have that
digest. Other data are copied to such a place: they may be written over or deleted where they are, and where that
has happened since the job began, nobody can say what the model was trained on.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.aws.errors import AWS_FAILURES, aws_error
from kickstand.aws.s3 import ArtifactBucket, ReadObject, S3Location, changed_sentence, keep_copy, parse_location, pieces
from kickstand.bucket import channel_prefix
from kickstand.errors import KickstandError, Problem
from kickstand.release.model import Channel, DataFile
from kickstand.xgboost_container import kind_of
from training.data.check import scan_file
from training.data.files import channel_sha256
from training.data.findings import Findings
from training.job.jobs import ChannelSource, utc_text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_OWN_PREFIX = re.compile(r"(?:^|/)data/([0-9a-f]{64})/[^/]+/?$")


def claimed_digest(s3_uri: str) -> str | None:
    """The digest that a `…/data/<sha256>/<channel>/` prefix claims for its data; None for other prefixes."""
    found = _OWN_PREFIX.search(s3_uri)
    return found[1] if found else None


def channel_evidence(
    s3: S3Client,
    source: ChannelSource,
    *,
    bucket: ArtifactBucket,
    started: datetime,
    known: Collection[Channel] = (),
    on_bytes: Callable[[int], None] = lambda count: None,
) -> Channel:
    """A channel as the job read it, at its place in the artifact bucket, `data/<sha256>/<channel>/`.

    bucket:   the artifact bucket.
    started:  when the job began to read.
    known:    channels whose files were just checked: one at the same prefix is not read again.
    on_bytes: told of each piece that is read, for a progress bar.
    Raises KickstandError where there are no data, or they are not those that the job read.
    """
    for channel in known:
        if channel.s3_uri == source.s3_uri and claimed_digest(source.s3_uri) == channel.sha256:
            return channel
    try:
        read = _read(s3, source, started, on_bytes)
    except AWS_FAILURES as error:
        raise aws_error(error, f"reading channel {source.name}", source.s3_uri) from error
    files = [file for file, _ in read]
    digest = channel_sha256((file.name, file.sha256) for file in files)
    claimed = claimed_digest(source.s3_uri)
    if claimed is not None and digest != claimed:
        raise KickstandError(Problem(changed_sentence("data", claimed, digest), source.s3_uri))
    columns = _width(source, [found for _, found in read])
    place = S3Location(bucket.name, channel_prefix(source.name, digest))
    if source.s3_uri != place.uri:
        for file, found in read:
            keep_copy(s3, found.object, bucket, place.key + file.name)
    return Channel(
        name=source.name,
        s3_uri=place.uri,
        content_type=source.content_type,
        sha256=digest,
        rows=sum(file.rows for file in files),
        columns=columns,
        files=tuple(sorted(files, key=lambda file: file.name)),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    object: ReadObject
    columns: int
    sparse: bool = False


def _read(
    s3: S3Client, source: ChannelSource, started: datetime, on_bytes: Callable[[int], None]
) -> list[tuple[DataFile, _Found]]:
    location = parse_location(source.s3_uri)
    files = []
    for key, modified in _objects(s3, location):
        here = S3Location(location.bucket, key)
        if claimed_digest(source.s3_uri) is None and modified > started:
            raise KickstandError(
                Problem(
                    f"The file was written at {utc_text(modified)}, after the job had begun ({utc_text(started)}): "
                    "what the model was trained on can no longer be determined.",
                    here.uri,
                    "Train again, with kickstand fit or on data that stay where they are.",
                )
            )
        files.append(_read_file(s3, here, _name(key, location.key), kind_of(source.content_type), on_bytes))
    if not files:
        raise KickstandError(Problem(f"Channel {source.name} no longer holds a file.", source.s3_uri))
    return files


def _width(source: ChannelSource, files: Sequence[_Found]) -> int:
    """The columns of all files; of sparse ones the most. A file that holds no rows (`_SUCCESS`) has none."""
    widths = sorted({found.columns for found in files if found.columns} or {0})
    if len(widths) > 1 and not any(found.sparse for found in files):
        raise KickstandError(
            Problem(f"The files of channel {source.name} have {widths} columns, not one width.", source.s3_uri)
        )
    return widths[-1]


def _objects(s3: S3Client, prefix: S3Location) -> Iterable[tuple[str, datetime]]:
    """Keys and times of a prefix's files; what the console makes for a folder is none."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key):
        for found in page.get("Contents", ()):
            if not (found["Key"].endswith("/") and found["Size"] == 0):
                yield found["Key"], found["LastModified"]


def _name(key: str, prefix: str) -> str:
    """A file's name below its channel's prefix; a prefix may be a folder, the file itself, or a name's beginning."""
    rest = key.removeprefix(prefix)
    if rest and (prefix.endswith("/") or rest.startswith("/") or not prefix):
        return rest.lstrip("/")
    return key[prefix.rfind("/") + 1 :]


def _read_file(
    s3: S3Client, location: S3Location, name: str, kind: str, on_bytes: Callable[[int], None]
) -> tuple[DataFile, _Found]:
    answer = s3.get_object(Bucket=location.bucket, Key=location.key)
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        # Parquet is read from its end, so it needs a file; so do the other kinds' readers.
        copy = None if kind == "csv" else Path(folder, name.rpartition("/")[2])
        digest, size, shape = hashlib.sha256(), 0, CsvShape()
        with copy.open("wb") if copy else nullcontext() as out:
            for piece in pieces(answer["Body"]):
                digest.update(piece)
                size += len(piece)
                if out is None:
                    shape.add(piece)
                else:
                    out.write(piece)
                on_bytes(len(piece))
        shape.end()
        rows, columns, sparse = shape.rows, shape.columns, False
        if copy:
            # Whatever would be wrong with it, a job has read it.
            scanned = scan_file(kind, copy, Findings(name))
            rows, columns, sparse = scanned.rows, scanned.width, scanned.sparse
    read = ReadObject(location, digest.hexdigest(), size, answer["ETag"])
    return DataFile(name=name, sha256=read.sha256, size=size, rows=rows), _Found(read, columns, sparse)


@dataclass(slots=True)
class CsvShape:
    """Rows and columns of CSV bytes that come in pieces; blank lines are no rows."""

    rows: int = 0
    columns: int = 0
    _rest: bytes = field(default=b"", repr=False)

    def add(self, piece: bytes) -> None:
        """Count the lines that end in a further piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._count(lines)

    def end(self) -> None:
        """Count the last line where no newline ends it."""
        self._count([self._rest])
        self._rest = b""

    def _count(self, lines: list[bytes]) -> None:
        full = [line for line in lines if line.strip()]
        if full and not self.columns:
            self.columns = max(full[0].count(delimiter) for delimiter in (b",", b"\t", b";")) + 1
        self.rows += len(full)
