"""The rows that models are compared on: those of the release's test channel, byte for byte.

The project's own files where they are the channel's; else the channel's objects in S3, each checked against its
digest.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kickstand.aws.errors import explained
from kickstand.aws.s3 import parse_location
from kickstand.config.model import Environment
from kickstand.errors import KickstandError, Problem
from kickstand.release.model import Channel, Release
from kickstand.xgboost_container import kind_of
from training.data.checks.objectives import label_columns
from training.data.csv.float_text import delimiter_of
from training.data.files import channel_files, channel_sha256
from training.data.formats.parquet_numbers import first_data_file
from training.data.row_text import csv_lines, first_content
from training.evaluation.metrics import Vector
from training.evaluation.stores import ModelStore, fetch_channel
from training.prediction.batches import batches, in_order
from training.prediction.endpoint_client import EndpointClient, runtime_client

if TYPE_CHECKING:
    import boto3


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


_PARALLEL = 4


def endpoint_answers(session: boto3.Session, endpoint: str, rows: TestRows) -> tuple[str, ...]:
    """The answers to the rows, in their order, with the digits that the endpoint gave.

    Raises KickstandError where the endpoint fails, or refuses the rows: a model of other columns does.
    """
    client = runtime_client(session, parallel=_PARALLEL)
    invoke = EndpointClient(client, endpoint=endpoint, accept="csv", source=rows.source)
    cut = batches(io.BytesIO(rows.features), rows.source)
    return tuple(row for part in in_order(cut, invoke, parallel=_PARALLEL) for row in part.rows)


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
