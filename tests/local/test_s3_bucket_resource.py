"""AWS::S3::Bucket in a stack: what it is given is set and updated, and a bucket that is not empty stays."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]

FULL = {
    "VersioningConfiguration": {"Status": "Enabled"},
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
        ]
    },
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
    "Tags": [{"Key": "team", "Value": "ml"}],
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "broken-uploads",
                "Status": "Enabled",
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            },
            {
                "Id": "old",
                "Status": "Enabled",
                "Prefix": "training/",
                "ExpirationInDays": 90,
                "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2},
                "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 30}],
            },
        ]
    },
}


def deploy(client: Client, stack: str, properties: dict[str, Any], **attributes: Any) -> str:
    """Create or update a stack of one bucket; the bucket's name."""
    cfn = client("cloudformation")
    body = json.dumps({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties, **attributes}}})
    try:
        cfn.describe_stacks(StackName=stack)
        cfn.update_stack(StackName=stack, TemplateBody=body)
        waiter = "stack_update_complete"
    except ClientError:
        cfn.create_stack(StackName=stack, TemplateBody=body)
        waiter = "stack_create_complete"
    cfn.get_waiter(waiter).wait(StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 50})
    return str(
        cfn.describe_stack_resource(StackName=stack, LogicalResourceId="Bucket")["StackResourceDetail"][
            "PhysicalResourceId"
        ]
    )


@pytest.fixture
def stack() -> str:
    return f"bucket-{uuid.uuid4().hex[:8]}"


def test_a_bucket_has_everything_it_was_given(client: Client, stack: str) -> None:
    bucket, s3 = deploy(client, stack, FULL), client("s3")

    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}]
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert blocked == FULL["PublicAccessBlockConfiguration"]
    controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["EventBridgeConfiguration"] == {}
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert tags["team"] == "ml"
    assert tags["aws:cloudformation:stack-name"] == stack
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [
        {
            "ID": "broken-uploads",
            "Filter": {"Prefix": ""},
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "old",
            "Filter": {"Prefix": "training/"},
            "Status": "Enabled",
            "Expiration": {"Days": 90},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2},
        },
    ]


def test_what_changes_is_updated_in_place_and_what_goes_is_removed(client: Client, stack: str) -> None:
    bucket, s3 = deploy(client, stack, FULL), client("s3")
    changed = json.loads(json.dumps(FULL))
    changed["LifecycleConfiguration"]["Rules"] = [
        {
            "Id": "two",
            "Status": "Disabled",
            "Prefix": "a/",
            "TagFilters": [{"Key": "k", "Value": "v"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 5},
        }
    ]

    assert deploy(client, stack, changed) == bucket

    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rules == [
        {
            "ID": "two",
            "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 0}},
            "Status": "Disabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 5},
        }
    ]
    assert deploy(client, stack, {"Tags": [{"Key": "team", "Value": "data"}]}) == bucket
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_a_lifecycle_that_s3_refuses_fails_the_stack_and_leaves_no_bucket(client: Client, stack: str) -> None:
    rule = {"Status": "Enabled", "ExpirationInDays": 0}
    cfn, name = client("cloudformation"), f"refused-{uuid.uuid4().hex[:8]}"
    body = {"BucketName": name, "LifecycleConfiguration": {"Rules": [rule]}}

    cfn.create_stack(
        StackName=stack,
        TemplateBody=json.dumps({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": body}}}),
    )
    deadline = time.time() + 10
    while cfn.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] != "ROLLBACK_COMPLETE":
        assert time.time() < deadline
        time.sleep(0.05)

    reasons = [e.get("ResourceStatusReason", "") for e in cfn.describe_stack_events(StackName=stack)["StackEvents"]]
    assert any("'Days' for Expiration action must be a positive integer" in reason for reason in reasons)
    with pytest.raises(ClientError, match="404"):
        client("s3").head_bucket(Bucket=name)


def test_a_bucket_that_is_not_empty_is_not_deleted(client: Client, stack: str) -> None:
    cfn, s3 = client("cloudformation"), client("s3")
    bucket = deploy(client, stack, {"VersioningConfiguration": {"Status": "Enabled"}})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]

    cfn.delete_stack(StackName=stack)
    with pytest.raises(Exception, match="DELETE_FAILED"):
        cfn.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 50})

    found = cfn.describe_stacks(StackName=stack)["Stacks"][0]
    assert (found["StackStatus"], found["StackStatusReason"]) == (
        "DELETE_FAILED",
        "The following resource(s) failed to delete: [Bucket].",
    )
    reasons = [e.get("ResourceStatusReason", "") for e in cfn.describe_stack_events(StackName=stack)["StackEvents"]]
    assert any("You must delete all versions in the bucket." in reason for reason in reasons)
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket=bucket)
    versions = s3.list_object_versions(Bucket=bucket)
    assert [v["Key"] for v in versions["Versions"]] == ["k"]
    assert [m["VersionId"] for m in versions["DeleteMarkers"]] == [marker]

    s3.delete_object(Bucket=bucket, Key="k", VersionId=versions["Versions"][0]["VersionId"])
    with pytest.raises(ClientError, match="BucketNotEmpty"):  # a delete marker counts
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    cfn.delete_stack(StackName=stack)
    cfn.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 50})
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=bucket)


def test_a_bucket_that_was_kept_is_taken_back(client: Client) -> None:
    cfn, name, stack = client("cloudformation"), f"kept-{uuid.uuid4().hex[:12]}", f"kept-{uuid.uuid4().hex[:8]}"
    deploy(client, stack, {"BucketName": name}, DeletionPolicy="Retain")
    client("s3").put_object(Bucket=name, Key="evidence", Body=b"1")
    cfn.delete_stack(StackName=stack)
    cfn.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 50})
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}, "DeletionPolicy": "Retain"}
    cfn.create_change_set(
        StackName=stack,
        ChangeSetName="again",
        ChangeSetType="CREATE",
        ImportExistingResources=True,
        TemplateBody=json.dumps({"Resources": {"Bucket": bucket}}),
    )
    cfn.get_waiter("change_set_create_complete").wait(
        StackName=stack, ChangeSetName="again", WaiterConfig={"Delay": 0.2, "MaxAttempts": 50}
    )
    (change,) = cfn.describe_change_set(StackName=stack, ChangeSetName="again")["Changes"]
    assert change["ResourceChange"]["Action"] == "Import"
    cfn.execute_change_set(StackName=stack, ChangeSetName="again")
    cfn.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 50})
    assert client("s3").get_object(Bucket=name, Key="evidence")["Body"].read() == b"1"
