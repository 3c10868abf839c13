"""AWS's managed policies grant what AWS's documents say; a policy that does not exist is attached to nobody."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_world import ACCOUNT, TRUST

Client = Callable[..., Any]
AWS = "arn:aws:iam::aws:policy/"
ABSENT = f"{AWS}AmazonSageMakerFullAcess"
SAID = f"Policy {ABSENT} does not exist or is not attachable."


def user(client: Client, *policies: str) -> Client:
    """Clients of a new user with these policies alone."""
    iam, name = client("iam"), f"u-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    for policy in policies:
        iam.attach_user_policy(UserName=name, PolicyArn=f"{AWS}{policy}")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    given = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"], "SessionToken": None}
    return lambda service: client(service, credentials=given)


def code(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code of a call that must be refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_the_full_access_policy_reaches_buckets_named_sagemaker_and_passes_any_role(client: Client) -> None:
    """AmazonSageMakerFullAccess, v29: AllowS3ObjectActions, AllowS3BucketActions, AllowPassRoleToSageMaker."""
    own = user(client, "AmazonSageMakerFullAccess")
    mine, other = f"sagemaker-us-east-1-{uuid.uuid4().hex[:8]}", f"data-{uuid.uuid4().hex[:8]}"
    own("s3").create_bucket(Bucket=mine)
    own("s3").create_bucket(Bucket=other)
    own("s3").put_object(Bucket=mine, Key="train.csv", Body=b"1")
    assert own("s3").list_objects_v2(Bucket=other)["KeyCount"] == 0
    assert code(own("s3").put_object, Bucket=other, Key="train.csv", Body=b"1") == "AccessDenied"
    assert code(own("s3").delete_bucket, Bucket=mine) == "AccessDenied"
    client("iam").create_role(RoleName=other, AssumeRolePolicyDocument=json.dumps(TRUST))
    own("sagemaker").create_model(
        ModelName=other,
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{other}",
        PrimaryContainer={"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"},
    )
    own("sagemaker").delete_model(ModelName=other)
    assert code(own("iam").create_role, RoleName="more", AssumeRolePolicyDocument="{}") == "AccessDenied"


def test_a_readers_policy_reads(client: Client) -> None:
    """AmazonSageMakerReadOnly: Describe*, List*, BatchGetMetrics, GetDeviceRegistration and the like, no write."""
    own = user(client, "AmazonSageMakerReadOnly")
    assert own("sagemaker").list_models(NameContains="none-of-this-name")["Models"] == []
    named = {"Filters": [{"Name": "ModelName", "Operator": "Equals", "Value": "none-of-this-name"}]}
    assert own("sagemaker").search(Resource="Model", SearchExpression=named)["Results"] == []
    assert code(user(client, "AmazonS3FullAccess")("sagemaker").search, Resource="Model") == "AccessDeniedException"
    assert code(own("sagemaker").delete_model, ModelName="none") == "AccessDeniedException"
    assert code(own("s3").list_buckets) == "AccessDenied"


def test_the_documents_are_awss(client: Client) -> None:
    iam = client("iam")
    policy = iam.get_policy(PolicyArn=f"{AWS}AmazonSageMakerFullAccess")["Policy"]
    assert (policy["PolicyName"], policy["DefaultVersionId"], policy["Path"]) == (
        "AmazonSageMakerFullAccess",
        "v29",
        "/",
    )
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId="v29")["PolicyVersion"]
    statements = {statement["Sid"]: statement for statement in version["Document"]["Statement"]}
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSageMakerFullAccess.html
    assert statements["AllowPassRoleToSageMaker"] == {
        "Sid": "AllowPassRoleToSageMaker",
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": "arn:aws:iam::*:role/*",
        "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    }
    pull = iam.get_policy(PolicyArn=f"{AWS}AmazonEC2ContainerRegistryReadOnly")["Policy"]
    version = iam.get_policy_version(PolicyArn=pull["Arn"], VersionId=pull["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"][:3] == [
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
    ]


@pytest.mark.parametrize("kind", ["Role", "User", "Group"])
def test_a_policy_that_does_not_exist_is_attached_to_nobody(client: Client, kind: str) -> None:
    iam, name = client("iam"), f"n-{uuid.uuid4().hex[:8]}"
    more = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "Role" else {}
    getattr(iam, f"create_{kind.lower()}")(**{f"{kind}Name": name, **more})
    gone = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    for arn in (ABSENT, gone):
        with pytest.raises(iam.exceptions.NoSuchEntityException) as refused:
            getattr(iam, f"attach_{kind.lower()}_policy")(**{f"{kind}Name": name, "PolicyArn": arn})
        assert refused.value.response["Error"]["Message"] == f"Policy {arn} does not exist or is not attachable."
    assert code(iam.get_policy, PolicyArn=ABSENT) == "NoSuchEntity"
    attached = getattr(iam, f"list_attached_{kind.lower()}_policies")(**{f"{kind}Name": name})
    assert attached["AttachedPolicies"] == []


def test_nor_by_a_stack(client: Client) -> None:
    cloudformation, stack = client("cloudformation"), f"managed-{uuid.uuid4().hex[:8]}"
    properties = {"AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": [ABSENT]}
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}}
    cloudformation.create_stack(
        StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"], OnFailure="DO_NOTHING"
    )
    deadline = time.monotonic() + 20
    while cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    (reason,) = [event["ResourceStatusReason"] for event in events if event["LogicalResourceId"] == "Role"][:1]
    assert SAID in reason
    assert "(HandlerErrorCode: NotFound)" in reason


def test_an_empty_list_parameter_attaches_nothing(client: Client) -> None:
    """The role of the CDK's bootstrap template, of which everything else hangs."""
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": trust, "ManagedPolicyArns": {"Ref": "Policies"}, "RoleName": "bare"},
    }
    parameters = {"Policies": {"Type": "CommaDelimitedList", "Default": ""}}
    cloudformation, name = client("cloudformation"), "empty-list"
    template = json.dumps({"Parameters": parameters, "Resources": {"Role": role}})
    cloudformation.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
    )
    assert client("iam").get_role(RoleName="bare")["Role"]["RoleName"] == "bare"
    cloudformation.delete_stack(StackName=name)
