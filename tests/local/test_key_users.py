"""SageMaker and CloudWatch Logs with a customer's key: refused at the call where the key or the role does not allow."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_world import ACCOUNT, REGION, Client, World, make_world

OWNER = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
LOGS = {
    "Effect": "Allow",
    "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
    "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
    "Resource": "*",
    "Condition": {
        "ArnEquals": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:mine"}
    },
}
"""The example of https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html."""


def make_key(client: Client, *statements: dict[str, Any]) -> str:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return str(client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"keys-{uuid.uuid4().hex[:8]}")


def test_a_jobs_role_must_be_allowed_the_keys(world: World, client: Client) -> None:
    """Given a key that leaves its account to IAM, and a role without a kms action, by a caller without one either."""
    key, iam, name = make_key(client, OWNER), client("iam"), world.role.rpartition("/")[2]
    user = f"caller-{uuid.uuid4().hex[:6]}"
    iam.create_user(UserName=user)
    allowed = {"Effect": "Allow", "Action": ["sagemaker:*", "iam:PassRole"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)
    access = {**iam.create_access_key(UserName=user)["AccessKey"], "SessionToken": None}
    caller = client("sagemaker", credentials=access)
    job = world.training_job(f"keyed-{uuid.uuid4().hex[:6]}")
    job["OutputDataConfig"]["KmsKeyId"] = job["ResourceConfig"]["VolumeKmsKeyId"] = key
    session = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/SageMaker is not authorized to perform"
    with pytest.raises(ClientError) as caught:
        caller.create_training_job(**job)
    assert caught.value.response["Error"]["Message"] == (
        f"Invalid OutputDataConfig.KmsKeyId: {session}: kms:Encrypt on resource: {key} because no identity-based "
        f"policy allows the kms:Encrypt action; Invalid ResourceConfig.VolumeKmsKeyId: {session}: kms:CreateGrant on "
        f"resource: {key} because no identity-based policy allows the kms:CreateGrant action"
    )
    use = {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:GenerateDataKey"], "Resource": key}
    grant = {"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": key}
    grant["Condition"] = {"Bool": {"kms:GrantIsForAWSResource": "true"}}  # type: ignore[assignment]
    document = json.dumps({"Version": "2012-10-17", "Statement": [use, grant]})
    iam.put_role_policy(RoleName=name, PolicyName="keys", PolicyDocument=document)
    caller.create_training_job(**job)
    ended = world.wait_for_job(job["TrainingJobName"])
    assert ended["TrainingJobStatus"] == "Completed", ended.get("FailureReason")
    iam.delete_role_policy(RoleName=name, PolicyName="keys")


def test_a_log_group_needs_its_service_in_the_keys_policy(client: Client) -> None:
    logs = client("logs")
    closed, opened = make_key(client, OWNER), make_key(client, OWNER, LOGS)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"
    gone = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"
    for key, group in ((closed, "mine"), (opened, "other"), (gone, "mine")):
        with pytest.raises(ClientError) as caught:
            logs.create_log_group(logGroupName=group, kmsKeyId=key)
        assert caught.value.response["Error"] == {
            "Code": "AccessDeniedException",
            "Message": f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}{group}'",
        }
    logs.create_log_group(logGroupName="mine", kmsKeyId=opened)
    logs.delete_log_group(logGroupName="mine")


def test_nor_does_a_stack_make_one(client: Client) -> None:
    cloudformation, stack = client("cloudformation"), f"logs-{uuid.uuid4().hex[:8]}"
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": stack, "KmsKeyId": make_key(client, OWNER)}}
    body = json.dumps({"Resources": {"Group": group}})
    cloudformation.create_stack(StackName=stack, TemplateBody=body, OnFailure="DO_NOTHING")
    deadline = time.monotonic() + 30
    while cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert any("is not allowed to be used with Arn" in reason for reason in reasons), reasons
    cloudformation.delete_stack(StackName=stack)
