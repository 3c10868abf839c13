"""The results of a transform job, read back from S3 as lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kickstand.errors import KickstandError, Problem
from training.model.s3_location import parse_location
from training.prediction.answers import Accept
from training.transform.description import TransformDescription

# Told that it transforms, the container writes a row of several answers as Python's list: `[0.1, 0.9]`.
_LIST = re.compile(r"\[([^\[\]]*)\]$")


def result_line(line: str, accept: Accept = "csv") -> str:
    """A line of results as `predict` would give it, with the same digits.

    csv: several answers joined by commas alone. json: `{"score": x}`, x a list for several; told that it transforms,
    the container writes lines of text whatever it is asked for.
    """
    text = _LIST.sub(lambda found: found[1].replace(", ", ","), line)
    if accept == "csv":
        return text
    scores = [float(cell) for cell in text.split(",")]
    return json.dumps({"score": scores[0] if len(scores) == 1 else scores})


def result_files(s3: Any, job: TransformDescription) -> list[str]:
    """The S3 URIs of a job's results, sorted. Raises botocore's errors."""
    place = parse_location(job.output_uri)
    prefix = f"{place.key.rstrip('/')}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix)
    return sorted(f"s3://{place.bucket}/{entry['Key']}" for page in pages for entry in page.get("Contents", []))


def result_rows(s3: Any, job: TransformDescription, accept: Accept = "csv") -> Iterator[str]:
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
        yield result_line(raw.decode("utf-8", "replace"), accept)
