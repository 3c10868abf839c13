"""The part of CreateTrainingJob's request that a stack rules, where the project file has choices."""

from __future__ import annotations

from typing import Any

import pytest
from samples import environment

from infra.state_machines.training_definition import training_job
from kickstand.config.model import Storage, Training
from kickstand.names import Names

KEY = "arn:aws:kms:us-east-1:111122223333:key/1"
OUTPUT = "s3://bikes-dev-111122223333-us-east-1/training"


def request(*, kms_key_arn: str | None = None, **training: Any) -> dict[str, Any]:
    settings = environment(storage=Storage(kms_key_arn=kms_key_arn), training=Training(**training))
    return training_job(Names(settings), role_arn="role")


@pytest.mark.parametrize(("instance_type", "volume"), [("ml.m5.xlarge", KEY), ("ml.m5d.xlarge", None)])
def test_a_key_is_for_the_output_and_for_volumes_that_take_one(instance_type: str, volume: str | None) -> None:
    made = request(kms_key_arn=KEY, instance_type=instance_type)
    assert made["OutputDataConfig"] == {"S3OutputPath": OUTPUT, "KmsKeyId": KEY}
    assert made["ResourceConfig"].get("VolumeKmsKeyId") == volume


def test_spot_training_waits_and_other_training_does_not() -> None:
    assert request()["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    spot = request(spot=True, max_wait_seconds=4000)
    assert spot["EnableManagedSpotTraining"] is True
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 4000}


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
