"""The objects of captured requests of one endpoint, in the order of time, across the models that answered.

`PREFIX/SHA256/ENDPOINT/VARIANT/yyyy/mm/dd/hh/MM-SS-mmm-UUID.jsonl`: under one model and variant the order of keys is
that of time, so listing begins at an hour, and no list is held in memory.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kickstand.errors import InputError, Problem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class CapturedObject:
    """An object of captured requests. moment: `yyyy/mm/dd/hh/MM-SS-mmm-UUID.jsonl`; model: the digest."""

    moment: str
    model: str
    key: str


def captured_objects(
    s3: S3Client, bucket: str, prefix: str, endpoint: str, since: datetime | None
) -> Iterator[CapturedObject]:
    """The objects of an endpoint from the hour of a moment on, of all its models, oldest first.

    prefix: `[hosting.capture] prefix`. since: in UTC; None for all that there are.
    """
    return heapq.merge(
        *(
            _below(s3, bucket, variant, model, since)
            for model in _folders(s3, bucket, f"{prefix}/")
            if _DIGEST.fullmatch(model)
            for name in _folders(s3, bucket, f"{prefix}/{model}/{endpoint}/")
            for variant in [f"{prefix}/{model}/{endpoint}/{name}/"]
        )
    )


def _folders(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
    return [one.removeprefix(prefix).rstrip("/") for one in found]


def _below(s3: S3Client, bucket: str, prefix: str, model: str, since: datetime | None) -> Iterator[CapturedObject]:
    start = f"{prefix}{since:%Y/%m/%d/%H}" if since is not None else prefix
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=start):
        for one in page.get("Contents", ()):
            if one["Key"].endswith(".jsonl"):
                yield CapturedObject(one["Key"].removeprefix(prefix), model, one["Key"])


def read_lines(s3: S3Client, bucket: str, key: str) -> Iterator[bytes]:
    """The records of an object, read as it arrives."""
    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    for line in body.iter_lines(chunk_size=1 << 20):
        if line:
            yield line


_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def moment_of(text: str, now: datetime) -> datetime:
    """The moment that `--since` names: a day, a day and a time (both in UTC), or how long ago: `30m`, `6h`, `7d`.

    InputError: it is none of these, or lies ahead of `now`.
    """
    ago = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if ago is not None:
        return datetime.fromtimestamp(max(0.0, now.timestamp() - int(ago[1]) * _UNITS[ago[2]]), now.tzinfo)
    fix = "For example: 7d, 6h, 30m, 2026-11-29, 2026-11-29T14:00. Days and times are UTC."
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(Problem(f"Expected a moment, found {text!r}.", "--since", fix)) from None
    moment = found.replace(tzinfo=now.tzinfo) if found.tzinfo is None else found.astimezone(now.tzinfo)
    if moment > now:
        raise InputError(Problem(f"{text} has not come yet: it is {now:%Y-%m-%dT%H:%M:%SZ}.", "--since", fix))
    return moment
