"""Golden rows: a few rows with the predictions that one artifact gave for them.

They travel with the release, so that every endpoint that claims to serve that artifact can be asked for them. They are
the first rows of the test channel, else of validation's, else of train's.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.aws.errors import explained
from kickstand.aws.s3 import ArtifactBucket, parse_location, require_object, write_once
from kickstand.bucket import golden_key
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.release.file import canonical
from kickstand.release.model import Channel, GoldenRows
from training.data.check import check_data
from training.data.csv.float_text import delimiter_of
from training.data.files import DataReport, channel_files, channel_sha256
from training.data.row_text import csv_lines, first_content
from training.job.jobs import ChannelSource
from training.model.channel_evidence import claimed_digest
from training.model.inspection.model_run import Prediction
from training.upload.channels import upload_channels
from training.upload.upload import SentData, input_warnings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def features_of(line: str, label_columns: int) -> str:
    """A training row as the endpoint is asked for it: without its label columns, comma-separated.

    label_columns: 1, or 2 where the second column is a weight (csv_weights=1).
    """
    delimiter = delimiter_of(line.encode())
    return ",".join(cell.strip() for cell in line.rstrip("\r\n").split(delimiter)[label_columns:])


def first_rows(
    files: Sequence[Path], count: int, label_columns: int, *, kind: str = "csv", width: int = 0
) -> tuple[str, ...]:
    """The first rows of a channel's files, in their order, without the label; fewer where there are fewer.

    kind: of the files. width: columns with the label, of rows that do not name all of them.
    """

    def lines() -> Iterator[str]:
        first = first_content(kind, files)
        for file in files:
            if kind != "csv":
                found = csv_lines(kind, file.name, file.read_bytes(), width, first=first)
                yield from (line.decode() for line in found)
                continue
            with file.open(encoding="utf-8-sig") as opened:
                yield from (line for line in opened if line.strip())

    return tuple(features_of(line, label_columns) for line in islice(lines(), count))


def golden_digest(rows: Sequence[str], predictions: Sequence[Prediction]) -> str:
    """SHA-256 (hex) of the canonical JSON of rows and predictions."""
    return hashlib.sha256(_text(rows, predictions)).hexdigest()


def golden_rows(rows: Sequence[str], predictions: Sequence[Prediction], *, where: str) -> GoldenRows:
    """Rows and predictions, sealed.

    where: the artifact, for the InputError that a prediction which is no number gives.
    """
    for row, given in zip(rows, predictions, strict=True):
        values = given if isinstance(given, tuple) else (given,)
        if not all(value - value == 0 for value in values):
            raise InputError(Problem(f"The model answers {given} for the row {row}: it has not learned.", where))
    return GoldenRows(sha256=golden_digest(rows, predictions), rows=tuple(rows), predictions=tuple(predictions))


def keep_confidential(s3: S3Client, golden: GoldenRows, bucket: ArtifactBucket) -> GoldenRows:
    """Put rows and predictions under `golden/<sha256>.json` in S3, and return what may stand in git.

    The object is exactly what the digest covers; one that is there already is left.
    """
    key = golden_key(golden.sha256)
    body = _text(golden.rows, golden.predictions)
    with explained("keeping the golden rows in S3", f"s3://{bucket.name}/{key}"):
        write_once(
            lambda: s3.put_object(**bucket.writes, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
        )
    return GoldenRows(sha256=golden.sha256, s3_uri=f"s3://{bucket.name}/{key}")


def read_golden(s3: S3Client, golden: GoldenRows) -> GoldenRows:
    """A release's golden rows with their rows and predictions, fetched from S3 where they are kept out of git.

    Raises KickstandError where the object is gone, or not what the release's digest covers.
    """
    if not golden.s3_uri:
        return golden
    content, fix = io.BytesIO(), "Delete that object version, or make the release anew."
    require_object(s3, parse_location(golden.s3_uri), golden.sha256, content, what="golden rows", fix=fix)
    try:
        fields = parse_json(content.getvalue())
        predictions = tuple(tuple(one) if isinstance(one, list) else one for one in fields["predictions"])
        rows = tuple(fields["rows"])
        same = hashlib.sha256(_text(rows, predictions)).hexdigest() == golden.sha256
    except (ValueError, LookupError, TypeError, RecursionError):
        same = False
    if not same:
        # Somebody made a release of them: they are what its digest covers, but nothing that Kickstand keeps.
        message = "The golden rows are no rows with finite numbers as predictions, as Kickstand keeps them."
        raise KickstandError(Problem(message, golden.s3_uri, "Make the release anew: fit again."))
    return golden.model_copy(update={"rows": rows, "predictions": predictions})


def _text(rows: Sequence[str], predictions: Sequence[Prediction]) -> bytes:
    return canonical({"predictions": list(predictions), "rows": list(rows)}).encode()


@dataclass(frozen=True, slots=True)
class CheckedData:
    """What is known of the project's own data, just checked and uploaded.

    channels: the channels that are in S3, each under its digest.
    golden_files: the files, in order, that the golden rows are taken from.
    golden_channel: the name of the channel that they are of.
    warnings: what the check of data and hyperparameters warned of, a line each.
    """

    channels: Sequence[Channel]
    golden_files: Sequence[Path]
    golden_channel: str
    warnings: Sequence[str] = ()


def train_channel(channels: Sequence[Channel]) -> Channel:
    """The channel that a model was trained on."""
    return next(channel for channel in channels if channel.name == "train")


def golden_source(
    environment: Environment, s3: S3Client, known: SentData | None, sources: Sequence[ChannelSource] = ()
) -> CheckedData:
    """The channels that a release records besides the job's own, the files of the golden rows, and the warnings.

    known: what was just checked and uploaded. Without it the one channel that is needed is checked, and uploaded where
    it is the test channel; the job's own channels need not be on this machine.
    sources: the job's channels. Where they are the project's files, these are read once more for their warnings.
    Raises InputError with everything that is wrong with it.
    """
    paths = dict(environment.data.channels())
    name = next(channel for channel in ("test", "validation", "train") if channel in paths)
    if known is not None:
        files, _ = channel_files(name, paths[name])
        return CheckedData(known.channels, [file for _, file in files], name, known.warnings)
    report, problems = _check(environment, [name])
    if problems:
        raise InputError(*problems)
    uploaded = upload_channels(s3, environment, report) if name == "test" else ()
    files_of = [file.path for file in report.channels[name].files]
    return CheckedData(uploaded, files_of, name, _warnings(environment, sources))


def _check(environment: Environment, names: Sequence[str]) -> tuple[DataReport, list[Problem]]:
    return check_data(
        {name: path for name, path in environment.data.channels().items() if name in names},
        content_type=environment.data.content_type,
        hyperparameters=environment.hyperparameters,
        target_transform=environment.data.target_transform,
        columns=environment.data.columns,
        where=environment.where,
        show=_shown,
    )


def _warnings(environment: Environment, sources: Sequence[ChannelSource]) -> tuple[str, ...]:
    """Those of the job's own data, where the project's files have the digests of its channels; else none."""
    claimed = {source.name: claimed_digest(source.s3_uri) for source in sources}
    if not claimed or None in claimed.values() or any(name not in environment.data.channels() for name in claimed):
        return ()
    report, _ = _check(environment, [*environment.data.channels()])
    found = {name: channel_sha256((file.name, file.sha256) for file in report.channels[name].files) for name in claimed}
    return input_warnings(environment, report) if found == claimed else ()


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
