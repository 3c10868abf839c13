"""CloudFormation makes a stack's resources with its execution role, else with its caller's permissions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]

ACCOUNT = "111122223333"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
LOG_GROUP = ("logs:DescribeLogGroups", "logs:CreateLogGroup", "logs:DeleteLogGroup")
PARAMETER = ("ssm:PutParameter", "ssm:GetParameters", "ssm:DeleteParameter")


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def trust(service: str) -> str:
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


class Owner:
    """The account's root: makes users, roles, and reads stacks."""

    def __init__(self, client: Client) -> None:
        self.client, self.iam, self.cfn = client, client("iam"), client("cloudformation")

    def user(self, *statements: dict[str, Any]) -> tuple[str, Any]:
        """A new user's ARN, and its CloudFormation client."""
        name = unique("user")
        arn = str(self.iam.create_user(UserName=name)["User"]["Arn"])
        self.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return arn, self.client("cloudformation", credentials={**key, "SessionToken": None})

    def role(self, *actions: str, service: str = "cloudformation.amazonaws.com") -> str:
        name = unique("execution")
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))
        self.allow(name, *actions)
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def allow(self, role: str, *actions: str) -> None:
        self.iam.put_role_policy(
            RoleName=role.rpartition("/")[2], PolicyName="own", PolicyDocument=document(allow(*actions))
        )

    def settled(self, name: str) -> str:
        deadline = time.time() + 60
        while (status := self.stack(name)["StackStatus"]).endswith("_IN_PROGRESS"):
            assert time.time() < deadline
            time.sleep(0.05)
        return str(status)

    def stack(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cfn.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def failures(self, name: str) -> list[tuple[str, str, str]]:
        """(logical id, status, reason) of each resource that failed, first to last."""
        events = self.cfn.describe_stack_events(StackName=name)["StackEvents"]
        return [
            (event["LogicalResourceId"], event["ResourceStatus"], event["ResourceStatusReason"])
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED") and event["LogicalResourceId"] != name
        ]


@pytest.fixture(scope="module")
def owner(client: Client) -> Owner:
    return Owner(client)


def template(**resources: dict[str, Any]) -> str:
    return json.dumps({"Resources": resources})


def group(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, **more}}


def parameter(name: str, value: str = "1") -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": value}}


def denied(who: str, action: str, resource: str) -> str:
    """The reason of a resource that IAM does not let CloudFormation make, as its event shows it."""
    return (
        f'Resource handler returned message: "User: {who} is not authorized to perform: {action} on resource: '
        f'{resource} because no identity-based policy allows the {action} action" (HandlerErrorCode: AccessDenied)'
    )


def session(role: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/AWSCloudFormation"


def test_who_may_only_make_stacks_cannot_make_an_administrator(owner: Owner) -> None:
    who, cfn = owner.user(allow("cloudformation:*"))
    name, admin = unique("stack"), unique("admin")
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": admin,
            "AssumeRolePolicyDocument": json.loads(trust("ec2.amazonaws.com")),
            "ManagedPolicyArns": [ADMIN],
        },
    }

    cfn.create_stack(StackName=name, TemplateBody=template(Admin=role), Capabilities=["CAPABILITY_NAMED_IAM"])

    assert owner.settled(name) == "ROLLBACK_COMPLETE"
    assert owner.failures(name) == [
        ("Admin", "CREATE_FAILED", denied(who, "iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/{admin}"))
    ]
    with pytest.raises(ClientError, match="NoSuchEntity"):
        owner.iam.get_role(RoleName=admin)


def test_a_role_is_given_by_those_who_may_pass_it(owner: Owner) -> None:
    role, name = owner.role(*PARAMETER), unique("stack")
    who, cfn = owner.user(allow("cloudformation:*"))

    with pytest.raises(ClientError) as refused:
        cfn.create_stack(StackName=name, TemplateBody=template(P=parameter(unique("p"))), RoleARN=role)

    assert refused.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": f"User: {who} is not authorized to perform: iam:PassRole on resource: {role} because no "
        "identity-based policy allows the iam:PassRole action",
    }
    other = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    _, cfn = owner.user(allow("cloudformation:*"), {**allow("iam:PassRole", resource=role), "Condition": other})
    with pytest.raises(ClientError, match="AccessDenied"):
        cfn.create_change_set(
            StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody="{}", RoleARN=role
        )


