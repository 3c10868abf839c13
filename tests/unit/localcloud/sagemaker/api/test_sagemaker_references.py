"""Subnets, security groups and keys that do not exist are refused by name, all of a request at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, ROLE, Plane, make_plane, refusal, training_request


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    plane = make_plane(tmp_path)
    plane.fakes.missing |= {"subnet-9", "sg-9", "k9"}
    return plane


def network(*subnets: str, group: str = "sg-1") -> dict[str, Any]:
    return {"VpcConfig": {"Subnets": list(subnets), "SecurityGroupIds": [group]}}


def test_networks(plane: Plane) -> None:
    request = {**training_request(), **network("subnet-1", "subnet-9", group="sg-9")}
    assert refusal(plane, "CreateTrainingJob", **request) == (
        "ValidationException: The subnet ID 'subnet-9' does not exist; The security group 'sg-9' does not exist"
    )
    model = {"ModelName": "m", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": IMAGE}}
    assert refusal(plane, "CreateModel", **model, **network("subnet-9")) == (
        "ValidationException: The subnet ID 'subnet-9' does not exist"
    )
    assert refusal(plane, "CreateModel", **model, **network("subnet-1", "subnet-2")) == (
        "ValidationException: The subnets and security groups of VpcConfig must be of one VPC; found vpc-1, vpc-2"
    )
    plane("CreateModel", **model, **network("subnet-1"))
    plane.train(**network("subnet-1"))
    assert plane.job()["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}


def test_keys(plane: Plane) -> None:
    job = training_request()
    changes = {
        "OutputDataConfig": {**job["OutputDataConfig"], "KmsKeyId": "k9"},
        "ResourceConfig": {**job["ResourceConfig"], "VolumeKmsKeyId": "k9"},
    }
    assert refusal(plane, "CreateTrainingJob", **{**job, **changes}) == (
        "ValidationException: Invalid OutputDataConfig.KmsKeyId: Key 'k9' does not exist; "
        "Invalid ResourceConfig.VolumeKmsKeyId: Key 'k9' does not exist"
    )
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    config = {"EndpointConfigName": "c", "ProductionVariants": [variant], "KmsKeyId": "k9"}
    assert refusal(plane, "CreateEndpointConfig", **config) == (
        "ValidationException: Invalid KmsKeyId: Key 'k9' does not exist"
    )
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}}
    transform = {
        "TransformJobName": "t",
        "ModelName": "m",
        "TransformInput": source,
        "TransformOutput": {"S3OutputPath": "s3://b/out", "KmsKeyId": "k9"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeKmsKeyId": "k9"},
    }
    assert refusal(plane, "CreateTransformJob", **transform) == (
        "ValidationException: Invalid TransformOutput.KmsKeyId: Key 'k9' does not exist; "
        "Invalid TransformResources.VolumeKmsKeyId: Key 'k9' does not exist"
    )
    plane.train(OutputDataConfig={**job["OutputDataConfig"], "KmsKeyId": ""})
    plane.train("with", OutputDataConfig={**job["OutputDataConfig"], "KmsKeyId": "alias/mine"})


def test_the_use_of_keys(plane: Plane) -> None:
    """kms:Encrypt of an output's key and kms:CreateGrant of a volume's, as SageMaker's page of roles lists them."""
    job = training_request()
    output = {"OutputDataConfig": {**job["OutputDataConfig"], "KmsKeyId": "k1"}}
    volume = {"ResourceConfig": {**job["ResourceConfig"], "VolumeKmsKeyId": "k2"}}
    plane.fakes.denied |= {"kms:Encrypt", "kms:CreateGrant"}
    assert refusal(plane, "CreateTrainingJob", **{**job, **output, **volume}) == (
        f"ValidationException: Invalid OutputDataConfig.KmsKeyId: {ROLE} is not authorized to perform: kms:Encrypt on "
        f"resource: k1; Invalid ResourceConfig.VolumeKmsKeyId: {ROLE} is not authorized to perform: kms:CreateGrant on "
        "resource: k2"
    )
    plane.train()
    plane("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    plane("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant], KmsKeyId="k3")
    assert refusal(plane, "CreateEndpoint", EndpointName="e", EndpointConfigName="c") == (
        "ValidationException: Invalid KmsKeyId of c: caller is not authorized to perform: kms:CreateGrant on "
        "resource: k3"
    )
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}}
    transform = {
        "TransformJobName": "t",
        "ModelName": "m",
        "TransformInput": source,
        "TransformOutput": {"S3OutputPath": "s3://b/out", "KmsKeyId": "k4"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    assert refusal(plane, "CreateTransformJob", **transform) == (
        f"ValidationException: Invalid TransformOutput.KmsKeyId: {ROLE} is not authorized to perform: kms:Encrypt on "
        "resource: k4"
    )
    plane.fakes.denied.clear()
    plane.train("again", **output, **volume)
