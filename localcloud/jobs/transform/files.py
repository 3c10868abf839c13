"""The files of a transform job: input found in S3 and unpacked here, output at `<S3OutputPath>/<input path>.out`."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.jobs.events import JobFailure
from localcloud.jobs.s3 import S3Location, reason_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class InputFile:
    """One object. output: where its result goes below the job's output path: `<path below the prefix>.out`."""

    source: S3Location
    output: str

    @property
    def label(self) -> str:
        """How the data log calls it."""
        return f"{self.source.bucket}/{self.source.key}"


def input_files(s3: S3Client, request: Mapping[str, Any], *, region: str, role: str) -> list[InputFile]:
    """The objects that a job transforms. Raises JobFailure with SageMaker's reason."""
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    try:
        location = S3Location.parse(source["S3Uri"])
        files = (_manifest if source["S3DataType"] == "ManifestFile" else _prefix)(s3, location)
    except ValueError as error:
        raise JobFailure(f"ClientError: Data download failed:{error}") from None
    except (ClientError, BotoCoreError) as error:
        raise JobFailure(f"ClientError: Data download failed:{reason_of(error)} ({source['S3Uri']})") from None
    if not files:
        raise JobFailure(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{location.uri}" given in input data '
            f"source. Please ensure that the bucket exists in the selected region ({region}), that objects exist under "
            f'that S3 prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket '
            f'"{location.bucket}".'
        )
    return files


@contextlib.contextmanager
def opened(s3: S3Client, file: InputFile, compression: str, scratch: Path) -> Iterator[BinaryIO]:
    """The content of an input file, unpacked. Raises JobFailure for what S3 refuses."""
    scratch.parent.mkdir(parents=True, exist_ok=True)
    try:
        with scratch.open("wb") as out:
            shutil.copyfileobj(s3.get_object(Bucket=file.source.bucket, Key=file.source.key)["Body"], out, 1 << 20)
    except (ClientError, BotoCoreError) as error:
        raise JobFailure(f"ClientError: Data download failed:{reason_of(error)} ({file.source.uri})") from None
    try:
        with scratch.open("rb") as content:
            yield cast("BinaryIO", gzip.GzipFile(fileobj=content)) if compression == "Gzip" else content
    finally:
        scratch.unlink(missing_ok=True)


NOT_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
"""What reading an input raises that is not the gzip file that the job said it is."""


def _prefix(s3: S3Client, location: S3Location) -> list[InputFile]:
    """Every object whose key begins with the prefix; its output is named by the path below the prefix's last `/`."""
    start = location.key.rfind("/") + 1
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.key):
        for entry in page.get("Contents", []):
            key = entry["Key"]
            if not key.endswith("/"):  # a folder of the console, not a file
                below = key[start:] if location.key.endswith("/") or not location.key else _below(key, location.key)
                found.append(InputFile(S3Location(location.bucket, key), f"{below}.out"))
    return found


def _below(key: str, prefix: str) -> str:
    return key.removeprefix(f"{prefix}/") if key.startswith(f"{prefix}/") else key[prefix.rfind("/") + 1 :]


def _manifest(s3: S3Client, location: S3Location) -> list[InputFile]:
    """The objects of a manifest: `[{"prefix": "s3://bucket/some/"}, "relative/path", …]`. Raises ValueError."""
    body = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
    try:
        first, *paths = json.loads(body)
        start = S3Location.parse(first["prefix"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"Invalid manifest {location.uri} ({error})") from None
    if not all(isinstance(path, str) and path for path in paths):
        raise ValueError(f"Invalid manifest {location.uri} (a path is not text)")
    return [InputFile(S3Location(start.bucket, start.key + path), f"{path.lstrip('/')}.out") for path in paths]