@pytest.mark.parametrize("service", ["sagemaker.amazonaws.com", ""])
def test_a_role_that_cloudformation_cannot_assume_is_refused(owner: Owner, service: str) -> None:
    role = owner.role(*PARAMETER, service=service) if service else f"arn:aws:iam::{ACCOUNT}:role/nobody"

    with pytest.raises(ClientError) as refused:
        owner.cfn.create_stack(StackName=unique("stack"), TemplateBody=template(), RoleARN=role)

    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert refused.value.response["Error"]["Message"] == f"Role {role} is invalid or cannot be assumed"


def test_a_stack_keeps_its_role_for_all_who_work_on_it(owner: Owner) -> None:
    role, name, p = owner.role(*PARAMETER), unique("stack"), unique("p")
    _, cfn = owner.user(allow("cloudformation:*"))

    owner.cfn.create_stack(StackName=name, TemplateBody=template(P=parameter(p)), RoleARN=role)
    assert owner.settled(name) == "CREATE_COMPLETE"
    assert owner.stack(name)["RoleARN"] == role
    cfn.update_stack(StackName=name, TemplateBody=template(P=parameter(p, "2")))
    assert owner.settled(name) == "UPDATE_COMPLETE"
    assert owner.client("ssm").get_parameter(Name=p)["Parameter"]["Value"] == "2"
    # The stack's role binds the root too.
    owner.allow(role, "ssm:GetParameters")
    owner.cfn.delete_stack(StackName=name)
    assert owner.settled(name) == "DELETE_FAILED"
    where = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{p}"
    assert owner.failures(name) == [("P", "DELETE_FAILED", denied(session(role), "ssm:DeleteParameter", where))]
    cfn.delete_stack(StackName=name, RetainResources=["P"])
    with pytest.raises(ClientError, match="does not exist"):
        owner.settled(name)


def test_one_missing_action_fails_that_resource_and_the_rest_is_rolled_back(owner: Owner) -> None:
    role, name = owner.role(*PARAMETER, *LOG_GROUP), unique("stack")
    made, failing = unique("p"), unique("/group")
    body = template(Made=parameter(made), Failing={**group(failing, RetentionInDays=7), "DependsOn": "Made"})
    where = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{failing}"

    owner.cfn.create_change_set(
        StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body, RoleARN=role
    )
    owner.cfn.execute_change_set(StackName=name, ChangeSetName="c")

    assert owner.settled(name) == "ROLLBACK_COMPLETE"
    assert owner.failures(name) == [
        ("Failing", "CREATE_FAILED", denied(session(role), "logs:PutRetentionPolicy", where))
    ]
    with pytest.raises(ClientError, match="ParameterNotFound"):
        owner.client("ssm").get_parameter(Name=made)
    # With the action the same stack is made.
    owner.cfn.delete_stack(StackName=name)
    owner.allow(role, *PARAMETER, *LOG_GROUP, "logs:PutRetentionPolicy")
    owner.cfn.create_stack(StackName=name, TemplateBody=body, RoleARN=role)
    assert owner.settled(name) == "CREATE_COMPLETE"


