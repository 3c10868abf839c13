"""The manifest: a whole input of the training trigger, written last and once."""

from __future__ import annotations

import hashlib
import json

import pytest
from memory_s3 import MemoryS3, refusal
from samples import ACCOUNT, BUCKET, channel, environment

from kickstand.config.model import Storage, Training
from kickstand.errors import KickstandError
from training.upload.channels import input_data_config, manifest, publish_latest, publish_manifest

CHANNELS = (channel("train", 10), channel("validation", 5), channel("test", 3))


def test_a_job_reads_train_and_validation_and_never_test() -> None:
    config = input_data_config(CHANNELS, environment())
    assert [entry["ChannelName"] for entry in config] == ["train", "validation"]
    assert config[0] == {
        "ChannelName": "train",
        "ContentType": "text/csv",
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": CHANNELS[0].s3_uri,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }


def test_several_instances_share_the_files_where_there_are_enough() -> None:
    many = CHANNELS[0].model_copy(update={"files": CHANNELS[0].files * 4})
    config = input_data_config((many, CHANNELS[1]), environment(training=Training(instance_count=3)))
    kinds = [entry["DataSource"]["S3DataSource"]["S3DataDistributionType"] for entry in config]
    assert kinds == ["ShardedByS3Key", "FullyReplicated"]


def test_the_manifest_is_canonical_and_lies_under_its_digest() -> None:
    s3 = MemoryS3()
    publish_latest(s3, environment(), CHANNELS)
    key = publish_manifest(s3, environment(), CHANNELS)
    body = manifest(CHANNELS, environment())
    assert key == f"manifests/{hashlib.sha256(body).hexdigest()}.json"
    assert json.loads(body) == {
        "HyperParameters": {"num_round": "150", "objective": "reg:squarederror"},
        "InputDataConfig": input_data_config(CHANNELS, environment()),
    }
    assert [(operation, parameters["Key"]) for operation, parameters in s3.requests] == [
        ("put_object", "latest/manifest.json"),
        ("put_object", key),
    ]
    assert set(s3.bodies().values()) == {body}
    assert all(parameters["Bucket"] == BUCKET for _, parameters in s3.requests)
    assert all(parameters["ExpectedBucketOwner"] == ACCOUNT for _, parameters in s3.requests)


def test_published_again_it_starts_no_second_job() -> None:
    s3 = MemoryS3()
    old = publish_manifest(s3, environment(), CHANNELS)
    new = publish_manifest(s3, environment(hyperparameters={"num_round": "1"}), CHANNELS)
    stored = s3.objects[BUCKET, old]
    assert publish_manifest(s3, environment(), CHANNELS) == old != new
    assert s3.objects[BUCKET, old] is stored


def test_the_latest_is_written_over_and_starts_no_job() -> None:
    s3 = MemoryS3()
    for rounds in ("1", "2"):
        publish_latest(s3, environment(hyperparameters={"num_round": rounds}), CHANNELS)
    assert list(s3.bodies()) == ["latest/manifest.json"]
    assert json.loads(s3.bodies()["latest/manifest.json"])["HyperParameters"] == {"num_round": "2"}


def test_the_organisations_key_encrypts_it() -> None:
    s3 = MemoryS3()
    for publish in (publish_latest, publish_manifest):
        publish(s3, environment(storage=Storage(existing_bucket="ours", kms_key_arn="arn:k")), CHANNELS)
    assert [parameters["SSEKMSKeyId"] for _, parameters in s3.requests] == ["arn:k", "arn:k"]


def test_a_refusal_is_told() -> None:
    s3 = MemoryS3(refuse={"put_object": [refusal("AccessDenied", "PutObject", 403)]})
    with pytest.raises(KickstandError, match="Failed while publishing the manifest"):
        publish_manifest(s3, environment(), CHANNELS)
