"""The rows of a transform job in S3: a local file checked and uploaded below its digest, the input, the results.

Rows of a local file are checked as `predict` checks them. The results are read back as lines.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kickstand.aws.errors import AWS_FAILURES, is_denied
from kickstand.aws.s3 import S3Location, parse_location
from kickstand.bucket import TRANSFORM_INPUT
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.names import Names
from training.data.files import FileReport
from training.job.jobs import TransformDescription
from training.prediction.batches import Expected, batches
from training.prediction.endpoint_client import Accept
from training.upload.objects import ObjectUpload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ROWS = "rows.csv"


def rows_key(sha256: str) -> str:
    """Where the rows of a local file lie: under their digest, one object a folder."""
    return f"{TRANSFORM_INPUT.key}{sha256}/{_ROWS}"


def is_local_rows(uri: str) -> bool:
    """Whether a job's input is rows that a local file was uploaded as."""
    return re.search(rf"/{TRANSFORM_INPUT.key}[0-9a-f]{{64}}/{re.escape(_ROWS)}$", uri) is not None


def input_location(uri: str, names: Names) -> S3Location:
    """The location of an S3 URI that a job is to transform.

    Raises InputError for one that the model's role may not read: the stack's own role reads `transform/input/` of the
    environment's bucket alone.
    """
    location = parse_location(uri)
    own = names.environment.roles.hosting is None
    if own and (location.bucket != names.bucket or not location.key.startswith(TRANSFORM_INPUT.key)):
        raise InputError(
            Problem(
                f"The model's role may only read s3://{names.bucket}/{TRANSFORM_INPUT.key}.",
                uri,
                f"Copy it there: aws s3 cp --recursive {uri} s3://{names.bucket}/{TRANSFORM_INPUT.key}NAME/",
            )
        )
    return location


def transform_request(job: str, location: S3Location, *, join: bool) -> dict[str, Any]:
    """The input of an execution: lines of CSV in, one answer a line out.

    join: each line of the results is the row, then the answer.
    """
    request: dict[str, Any] = {
        "TransformJobName": job,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": location.uri}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
    }
    if join:
        request["DataProcessing"] = {"JoinSource": "Input"}
    return request


_SHOWN = 3


def require_one_file(s3: S3Client, location: S3Location) -> None:
    """Raise InputError where a location is not one file: the answers of several do not go into one.

    A location that the caller may not list is taken for one: what a job finds there, its results show. Other errors of
    botocore pass.
    """
    try:
        files = list(islice(_files(s3, location), _SHOWN + 1))
    except AWS_FAILURES as error:
        if is_denied(error):
            return
        raise
    if len(files) == 1:
        return
    if not files:
        raise InputError(Problem("There is no file of rows.", location.uri, "Copy it there, or name another place."))
    more = " and more" if len(files) > _SHOWN else ""
    raise InputError(
        Problem(
            f"Several files lie there, {', '.join(files[:_SHOWN])}{more}; -o takes the answers of one.",
            location.uri,
            "Name one of them, or leave -o away: each file's answers then stay in S3.",
        )
    )


def _files(s3: S3Client, location: S3Location) -> Iterator[str]:
    """The keys that a job on this prefix reads, as SageMaker takes it: of all objects whose key begins so."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.key):
        for found in page.get("Contents", ()):
            if not (found["Key"].endswith("/") and found["Size"] == 0):  # what the console makes for a folder
                yield found["Key"]


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


def result_files(s3: S3Client, job: TransformDescription) -> list[str]:
    """The S3 URIs of a job's results, sorted. Raises botocore's errors."""
    place = parse_location(job.output_uri)
    prefix = f"{place.key.rstrip('/')}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix)
    return sorted(f"s3://{place.bucket}/{entry['Key']}" for page in pages for entry in page.get("Contents", []))


def result_rows(s3: S3Client, job: TransformDescription, accept: Accept = "csv") -> Iterator[str]:
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


def checked_rows(source: BinaryIO, label: str, target: Path, expected: Expected | None) -> FileReport:
    """Write the rows of a CSV to `target` as they will be sent: whole lines, each ending in one newline.

    label: the input's name, for messages. expected: the features of a row, where they are known.
    Raises InputError for what the model would refuse.
    """
    digest, rows, size = hashlib.sha256(), 0, 0
    with target.open("wb") as out:
        for batch in batches(source, label, expected=expected, every_cell=True):
            out.write(batch.body)
            digest.update(batch.body)
            rows, size = rows + batch.rows, size + len(batch.body)
    return FileReport(label, target, digest.hexdigest(), size, rows)


def upload_rows(
    s3: S3Client, environment: Environment, rows: FileReport, *, progress: Callable[[int], None]
) -> tuple[S3Location, bool]:
    """Make sure that the rows are in S3; where, and whether they had to be sent.

    Raises KickstandError where another object stands in their place; botocore's errors pass.
    """
    names, key = Names(environment), rows_key(rows.sha256)
    owner: dict[str, Any] = {} if environment.storage.existing_bucket else {"ExpectedBucketOwner": environment.account}
    kms = environment.storage.kms_key_arn
    writes = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms} if kms else {}
    listed = s3.list_objects_v2(Bucket=names.bucket, Prefix=key, **owner)
    present = any(entry["Key"] == key for entry in listed.get("Contents", []))
    sent = ObjectUpload(s3, names.bucket, owner, writes, progress).put(key, rows, present=present)
    return S3Location(names.bucket, key), sent