def test_a_tag_that_may_not_be_put_is_told_as_one(owner: Owner) -> None:
    role, name, failing = owner.role(*LOG_GROUP), unique("stack"), unique("/group")
    tagged = group(failing, Tags=[{"Key": "team", "Value": "bikes"}])

    owner.cfn.create_stack(StackName=name, TemplateBody=template(Failing=tagged), RoleARN=role)

    assert owner.settled(name) == "ROLLBACK_COMPLETE"
    where = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{failing}"
    inner = denied(session(role), "logs:TagResource", where).partition('"')[2].rpartition('"')[0]
    ((_, _, reason),) = owner.failures(name)
    assert reason == (
        'Resource handler returned message: "Encountered a permissions error performing a tagging operation, please '
        "add required tag permissions. See "
        "https://repost.aws/knowledge-center/cloudformation-tagging-permission-error for "
        f'how to resolve. Resource handler returned message: "{inner}""'
        " (HandlerErrorCode: UnauthorizedTaggingOperation)"
    )


def test_a_rollback_is_asked_as_well(owner: Owner) -> None:
    role, name, kept = owner.role("ssm:PutParameter", "ssm:GetParameters"), unique("stack"), unique("p")
    body = template(Kept=parameter(kept), Failing={**group(unique("/group")), "DependsOn": "Kept"})

    owner.cfn.create_stack(StackName=name, TemplateBody=body, RoleARN=role)

    assert owner.settled(name) == "ROLLBACK_FAILED"
    assert [(where, status) for where, status, _ in owner.failures(name)] == [
        ("Failing", "CREATE_FAILED"),
        ("Kept", "DELETE_FAILED"),
    ]
    assert owner.client("ssm").get_parameter(Name=kept)["Parameter"]["Value"] == "1"


def test_a_nested_stack_is_made_with_the_same_role(owner: Owner) -> None:
    s3, bucket, p = owner.client("s3"), unique("templates"), unique("p")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="t.json", Body=template(P=parameter(p)).encode())
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": f"https://s3.us-east-1.amazonaws.com/{bucket}/t.json"},
    }
    role, name = owner.role("cloudformation:*", "s3:GetObject"), unique("stack")

    owner.cfn.create_stack(StackName=name, TemplateBody=template(Nested=nested), RoleARN=role)

    assert owner.settled(name) == "ROLLBACK_COMPLETE"
    where = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{p}"
    assert owner.failures(name) == [("Nested", "CREATE_FAILED", denied(session(role), "ssm:PutParameter", where))]


def test_a_template_in_a_bucket_is_read_as_the_caller(owner: Owner) -> None:
    s3, bucket = owner.client("s3"), unique("templates")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="t.json", Body=template(P=parameter(unique("p"))).encode())
    url = f"https://s3.us-east-1.amazonaws.com/{bucket}/t.json"
    _, cfn = owner.user(allow("cloudformation:*"))
    _, reading = owner.user(allow("cloudformation:*"), allow("s3:GetObject", resource=f"arn:aws:s3:::{bucket}/*"))

    with pytest.raises(ClientError) as refused:
        cfn.validate_template(TemplateURL=url)

    assert refused.value.response["Error"]["Message"].startswith("S3 error: Access Denied")
    assert reading.validate_template(TemplateURL=url)["Parameters"] == []


def test_drift_is_detected_as_the_caller_whatever_the_role_may(owner: Owner) -> None:
    role, name, p = owner.role(*PARAMETER), unique("stack"), unique("p")
    owner.cfn.create_stack(StackName=name, TemplateBody=template(P=parameter(p)), RoleARN=role)
    assert owner.settled(name) == "CREATE_COMPLETE"
    who, cfn = owner.user(allow("cloudformation:*", "ssm:GetParameters"))
    _, reading = owner.user(allow("cloudformation:*", "ssm:GetParameters", "ssm:ListTagsForResource"))

    found = cfn.detect_stack_resource_drift(StackName=name, LogicalResourceId="P")["StackResourceDrift"]

    where = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{p}"
    assert found["StackResourceDriftStatus"] == "UNKNOWN"
    assert found["DriftStatusReason"] == denied(who, "ssm:ListTagsForResource", where)
    found = reading.detect_stack_resource_drift(StackName=name, LogicalResourceId="P")["StackResourceDrift"]
    assert found["StackResourceDriftStatus"] == "IN_SYNC"
