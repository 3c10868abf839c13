"""Bring a job's channels from S3 to its folder, as SageMaker does in File mode."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.jobs.events import JobFailure, JobStopped
from localcloud.jobs.s3 import S3Location, reason_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class _File:
    source: S3Location
    path: str
    size: int | None


def download_channel(
    s3: S3Client,
    channel: Mapping[str, Any],
    folder: Path,
    *,
    region: str,
    role: str,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Download one entry of InputDataConfig into `folder` and return the number of files.

    S3Prefix: every object below the prefix, its path relative to it. ManifestFile: the objects that the manifest lists.
    Raises JobFailure with SageMaker's reason; JobStopped as soon as `stopped` says so.
    """
    name = channel["ChannelName"]
    source = channel.get("DataSource", {}).get("S3DataSource")
    if source is None:
        raise JobFailure(f"ClientError: Channel {name}: the local cloud reads channels from S3 alone")
    if channel.get("CompressionType", "None") != "None":
        raise JobFailure(f"ClientError: Channel {name}: CompressionType is not supported by the local cloud")
    try:
        location = S3Location.parse(source["S3Uri"])
    except ValueError as error:
        raise JobFailure(f"ClientError: Data download failed: {error}") from None
    kind = source.get("S3DataType", "S3Prefix")
    listings = {"S3Prefix": _prefix, "ManifestFile": _manifest}
    if kind not in listings:
        raise JobFailure(f"ClientError: Channel {name}: S3DataType {kind} is not supported by the local cloud")
    try:
        files = listings[kind](s3, location)
        if not files:
            raise JobFailure(_nothing_found(location, region, role))
        _check_paths(files)
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_PARALLEL, "download") as pool:
            list(pool.map(lambda file: _download(s3, file, folder, stopped), files))
    except (ClientError, BotoCoreError) as error:
        raise JobFailure(f"ClientError: Data download failed:{reason_of(error)} ({location.uri})") from None
    except OSError as error:
        raise JobFailure(f"ClientError: Data download failed:{error.strerror} ({error.filename})") from None
    return len(files)


def _prefix(s3: S3Client, location: S3Location) -> list[_File]:
    """The objects below a prefix; a prefix that is a whole key is that one file."""
    start = location.key if location.key.endswith("/") or not location.key else f"{location.key}/"
    files: list[_File] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.key):
        for entry in page.get("Contents", []):
            key = entry["Key"]
            if key.endswith("/"):
                continue  # a folder of the console, not a file
            path = key.removeprefix(start) if key.startswith(start) else key[location.key.rfind("/") + 1 :]
            files.append(_File(S3Location(location.bucket, key), path, entry["Size"]))
    return files


def _manifest(s3: S3Client, location: S3Location) -> list[_File]:
    """The objects of a manifest: `[{"prefix": "s3://bucket/some/"}, "relative/path", …]`."""
    body = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
    try:
        first, *paths = json.loads(body)
        start = S3Location.parse(first["prefix"])
        if not all(isinstance(path, str) for path in paths):
            raise ValueError("a path is not text")
    except (ValueError, KeyError, TypeError) as error:
        raise JobFailure(f"ClientError: Data download failed:Invalid manifest {location.uri} ({error})") from None
    return [_File(S3Location(start.bucket, start.key + path), path, None) for path in paths]


def _check_paths(files: list[_File]) -> None:
    paths = {PurePosixPath(file.path) for file in files}
    for file in files:
        path = PurePosixPath(file.path)
        if "//" in file.path:
            raise JobFailure(
                f"ClientError: Data download failed:Failed to download data. S3 key: {file.source.uri} "
                "has an illegal char sub-sequence '//' in it"
            )
        if path.is_absolute() or ".." in path.parts or "\\" in file.path or not path.parts:
            raise JobFailure(
                f"ClientError: Data download failed:S3 key {file.source.uri} is not a path below its channel"
            )
        if any(parent in paths for parent in path.parents):
            raise JobFailure(
                "ClientError: Data download failed:Failed to download data. Please check your s3 objects and ensure "
                f"that there is no object that is both a folder as well as a file ({file.source.uri})"
            )


def _download(s3: S3Client, file: _File, folder: Path, stopped: Callable[[], bool]) -> None:
    target = folder / PurePosixPath(file.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    answer = s3.get_object(Bucket=file.source.bucket, Key=file.source.key)
    written = 0
    with target.open("wb") as out:
        for part in answer["Body"].iter_chunks(1 << 20):
            if stopped():
                raise JobStopped
            written += out.write(part)
    if written != answer["ContentLength"]:
        raise JobFailure(
            f"ClientError: Data download failed:{file.source.uri} ended after {written} "
            f"of {answer['ContentLength']} bytes"
        )


def _nothing_found(location: S3Location, region: str, role: str) -> str:
    return (
        f'ClientError: Data download failed:No S3 objects found under S3 URL "{location.uri}" given in input data '
        f"source. Please ensure that the bucket exists in the selected region ({region}), that objects exist under "
        f'that S3 prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket "{location.bucket}".'
    )
