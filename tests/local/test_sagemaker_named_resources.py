"""Subnets, security groups and keys of the local cloud's own EC2 and KMS, as SageMaker looks them up."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_world import ACCOUNT, REGION, Client, World, make_world


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"ref-{uuid.uuid4().hex[:8]}")


def refused(world: World, **changes: Any) -> str:
    with pytest.raises(ClientError) as caught:
        world.sagemaker.create_training_job(**world.training_job("refused", **changes))
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    return str(error["Message"])


def test_a_network_is_one_that_ec2_has(world: World, client: Client) -> None:
    ec2 = client("ec2")
    (own, *_) = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    (group, *_) = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [own["VpcId"]]}])["SecurityGroups"]
    assert refused(world, VpcConfig={"Subnets": ["subnet-0123"], "SecurityGroupIds": [group["GroupId"]]}) == (
        "The subnet ID 'subnet-0123' does not exist"
    )
    assert refused(world, VpcConfig={"Subnets": [own["SubnetId"]], "SecurityGroupIds": ["sg-0123"]}) == (
        "The security group 'sg-0123' does not exist"
    )
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    network = {"Subnets": [other], "SecurityGroupIds": [group["GroupId"]]}
    assert refused(world, VpcConfig=network).startswith(
        "The subnets and security groups of VpcConfig must be of one VPC"
    )
    # Another region has other subnets.
    west = client("sagemaker", region="eu-west-1")
    image = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    with pytest.raises(ClientError, match=f"The subnet ID '{other}' does not exist"):
        west.create_model(
            ModelName="w", ExecutionRoleArn=world.role, PrimaryContainer={"Image": image}, VpcConfig=network
        )
    name = f"net-{uuid.uuid4().hex[:8]}"
    image = world.training_job("x")["AlgorithmSpecification"]["TrainingImage"]
    world.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=world.role,
        PrimaryContainer={"Image": image},
        VpcConfig={"Subnets": [own["SubnetId"]], "SecurityGroupIds": [group["GroupId"]]},
    )
    assert world.sagemaker.describe_model(ModelName=name)["VpcConfig"]["Subnets"] == [own["SubnetId"]]


def test_a_key_is_one_that_kms_has_and_that_can_encrypt(world: World, client: Client) -> None:
    kms, resources = client("kms"), world.training_job("x")["ResourceConfig"]

    def with_key(key: str) -> str:
        return refused(world, ResourceConfig={**resources, "VolumeKmsKeyId": key})

    absent = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"
    assert with_key(absent) == f"Invalid ResourceConfig.VolumeKmsKeyId: Key '{absent}' does not exist"
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/nothing"
    assert with_key("alias/nothing") == f"Invalid ResourceConfig.VolumeKmsKeyId: Alias {alias} is not found."
    disabled = kms.create_key()["KeyMetadata"]
    kms.disable_key(KeyId=disabled["KeyId"])
    assert with_key(disabled["KeyId"]) == f"Invalid ResourceConfig.VolumeKmsKeyId: {disabled['Arn']} is disabled."
    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    assert "key usage is SIGN_VERIFY" in with_key(signing)
    kms.enable_key(KeyId=disabled["KeyId"])
    name = f"key-{uuid.uuid4().hex[:8]}"
    world.sagemaker.create_training_job(
        **world.training_job(name, ResourceConfig={**resources, "VolumeKmsKeyId": disabled["KeyId"]})
    )
    assert world.wait_for_job(name)["TrainingJobStatus"] == "Completed"
