"""A rollback that could not be finished, and is continued: what ContinueUpdateRollback is given to skip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError
from http_calls import sent, signature
from test_cloudformation_role import Owner, allow, parameter, template, unique

from localcloud.cloud import LocalCloud

Client = Callable[..., Any]
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.fixture(scope="module")
def owner(client: Client) -> Owner:
    return Owner(client)


class Failed:
    """A stack in UPDATE_ROLLBACK_FAILED: its update took from its own role what the way back needs."""

    def __init__(self, owner: Owner) -> None:
        self.owner, self.name, self.value = owner, unique("stack"), unique("p")
        role = owner.role("ssm:*", "iam:*")
        self.role = role.rpartition("/")[2]
        owner.cfn.create_stack(
            StackName=self.name,
            TemplateBody=self._template("1", allow("ssm:GetParameters")),
            RoleARN=role,
            Capabilities=["CAPABILITY_IAM"],
        )
        assert owner.settled(self.name) == "CREATE_COMPLETE"
        deny = {"Effect": "Deny", "Action": ["ssm:PutParameter", "iam:PutRolePolicy"], "Resource": "*"}
        failing = {**parameter(unique("p")), "DependsOn": "Limits"}
        self.update(self._template("2", deny, Failing=failing))
        assert owner.settled(self.name) == "UPDATE_ROLLBACK_FAILED"
        assert {where for where, _, _ in owner.failures(self.name)} == {"Failing", "Limits", "Value"}

    def _template(self, value: str, statement: dict[str, Any], **more: dict[str, Any]) -> str:
        document = {"Version": "2012-10-17", "Statement": [statement]}
        limits = {"PolicyName": "limits", "PolicyDocument": document, "Roles": [self.role]}
        policy = {"Type": "AWS::IAM::Policy", "Properties": limits, "DependsOn": "Value"}
        return template(Value=parameter(self.value, value), Limits=policy, **more)

    def update(self, body: str) -> None:
        self.owner.cfn.update_stack(StackName=self.name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])

    def free(self) -> None:
        """Take away by hand what the way back met."""
        self.owner.iam.delete_role_policy(RoleName=self.role, PolicyName="limits")

    @property
    def now(self) -> str:
        return str(self.owner.client("ssm").get_parameter(Name=self.value)["Parameter"]["Value"])


@pytest.fixture
def failed(owner: Owner) -> Failed:
    return Failed(owner)


def test_an_empty_list_of_resources_to_skip_skips_none(failed: Failed) -> None:
    """As `cdk rollback` sends it. What stood in the way is met again, and then it is not there any more."""
    proceed = failed.owner.cfn.continue_update_rollback
    proceed(StackName=failed.name, ResourcesToSkip=[])
    assert failed.owner.settled(failed.name) == "UPDATE_ROLLBACK_FAILED"
    assert failed.now == "2"

    failed.free()
    proceed(StackName=failed.name, ResourcesToSkip=[])
    assert failed.owner.settled(failed.name) == "UPDATE_ROLLBACK_COMPLETE"
    assert failed.now == "1"


def test_an_empty_list_on_the_wire_is_a_name_without_a_value(cloud: LocalCloud, failed: Failed) -> None:
    failed.free()
    form = {"Action": "ContinueUpdateRollback", "Version": "2010-05-15", "StackName": failed.name}
    body = (urlencode(form) + "&ResourcesToSkip=").encode()
    headers = signature(cloud, "cloudformation", "POST", "/", body, **{"Content-Type": FORM})

    status, answer = sent(cloud, "POST", "/", body, headers)

    assert (status, "ContinueUpdateRollbackResult" in answer) == (200, True), answer
    assert failed.owner.settled(failed.name) == "UPDATE_ROLLBACK_COMPLETE"
    assert failed.now == "1"


def test_the_resources_that_are_named_are_skipped_and_only_those_that_failed_can_be(failed: Failed) -> None:
    proceed = failed.owner.cfn.continue_update_rollback
    with pytest.raises(ClientError, match=r"Resource\(s\) \[Other\] cannot be skipped"):
        proceed(StackName=failed.name, ResourcesToSkip=["Value", "Other"])

    proceed(StackName=failed.name, ResourcesToSkip=["Value", "Limits"])
    assert failed.owner.settled(failed.name) == "UPDATE_ROLLBACK_COMPLETE"
    assert failed.now == "2"


def test_every_list_of_an_operation_may_be_empty(client: Client) -> None:
    """No list is a list of one empty name; an empty list of tags takes the stack's tags away, no list keeps them."""
    cfn, name, p = client("cloudformation"), unique("stack"), unique("p")
    body = {"TemplateBody": template(P=parameter(p))}
    empty: dict[str, Any] = {key: [] for key in ("Parameters", "Capabilities", "ResourceTypes", "NotificationARNs")}
    owner = Owner(client)

    cfn.create_stack(StackName=name, **body, **empty, Tags=[{"Key": "team", "Value": "rides"}])
    assert owner.settled(name) == "CREATE_COMPLETE"
    cfn.create_change_set(StackName=name, ChangeSetName="c", **body, **empty, Tags=[], ResourcesToImport=[])
    described = cfn.describe_change_set(StackName=name, ChangeSetName="c")
    assert (described["Parameters"], described["Capabilities"], described["Tags"]) == ([], [], [])
    cfn.delete_change_set(StackName=name, ChangeSetName="c")
    cfn.update_stack(StackName=name, TemplateBody=template(P=parameter(p, "2")), **empty)
    assert owner.settled(name) == "UPDATE_COMPLETE"
    assert owner.stack(name)["Tags"] == [{"Key": "team", "Value": "rides"}]
    cfn.update_stack(StackName=name, TemplateBody=template(P=parameter(p, "2")), **empty, Tags=[])
    assert owner.settled(name) == "UPDATE_COMPLETE"
    assert owner.stack(name)["Tags"] == []
    listed = cfn.list_stacks(StackStatusFilter=[])["StackSummaries"]
    assert name in {one["StackName"] for one in listed}
    cfn.delete_stack(StackName=name, RetainResources=[])
    cfn.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600})
    with pytest.raises(ClientError, match="ParameterNotFound"):
        client("ssm").get_parameter(Name=p)
