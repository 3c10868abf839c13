"""What a training job reads: SageMaker's channels, and the manifest that announces them.

`manifests/<sha256>.json` is a whole input of the training trigger. It is written after everything that it names,
so that the "new data" rule, which watches these keys, fires once and never too early. `upload` alone writes it: `fit`
starts its job itself, and a rule would start another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kickstand.aws_errors import explained
from kickstand.config.model import Environment
from kickstand.names import Names
from kickstand.release import Channel
from training.conditional_write import write_once

JOB_CHANNELS = ("train", "validation")
"""The channels of the container; the test channel is never shown to a job."""
LATEST_KEY = "latest/manifest.json"
"""A copy of the manifest of what was uploaded last, by `upload` or `fit`: what the schedule trains on."""


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


def publish_latest(s3: Any, environment: Environment, channels: Sequence[Channel]) -> None:
    """Keep the manifest of what was uploaded last where the schedule finds it. No rule watches its key.

    Raises KickstandError for what AWS refuses.
    """
    place = _place(environment, channels)
    with explained("publishing the manifest", f"s3://{place['Bucket']}/{LATEST_KEY}"):
        s3.put_object(Key=LATEST_KEY, **place)


def publish_manifest(s3: Any, environment: Environment, channels: Sequence[Channel]) -> str:
    """Announce uploaded channels; the manifest's key.

    The key is the content's digest: published a second time it is not written again, so no second job starts.
    Raises KickstandError for what AWS refuses.
    """
    place = _place(environment, channels)
    key = f"manifests/{hashlib.sha256(place['Body']).hexdigest()}.json"
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
