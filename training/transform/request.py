"""What the transform trigger is asked for, and where in the bucket things lie."""

from __future__ import annotations

import re
from typing import Any

from kickstand.errors import InputError, Problem
from kickstand.names import Names
from training.model.s3_location import S3Location, parse_location

INPUT = "transform/input/"
_ROWS = "rows.csv"


def rows_key(sha256: str) -> str:
    """Where the rows of a local file lie: under their digest, one object a folder."""
    return f"{INPUT}{sha256}/{_ROWS}"


def is_local_rows(uri: str) -> bool:
    """Whether a job's input is rows that a local file was uploaded as."""
    return re.search(rf"/{INPUT}[0-9a-f]{{64}}/{re.escape(_ROWS)}$", uri) is not None


def input_location(uri: str, names: Names) -> S3Location:
    """The location of an S3 URI that a job is to transform.

    Raises InputError for one that the model's role may not read: the stack's own role reads `transform/input/` of the
    environment's bucket alone.
    """
    location = parse_location(uri)
    own = names.environment.roles.hosting is None
    if own and (location.bucket != names.bucket or not location.key.startswith(INPUT)):
        raise InputError(
            Problem(
                f"The model's role may only read s3://{names.bucket}/{INPUT}.",
                uri,
                f"Copy it there: aws s3 cp --recursive {uri} s3://{names.bucket}/{INPUT}NAME/",
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
