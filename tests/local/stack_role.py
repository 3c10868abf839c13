"""A role that a stack makes with its policies, and what AWS answers whoever it does not allow."""

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


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}


def assumed(client: Client, role: dict[str, Any], policies: dict[str, dict[str, Any]], **more: Any) -> Client:
    """Clients of a role that a stack made, with managed policies of the stack."""
    cfn, stack = client("cloudformation"), f"iam-{uuid.uuid4().hex[:8]}"
    trust = document({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"})
    resources: dict[str, Any] = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, **role}},
        **{
            name: {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": policy, "Roles": [{"Ref": "Role"}]},
            }
            for name, policy in policies.items()
        },
        **more,
    }
    cfn.create_stack(
        StackName=stack, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_IAM"]
    )
    deadline = time.time() + 20
    while (status := cfn.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]).endswith("_IN_PROGRESS"):
        assert time.time() < deadline
        time.sleep(0.05)
    assert status == "CREATE_COMPLETE", cfn.describe_stack_events(StackName=stack)["StackEvents"]
    name = cfn.describe_stack_resource(StackName=stack, LogicalResourceId="Role")["StackResourceDetail"][
        "PhysicalResourceId"
    ]
    credentials = client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="test")
    return lambda service: client(service, credentials=credentials["Credentials"])


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, int, str]:
    """Error code, HTTP status and message of a call that must be refused."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"].get("Message", "")
