"""The results of a transform job, read back from S3 as lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kickstand.errors import KickstandError, Problem
from training.model.s3_location import parse_location
from training.prediction.answers import rows_of
from training.transform.description import TransformDescription

# Told that it transforms, the container writes a row of several answers as Python's list: `[0.1, 0.9]`.
_LIST = re.compile(r"\[([^\[\]]*)\]$")


def result_line(line: str) -> str:
    """A line of results as `predict` would give it: several answers joined by commas alone."""
    return _LIST.sub(lambda found: found[1].replace(", ", ","), line)


def result_files(s3: Any, job: TransformDescription) -> list[str]:
    """The S3 URIs of a job's results, sorted. Raises botocore's errors."""
    place = parse_location(job.output_uri)
    prefix = f"{place.key.rstrip('/')}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix)
    return sorted(f"s3://{place.bucket}/{entry['Key']}" for page in pages for entry in page.get("Contents", []))


def result_rows(s3: Any, job: TransformDescription) -> Iterator[str]:
    """The answers of a job that had one input file, in the order of its rows.

    Raises KickstandError where there is not one file of results; botocore's errors pass.
    """
    files = result_files(s3, job)
    if len(files) != 1:
        message = f"Expected one file of results, found {len(files)}."
        raise KickstandError(
            Problem(message, job.output_uri, f"Fetch them: aws s3 cp --recursive {job.output_uri} FOLDER")
        )
    place = parse_location(files[0])
    body = s3.get_object(Bucket=place.bucket, Key=place.key)["Body"]
    for raw in body.iter_lines(chunk_size=1 << 20):
        if job.accept == "application/json":
            yield from rows_of(raw, "json", 0)
        else:
            yield result_line(raw.decode("utf-8", "replace"))
