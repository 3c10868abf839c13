"""A stack that tests change, through change sets as the CDK does."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

Client = Callable[..., Any]


def parameter(name: str, value: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": value}}


class Stack:
    """A stack under test, worked with through change sets as the CDK does."""

    def __init__(self, client: Client) -> None:
        self.cfn = client("cloudformation")
        self.ssm = client("ssm")
        self.name = f"changes-{uuid.uuid4().hex[:8]}"

    def change_set(self, template: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A change set of the template, described; AWS refuses it with ClientError."""
        name, kind = f"c{uuid.uuid4().hex[:8]}", "UPDATE"
        try:
            self.cfn.describe_stacks(StackName=self.name)
        except ClientError:
            kind = "CREATE"
        self.cfn.create_change_set(
            StackName=self.name, ChangeSetName=name, ChangeSetType=kind, TemplateBody=json.dumps(template), **more
        )
        found: dict[str, Any] = self.cfn.describe_change_set(StackName=self.name, ChangeSetName=name)
        return found

    def deploy(self, template: dict[str, Any], **more: Any) -> str:
        """The status in which the deployment ends."""
        made = self.change_set(template, **more)
        assert made["Status"] == "CREATE_COMPLETE", made
        self.cfn.execute_change_set(StackName=self.name, ChangeSetName=made["ChangeSetName"])
        return self.settled()

    def settled(self) -> str:
        deadline = time.time() + 20
        while (status := self.describe()["StackStatus"]).endswith("_IN_PROGRESS"):
            assert time.time() < deadline
            time.sleep(0.05)
        return str(status)

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cfn.describe_stacks(StackName=self.name)["Stacks"][0]
        return found

    def events(self) -> list[tuple[str, str]]:
        """(logical id, status) of the last operation, first to last."""
        found = []
        for event in self.cfn.describe_stack_events(StackName=self.name)["StackEvents"]:
            found.append((event["LogicalResourceId"].replace(self.name, "Stack"), event["ResourceStatus"]))
            if found[-1] in (("Stack", "CREATE_IN_PROGRESS"), ("Stack", "UPDATE_IN_PROGRESS")):
                break
        return found[::-1]

    def value(self, name: str) -> str | None:
        try:
            return str(self.ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except self.ssm.exceptions.ParameterNotFound:
            return None
