"""Golden rows: a few rows with the predictions that one artifact gave for them.

They travel with the release, so that every endpoint that claims to serve that artifact can be asked for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from kickstand.aws.errors import explained
from kickstand.aws.s3 import ArtifactBucket, parse_location, write_once
from kickstand.bucket import golden_key
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.release.file import canonical
from kickstand.release.model import GoldenRows
from training.data.csv.float_text import delimiter_of
from training.data.row_text import csv_lines, first_content
from training.model.inspection.model_run import Prediction


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


def keep_confidential(s3: Any, golden: GoldenRows, bucket: ArtifactBucket) -> GoldenRows:
    """Put rows and predictions under `golden/<sha256>.json` in S3, and return what may stand in git.

    The object is exactly what the digest covers; one that is there already is left.
    """
    key = golden_key(golden.sha256)
    request = {**bucket.writes, "Key": key, "Body": _text(golden.rows, golden.predictions), "IfNoneMatch": "*"}
    with explained("keeping the golden rows in S3", f"s3://{bucket.name}/{key}"):
        write_once(lambda: s3.put_object(**request, ContentType="application/json"))
    return GoldenRows(sha256=golden.sha256, s3_uri=f"s3://{bucket.name}/{key}")


def read_golden(s3: Any, golden: GoldenRows) -> GoldenRows:
    """A release's golden rows with their rows and predictions, fetched from S3 where they are kept out of git.

    Raises KickstandError where the object is gone, or not what the release's digest covers.
    """
    if not golden.s3_uri:
        return golden
    place = parse_location(golden.s3_uri)
    with explained("reading the golden rows", golden.s3_uri):
        text = s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    found = hashlib.sha256(text).hexdigest()
    if found != golden.sha256:
        message = f"The golden rows were changed: expected SHA-256 {golden.sha256}, found {found}."
        raise KickstandError(Problem(message, golden.s3_uri, "Delete that object version, or make the release anew."))
    try:
        fields = parse_json(text)
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
