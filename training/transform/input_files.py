"""The input files of a transform job on S3, looked at before the job is paid for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from kickstand.aws_errors import AWS_FAILURES
from kickstand.errors import InputError, Problem
from training.job.transient import denied
from training.model.s3_location import S3Location

_SHOWN = 3


def require_one_file(s3: Any, location: S3Location) -> None:
    """Raise InputError where a location is not one file: the answers of several do not go into one.

    A location that the caller may not list is taken for one: what a job finds there, its results show. Other errors of
    botocore pass.
    """
    try:
        files = list(islice(_files(s3, location), _SHOWN + 1))
    except AWS_FAILURES as error:
        if denied(error):
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


def _files(s3: Any, location: S3Location) -> Iterator[str]:
    """The keys that a job on this prefix reads, as SageMaker takes it: of all objects whose key begins so."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.key):
        for found in page.get("Contents", ()):
            if not (found["Key"].endswith("/") and found["Size"] == 0):  # what the console makes for a folder
                yield found["Key"]
