"""The test rows of a release, as files on this machine: the project's own where they are the very ones, else S3's."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kickstand.config.model import Environment
from kickstand.content_types import kind_of
from kickstand.errors import KickstandError, Problem
from kickstand.release import Channel
from promotion.review.model.stores import ModelStore, fetch_channel
from training.data.csv_delimiter import delimiter_of
from training.data.dataset import channel_sha256
from training.data.files import channel_files
from training.data.row_text import csv_lines, first_content


def test_files(
    environment: Environment, channel: Channel | None, stores: Sequence[ModelStore], folder: Path, *, width: int
) -> list[Path]:
    """The files of the test channel as CSV, in the order of their names.

    folder: for what must be fetched or written as CSV. width: columns with the label.
    Raises KickstandError with the reason where they are nowhere to be had.
    """
    if channel is None:
        message = "The release has no test channel, so models cannot be compared on test rows."
        raise KickstandError(Problem(message, fix="Name a CSV as [data] test, and fit again."))
    files = _local(environment.data.test, channel) or fetch_channel(stores, channel, folder)
    kind = kind_of(channel.content_type)
    if kind == "csv":
        return files
    try:
        first = first_content(kind, files)
    except OSError as error:
        raise KickstandError(Problem(f"The test rows cannot be read: {error}", channel.s3_uri)) from error
    return [_as_csv(file, kind, width, folder, first) for file in files]


def _as_csv(file: Path, kind: str, width: int, folder: Path, first: bytes) -> Path:
    try:
        lines = csv_lines(kind, file.name, file.read_bytes(), width, first=first)
    except (OSError, ValueError, IndexError) as error:
        raise KickstandError(Problem(f"The test rows cannot be read: {error}", str(file))) from error
    folder.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(dir=folder), f"{file.name}.csv")
    written.write_bytes(b"".join(line + b"\n" for line in lines))
    return written


def _local(path: Path | None, channel: Channel) -> list[Path]:
    if path is None or not path.exists():
        return []
    found, problems = channel_files("test", path)
    if problems:
        return []
    try:
        digest = channel_sha256((name, _sha256(file)) for name, file in found)
    except OSError:
        return []
    return [file for _, file in found] if digest == channel.sha256 else []


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read_columns(files: Sequence[Path], indices: Sequence[int]) -> NDArray[np.float64]:
    """Some columns of CSV files: shape (rows, indices); NaN where a cell is empty.

    Raises KickstandError for a cell that is no number, or a line without that many.
    """
    flat = np.fromiter(_cells(files, indices), dtype=np.float64)
    return flat.reshape(-1, len(indices))


def _cells(files: Sequence[Path], indices: Sequence[int]) -> Iterator[float]:
    for file in files:
        with file.open(encoding="utf-8-sig") as opened:
            delimiter = ""
            for number, line in enumerate(opened, start=1):
                if not line.strip():
                    continue
                delimiter = delimiter or delimiter_of(line.encode())
                cells = line.split(delimiter)
                try:
                    yield from [float(cells[index]) if cells[index].strip() else np.nan for index in indices]
                except (ValueError, IndexError):
                    message = "The test rows have a cell that is no number, or too few cells."
                    raise KickstandError(Problem(message, f"{file.name}:{number}")) from None
