"""The rows that models are compared on: those of the release's test channel, byte for byte, as CSV files.

The project's own files where they are the channel's; else the channel's objects in S3, each checked against its
digest. Rows of other content types are written as CSV once; from then on every file is CSV with the label first.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from kickstand.config.model import Environment, TargetTransform
from kickstand.errors import KickstandError, Problem
from kickstand.release.model import Channel, Release
from kickstand.xgboost_container import kind_of
from training.data.checks.objectives import label_columns
from training.data.csv.float_text import delimiter_of
from training.data.files import channel_files, channel_sha256
from training.data.formats.parquet_numbers import first_data_file
from training.data.row_text import csv_lines
from training.evaluation.metrics import Labels
from training.evaluation.stores import ModelStore, fetch_channel

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True, slots=True)
class CsvFile:
    """One file of rows. name: as people know it. start: the index of its first row."""

    name: str
    path: Path
    start: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled rows in files on this machine, read as often as they are needed and never held as a whole.

    source: where they come from, for people. label_columns: columns before the features.
    """

    source: str
    files: tuple[CsvFile, ...]
    labels: Labels
    label_columns: int

    def __len__(self) -> int:
        return len(self.labels)

    def place(self, row: int) -> str:
        """`test.csv:12` of a row's index from 0."""
        file = next(file for file in reversed(self.files) if file.start <= row)
        return f"{file.name}:{row - file.start + 1}"

    def features(self) -> BinaryIO:
        """The rows as an endpoint takes them: CSV lines with commas and without label columns."""
        lines = (
            line.split(delimiter, self.label_columns)[self.label_columns].replace(delimiter, ",").encode() + b"\n"
            for file in self.files
            for _, delimiter, line in _lines(file.name, file.path)
        )
        return cast("BinaryIO", io.BufferedReader(_Stream(lines)))

    def columns(self, indices: Sequence[int]) -> NDArray[np.float64]:
        """Some columns, the label being 0: shape (rows, indices); NaN where a cell is empty.

        Raises KickstandError for a cell that is no number, or a line without that many.
        """
        cells = (value for file in self.files for value in _cells(file.name, file.path, indices))
        return np.fromiter(cells, dtype=np.float64).reshape(-1, len(indices))


class _Stream(io.RawIOBase):
    """Pieces of bytes, to be read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, bytearray()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill what is given as far as there are bytes; return how many there were, 0 at the end."""
        room = memoryview(buffer).cast("B")
        while len(self._rest) < len(room) and (piece := next(self._pieces, None)) is not None:
            self._rest += piece
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        del self._rest[:count]
        return count


def _lines(name: str, path: Path) -> Iterator[tuple[int, str, str]]:
    """The number, delimiter and text of each line. The first line tells the delimiter, as it tells the container."""
    with _reading(name), path.open(encoding="utf-8") as opened:
        delimiter = ""
        for number, line in enumerate(opened, start=1):
            delimiter = delimiter or delimiter_of(line.encode())
            yield number, delimiter, line.rstrip("\n")


def _cells(name: str, path: Path, indices: Sequence[int]) -> Iterator[float]:
    for number, delimiter, line in _lines(name, path):
        cells = line.split(delimiter)
        try:
            yield from [float(cells[index]) if cells[index].strip() else np.nan for index in indices]
        except (ValueError, IndexError):
            message = "The test rows have a cell that is no number, or too few cells."
            raise KickstandError(Problem(message, f"{name}:{number}")) from None


def _labels(name: str, path: Path, label_columns: int) -> Iterator[float]:
    for number, delimiter, line in _lines(name, path):
        cells = line.split(delimiter, label_columns)
        try:
            label, _ = float(cells[0]), cells[label_columns]
        except (ValueError, IndexError):
            message, fix = "The line has no numeric label and features.", "Correct the test data, and run it again."
            raise KickstandError(Problem(message, f"{name}:{number}", fix)) from None
        yield label


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, IndexError) as error:  # pyarrow's errors are ValueErrors, as are those of decoding
        raise KickstandError(Problem(f"The test rows cannot be read: {error}", name)) from error


def read_rows(
    files: Sequence[tuple[str, Path]],
    *,
    label_columns: int,
    transform: TargetTransform,
    source: str,
    folder: Path,
    kind: str = "csv",
    width: int = 0,
) -> Rows:
    """The rows of files, each a name and its path, in their order.

    label_columns: before the features; 2 where the second is a weight. transform: what was done to the labels.
    source: where the files come from, for people. kind: of the files. folder: for rows that are to be written as CSV.
    width: columns with the label, of rows that do not name all of them.
    Raises KickstandError for what cannot be read, a line without a label and features, and where there is none.
    """
    csv_files: list[CsvFile] = []
    labels: list[float] = []
    for name, path in files if kind == "csv" else _as_csv(kind, files, width, folder):
        csv_files.append(CsvFile(name, path, len(labels)))
        labels += _labels(name, path, label_columns)
    if not labels:
        raise KickstandError(Problem("The test channel has no rows.", source))
    return Rows(source, tuple(csv_files), Labels(np.array(labels, dtype=np.float64), transform), label_columns)


def _as_csv(kind: str, files: Sequence[tuple[str, Path]], width: int, folder: Path) -> Iterator[tuple[str, Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    first = first_data_file(name for name, _ in files) if kind == "parquet" else ""
    content = b""
    for name, path in files:
        with _reading(name):
            content = content or (dict(files)[first].read_bytes() if first else b"")
            lines = csv_lines(kind, name, path.read_bytes(), width, first=content)
            written = folder / f"rows-{len([*folder.iterdir()])}.csv"
            written.write_bytes(b"".join(line + b"\n" for line in lines))
        yield name, written


def read_test_rows(
    release: Release,
    environments: Sequence[Environment],
    stores: Callable[[Channel], Sequence[ModelStore]],
    folder: Path,
    *,
    where: str = "",
) -> Rows:
    """The rows of the release's test channel. Raises KickstandError with the reason where they cannot be read.

    environments: whose own test files may be the channel's. stores: where else the channel may be; asked only then.
    folder: for what must be fetched or written as CSV; it is made. where: the release, for messages.
    """
    channel = next((channel for channel in release.channels if channel.name == "test"), None)
    if channel is None:
        message = "The release has no test channel, so there are no rows to compare models on."
        raise KickstandError(Problem(message, where, "Name a CSV as [data] test, and fit again."))
    for environment in environments:
        if files := _own_files(environment, channel):
            source = str(environment.data.test)
            break
    else:
        fetched = fetch_channel(stores(channel), channel, folder)
        files = [(file.name, path) for file, path in zip(channel.files, fetched, strict=True)]
        source = channel.s3_uri
    return read_rows(
        files,
        label_columns=label_columns(release.hyperparameters, channel.content_type),
        transform=release.target_transform,
        source=source,
        folder=folder,
        kind=kind_of(channel.content_type),
        width=max(each.columns for each in release.channels),
    )


def _own_files(environment: Environment, channel: Channel) -> list[tuple[str, Path]]:
    """The project's own test files where they are the channel's; none where they are not."""
    path = environment.data.test
    if path is None or not path.exists():
        return []
    files, problems = channel_files("test", path)
    if problems:
        return []
    try:
        digest = channel_sha256((name, _sha256(file)) for name, file in files)
    except OSError:
        return []
    return files if digest == channel.sha256 else []


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
