"""The part of CreateTrainingJob's request that a stack rules, where the project file has choices."""

from __future__ import annotations

from typing import Any

import pytest

from infra.state_machines.training_definition import training_job

KEY = "arn:aws:kms:us-east-1:111122223333:key/1"


def request(**changes: Any) -> dict[str, Any]:
    plain = {
        "image_uri": "image",
        "role_arn": "role",
        "output_uri": "s3://bucket/training",
        "instance_type": "ml.m5.xlarge",
        "instance_count": 1,
        "volume_size_gb": 10,
        "max_runtime_seconds": 600,
        "spot": False,
        "max_wait_seconds": None,
        "kms_key_arn": None,
        "encrypt_inter_container_traffic": False,
        "subnets": (),
        "security_group_ids": (),
    }
    return training_job(**{**plain, **changes})


@pytest.mark.parametrize(("instance_type", "volume"), [("ml.m5.xlarge", KEY), ("ml.m5d.xlarge", None)])
def test_a_key_is_for_the_output_and_for_volumes_that_take_one(instance_type: str, volume: str | None) -> None:
    made = request(kms_key_arn=KEY, instance_type=instance_type)
    assert made["OutputDataConfig"] == {"S3OutputPath": "s3://bucket/training", "KmsKeyId": KEY}
    assert made["ResourceConfig"].get("VolumeKmsKeyId") == volume


def test_spot_training_waits_and_other_training_does_not() -> None:
    assert request()["StoppingCondition"] == {"MaxRuntimeInSeconds": 600}
    spot = request(spot=True, max_wait_seconds=900)
    assert spot["EnableManagedSpotTraining"] is True
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900}


def test_traffic_between_instances_is_encrypted_only_where_it_is_chosen() -> None:
    assert "EnableInterContainerTrafficEncryption" not in request(instance_count=2)
    assert (
        request(instance_count=2, encrypt_inter_container_traffic=True)["EnableInterContainerTrafficEncryption"] is True
    )


def test_a_request_has_no_variable_that_awss_image_does_not_know() -> None:
    assert "Environment" not in request()


def test_a_job_is_in_a_vpc_only_where_there_is_one() -> None:
    assert "VpcConfig" not in request()
    made = request(subnets=("subnet-1",), security_group_ids=("sg-1",))
    assert made["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert made["EnableNetworkIsolation"] is True
