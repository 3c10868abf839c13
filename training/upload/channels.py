"""Checked channels in the artifact bucket, below their digest, and the manifest that announces them.

`manifests/<sha256>.json` is a whole input of the training trigger. It is written after everything that it names, so
that the "new data" rule, which watches these keys, fires once and never too early. `upload` alone writes it: `fit`
starts its job itself, and a rule would start another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_code, explained
from kickstand.aws.s3 import parse_location, write_once
from kickstand.bucket import LATEST_MANIFEST, manifest_key
from kickstand.config.model import Environment
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names
from kickstand.release.model import Channel
from training.data.files import DataReport, FileReport, channel_of
from training.upload.objects import ObjectUpload

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client


JOB_CHANNELS = ("train", "validation")
"""The channels of the container; the test channel is never shown to a job."""


def input_data_config(channels: Sequence[Channel], environment: Environment) -> list[dict[str, Any]]:
    """CreateTrainingJob's InputDataConfig for the job's channels.

    With several instances each reads its share of the files, where there are files enough; else all of them.
    """
    instances = environment.training.instance_count
    return [
        {
            "ChannelName": channel.name,
            "ContentType": channel.content_type,
            "InputMode": "File",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": channel.s3_uri,
                    "S3DataDistributionType": _distribution(channel, instances),
                }
            },
        }
        for channel in channels
        if channel.name in JOB_CHANNELS
    ]


def manifest(channels: Sequence[Channel], environment: Environment) -> bytes:
    """The manifest's bytes: canonical JSON, the same for the same data and hyperparameters."""
    content: Mapping[str, Any] = {
        "HyperParameters": dict(environment.hyperparameters),
        "InputDataConfig": input_data_config(channels, environment),
    }
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def publish_latest(s3: S3Client, environment: Environment, channels: Sequence[Channel]) -> None:
    """Keep the manifest of what was uploaded last where the schedule finds it. No rule watches its key.

    Raises KickstandError for what AWS refuses.
    """
    place = _place(environment, channels)
    with explained("publishing the manifest", f"s3://{place['Bucket']}/{LATEST_MANIFEST}"):
        s3.put_object(Key=LATEST_MANIFEST, **place)


def publish_manifest(s3: S3Client, environment: Environment, channels: Sequence[Channel]) -> str:
    """Announce uploaded channels; the manifest's key.

    The key is the content's digest: published a second time it is not written again, so no second job starts.
    Raises KickstandError for what AWS refuses.
    """
    place = _place(environment, channels)
    key = manifest_key(hashlib.sha256(place["Body"]).hexdigest())
    with explained("publishing the manifest", f"s3://{place['Bucket']}/{key}"):
        write_once(lambda: s3.put_object(Key=key, IfNoneMatch="*", **place))
    return key


def _place(environment: Environment, channels: Sequence[Channel]) -> dict[str, Any]:
    """A PutObject request for the manifest, but for the key."""
    place: dict[str, Any] = {
        "Bucket": Names(environment).bucket,
        "Body": manifest(channels, environment),
        "ContentType": "application/json",
        "ChecksumAlgorithm": "SHA256",
    }
    if environment.storage.kms_key_arn:
        place |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": environment.storage.kms_key_arn}
    if not environment.storage.existing_bucket:
        place |= {"ExpectedBucketOwner": environment.account}
    return place


def _distribution(channel: Channel, instances: int) -> str:
    return "ShardedByS3Key" if 1 < instances <= len(channel.files) else "FullyReplicated"


__all__ = ["input_data_config", "publish_manifest", "s3_client", "upload_channels"]


def s3_client(session: boto3.Session) -> Any:
    """A client for uploads: patient with a slow line, with connections enough for parallel parts."""
    from botocore.config import Config

    patient = Config(retries={"total_max_attempts": 5, "mode": "standard"}, max_pool_connections=10, connect_timeout=20)
    return session.client("s3", config=patient)


def upload_channels(
    s3: S3Client,
    environment: Environment,
    report: DataReport,
    *,
    progress: Callable[[int], None] = lambda count: None,
    on_file: Callable[[Channel, FileReport, bool], None] = lambda channel, file, sent: None,
    typed: Callable[[str], str] = "kickstand {}".format,
) -> tuple[Channel, ...]:
    """Upload what is not there yet to `data/<sha256>/<channel>/`, then list it back; the channels as now in S3.

    report:   of the data check: exactly those bytes are uploaded.
    progress: called with the bytes sent, or found in place, since the last call.
    on_file:     called for each file: whether it had to be sent.
    typed:    a Kickstand command as the user would type it, for messages.
    Raises KickstandError where a file has changed since the check, where another object stands in its place,
    where a prefix holds what is not of the channel, and for what AWS refuses.
    """
    names = Names(environment)
    upload = ObjectUpload(s3, names.bucket, _owner(environment), _encryption(environment), progress)
    channels = []
    for found in report.channels.values():
        channel = channel_of(found, names.bucket, environment.data.content_type)
        prefix = parse_location(channel.s3_uri).key
        try:
            there = _listed(s3, names.bucket, prefix, upload.requests)
            for file in found.files:
                on_file(channel, file, upload.put(f"{prefix}{file.name}", file, present=file.name in there))
            _demand_listed(channel, _listed(s3, names.bucket, prefix, upload.requests))
        except (*AWS_FAILURES, OSError) as error:
            raise _explained(error, environment, channel, typed) from error
        channels.append(channel)
    return tuple(channels)


def _owner(environment: Environment) -> dict[str, Any]:
    """Another account's bucket of the same name must not receive the data; an organisation's own may be elsewhere."""
    return {} if environment.storage.existing_bucket else {"ExpectedBucketOwner": environment.account}


def _encryption(environment: Environment) -> dict[str, str]:
    key = environment.storage.kms_key_arn
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}


def _listed(s3: S3Client, bucket: str, prefix: str, requests: Mapping[str, Any]) -> dict[str, int]:
    """Bytes by name of everything below the prefix: what a job would read."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **requests)
    return {item["Key"].removeprefix(prefix): item["Size"] for page in pages for item in page.get("Contents", [])}


def _demand_listed(channel: Channel, listed: Mapping[str, int]) -> None:
    expected = {file.name: file.size for file in channel.files}
    problems = [
        Problem(
            "This object is not of the channel, and a job would read it.",
            f"{channel.s3_uri}{name}",
            "Delete it, then run the same command again.",
        )
        for name in listed
        if name not in expected
    ]
    for name, size in expected.items():
        if listed.get(name) != size:
            found = f"found {listed[name]} bytes" if name in listed else "not found"
            message = f"{size} bytes were uploaded, {found} when listed back."
            problems.append(Problem(message, f"{channel.s3_uri}{name}", "Run the same command again."))
    if problems:
        raise KickstandError(*problems)


def _explained(
    error: Exception, environment: Environment, channel: Channel, typed: Callable[[str], str]
) -> KickstandError:
    bucket = Names(environment).bucket
    if error_code(error) in ("NoSuchBucket", "404"):
        message = f"The artifact bucket {bucket} does not exist."
        if environment.storage.existing_bucket:
            where = environment.where("storage.existing_bucket")
            return KickstandError(Problem(message, where, "Make it, or correct storage.existing_bucket."))
        fix = f"The training stack makes it: {typed(f'deploy {environment.name}')}"
        return KickstandError(Problem(message, f"stack {Names(environment).training_stack}", fix))
    return aws_error(error, f"uploading the {channel.name} channel", channel.s3_uri)
