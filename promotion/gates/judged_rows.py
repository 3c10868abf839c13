"""The rows that models are compared on: those of the release's test channel, byte for byte.

The project's own files where they are the channel's; else the channel's objects in S3, each held against its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kickstand.aws_errors import explained
from kickstand.config.model import Environment
from kickstand.content_types import kind_of
from kickstand.errors import KickstandError, Problem
from kickstand.release import Channel, Release
from training.data.csv_delimiter import delimiter_of
from training.data.files import channel_files
from training.data.objectives import label_columns
from training.data.parquet_numbers import first_data_file
from training.data.row_text import csv_lines
from training.model.s3_location import parse_location
from training.prediction.metrics import Vector


@dataclass(frozen=True, slots=True)
class TestRows:
    """The test channel, row by row.

    source: where the rows were read, for people. lines: without their ends. starts: the index of each file's first
    row and the file's name. label_columns: columns before the features.
    """

    __test__ = False  # not a test of pytest's

    source: str
    lines: tuple[bytes, ...]
    starts: tuple[tuple[int, str], ...]
    labels: Vector
    features: bytes
    """CSV lines as the endpoint takes them."""

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int) -> str:
        """`test.csv:12` of a row's index from 0."""
        start, name = next((start, name) for start, name in reversed(self.starts) if start <= row)
        return f"{name}:{row - start + 1}"

    def column(self, index: int) -> Vector:
        """The values of a column, the label being 0; NaN where a cell is empty."""
        cells = (line.split(delimiter_of(line).encode())[index] for line in self.lines)
        return np.array([float(cell) if cell.strip() else np.nan for cell in cells], dtype=np.float64)


def rows_of_files(
    files: Sequence[tuple[str, bytes]], label_columns: int, source: str, *, kind: str = "csv", width: int = 0
) -> TestRows:
    """The rows of files, each a name and its bytes, in their order.

    kind: of the files. width: columns with the label, of rows that do not name all of them.
    Raises KickstandError for a line without a label and features.
    """
    lines: list[bytes] = []
    starts: list[tuple[int, str]] = []
    labels: list[float] = []
    features: list[bytes] = []
    first = dict(files).get(first_data_file(name for name, _ in files), b"") if kind == "parquet" else b""
    for name, content in files:
        starts.append((len(lines), name))
        try:
            found = csv_lines(kind, name, content, width, first=first)
        except (ValueError, IndexError) as error:
            raise KickstandError(Problem(f"The test rows cannot be read: {error}", name)) from None
        for number, line in enumerate(found, start=1):
            delimiter = delimiter_of(line).encode()
            cells = line.split(delimiter, label_columns)
            try:
                labels.append(float(cells[0]))
                features.append(cells[label_columns].replace(delimiter, b","))
            except (ValueError, IndexError):
                message = "The line has no numeric label and features."
                raise KickstandError(Problem(message, f"{name}:{number}", "Correct the test data.")) from None
            lines.append(line)
    if not lines:
        raise KickstandError(Problem("The test channel has no rows.", source))
    return TestRows(source, tuple(lines), tuple(starts), np.array(labels), b"\n".join(features) + b"\n")


def read_test_rows(
    release: Release, release_file: Path, environments: Sequence[Environment], s3_of: Callable[[str], Any | None]
) -> TestRows:
    """The rows of the release's test channel. Raises KickstandError where they cannot be read.

    environments: whose own test files may be the channel's. s3_of: a client of S3 for a bucket's name, which may read
    it; None where the bucket is of no environment of the project.
    """
    channel = _test_channel(release, release_file)
    columns = label_columns(release.hyperparameters, channel.content_type)
    kind, width = kind_of(channel.content_type), max(each.columns for each in release.channels)
    for environment in environments:
        files = _local_files(environment, channel)
        if files is not None:
            return rows_of_files(files, columns, f"{environment.data.test}", kind=kind, width=width)
    return rows_of_files(list(_stored_files(channel, s3_of)), columns, channel.s3_uri, kind=kind, width=width)


def _test_channel(release: Release, release_file: Path) -> Channel:
    found = next((channel for channel in release.channels if channel.name == "test"), None)
    if found is None:
        message = "The release has no test channel, so there are no rows to compare models on."
        fix = "Name a CSV as [data] test, and fit again."
        raise KickstandError(Problem(message, str(release_file), fix))
    return found


def _local_files(environment: Environment, channel: Channel) -> list[tuple[str, bytes]] | None:
    """The project's own test files where they are the channel's; None where they are not."""
    path = environment.data.test
    if path is None or not path.exists():
        return None
    found, problems = channel_files("test", path)
    if problems or [name for name, _ in found] != [file.name for file in channel.files]:
        return None
    wanted = {file.name: file.sha256 for file in channel.files}
    files: list[tuple[str, bytes]] = []
    for name, file in found:
        content = _content(file)
        if content is None or hashlib.sha256(content).hexdigest() != wanted[name]:
            return None
        files.append((name, content))
    return files


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _stored_files(channel: Channel, s3_of: Callable[[str], Any | None]) -> Iterator[tuple[str, bytes]]:
    place = parse_location(channel.s3_uri)
    s3 = s3_of(place.bucket)
    if s3 is None:
        message = f"The test rows are in the bucket {place.bucket}, which is of no environment of the project."
        raise KickstandError(Problem(message, channel.s3_uri, "Put the very files where [data] test names them."))
    for file in channel.files:
        uri = f"{channel.s3_uri}{file.name}"
        with explained("reading the test rows", uri):
            content = s3.get_object(Bucket=place.bucket, Key=f"{place.key}{file.name}")["Body"].read()
        found = hashlib.sha256(content).hexdigest()
        if found != file.sha256:
            message = f"The test rows were changed: expected SHA-256 {file.sha256}, found {found}."
            raise KickstandError(Problem(message, uri, "Find out who wrote it, and delete that object version."))
        yield file.name, content
