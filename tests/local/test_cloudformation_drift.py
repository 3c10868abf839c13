"""Drift of the resource types that our stacks have, changed by hand through their own services."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sagemaker_world import World, make_world, wait_for
from test_sagemaker_cloudformation import template as hosting_template

Client = Callable[..., Any]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})


def document(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [action], "Resource": "*"}]}


def bucket_policy(bucket: str, action: str) -> dict[str, Any]:
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def training_template(name: str) -> dict[str, Any]:
    block = {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True}
    rule = {
        "Id": "old",
        "Status": "Enabled",
        "Prefix": "training/",
        "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
    }
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    resources = {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": name,
                "PublicAccessBlockConfiguration": block,
                "VersioningConfiguration": {"Status": "Enabled"},
                "LifecycleConfiguration": {"Rules": [rule]},
                "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            },
        },
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": bucket_policy(name, "s3:DeleteObject")},
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": name, "AssumeRolePolicyDocument": TRUST},
        },
        "Inline": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "p", "PolicyDocument": document("s3:ListBucket"), "Roles": [{"Ref": "Role"}]},
        },
        "Managed": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": name, "PolicyDocument": document("s3:GetObject")},
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": name,
                "DefinitionString": DEFINITION,
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            },
        },
    }
    return {"Resources": resources}


@pytest.fixture
def name() -> str:
    return f"drift-{uuid.uuid4().hex[:8]}"


def make(client: Client, name: str, template: dict[str, Any] | str) -> None:
    cloudformation = client("cloudformation")
    body = template if isinstance(template, str) else json.dumps(template)
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=body,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "team", "Value": "rides"}],
    )
    made = wait_for(
        lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0],
        lambda one: not one["StackStatus"].endswith("_IN_PROGRESS"),
        60,
    )
    assert made["StackStatus"] == "CREATE_COMPLETE"


def drift(client: Client, name: str) -> tuple[str, dict[str, list[str]]]:
    """The stack's status and, of each resource that is not as expected, what differs."""
    cloudformation = client("cloudformation")
    detection = cloudformation.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    ended = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    assert ended["DetectionStatus"] == "DETECTION_COMPLETE"
    drifts = cloudformation.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
    changed = {
        one["LogicalResourceId"]: sorted(each["PropertyPath"] for each in one.get("PropertyDifferences", []))
        or [one["StackResourceDriftStatus"]]
        for one in drifts
        if one["StackResourceDriftStatus"] != "IN_SYNC"
    }
    return ended["StackDriftStatus"], changed


def test_what_was_deployed_is_in_sync_and_what_is_changed_by_hand_is_named(client: Client, name: str) -> None:
    make(client, name, training_template(name))
    assert drift(client, name) == ("IN_SYNC", {})

    s3, iam, states = client("s3"), client("iam"), client("stepfunctions")
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(bucket_policy(name, "s3:PutObject")))
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": False, "IgnorePublicAcls": True},
    )
    arn = f"arn:aws:iam::111122223333:policy/{name}"
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document("s3:*")), SetAsDefault=True)
    widened = json.loads(json.dumps(TRUST))
    widened["Statement"][0]["Principal"] = {"AWS": "111122223333"}
    widened["Statement"].append(TRUST["Statement"][0])
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(widened))
    machine = states.list_state_machines()["stateMachines"]
    (machine_arn,) = [one["stateMachineArn"] for one in machine if one["name"] == name]
    other = json.dumps({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}})
    states.update_state_machine(stateMachineArn=machine_arn, definition=other)

    status, changed = drift(client, name)
    assert status == "DRIFTED"
    assert changed == {
        "Bucket": ["/PublicAccessBlockConfiguration/BlockPublicPolicy"],
        "BucketPolicy": ["/PolicyDocument/Statement/0/Action"],
        "Managed": ["/PolicyDocument/Statement/0/Action/0"],
        "Role": ["/AssumeRolePolicyDocument/Statement/0"],
        "Machine": ["/DefinitionString"],
    }


def test_an_inline_policy_is_not_checked_as_on_aws(client: Client, name: str) -> None:
    make(client, name, training_template(name))
    client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document("s3:*")))
    assert drift(client, name) == ("IN_SYNC", {})


def test_settings_of_a_bucket_taken_away_by_hand(client: Client, name: str) -> None:
    make(client, name, training_template(name))
    s3 = client("s3")
    s3.delete_bucket_lifecycle(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
    s3.delete_bucket_policy(Bucket=name)
    _, changed = drift(client, name)
    assert changed == {
        "Bucket": [
            "/LifecycleConfiguration/Rules",
            "/NotificationConfiguration/EventBridgeConfiguration/EventBridgeEnabled",
            "/VersioningConfiguration/Status",
        ],
        "BucketPolicy": ["DELETED"],
    }


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"drift-{uuid.uuid4().hex[:8]}")


@pytest.mark.contract("K04")
def test_an_endpoint_that_serves_another_config(client: Client, world: World, name: str) -> None:
    make(client, name, hosting_template(world, name, world.artifact()))
    assert drift(client, name) == ("IN_SYNC", {})

    sagemaker = client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-hand", ProductionVariants=variants)
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-hand")
    wait_for(
        lambda: sagemaker.describe_endpoint(EndpointName=name), lambda one: one["EndpointStatus"] == "InService", 60
    )
    sagemaker.delete_endpoint_config(EndpointConfigName=config)
    status, changed = drift(client, name)
    assert (status, changed) == ("DRIFTED", {"Endpoint": ["/EndpointConfigName"], "Config": ["DELETED"]})
