"""State machines and the roles that they work with, for tests against a running local cloud."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

ACCOUNT = "111122223333"
Client = Callable[..., Any]


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action: str | list[str], resource: str | list[str]) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def new_role(client: Client, service: str = "states.amazonaws.com", policy: str | None = None) -> str:
    iam, name = client("iam"), f"r-{uuid.uuid4().hex[:10]}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def new_machine(client: Client, role: str, states: dict[str, Any], **top: Any) -> str:
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **top}
    made = client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:10]}", roleArn=role, definition=json.dumps(definition)
    )
    return str(made["stateMachineArn"])


def run(client: Client, machine: str, given: Any = None) -> dict[str, Any]:
    """The execution's end, as DescribeExecution tells it."""
    states = client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))["executionArn"]
    return ended(client, arn)


def ended(client: Client, arn: str) -> dict[str, Any]:
    states, deadline = client("stepfunctions"), time.time() + 20
    while time.time() < deadline:
        found: dict[str, Any] = states.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            return found
        time.sleep(0.05)
    raise AssertionError(f"{arn} is still running")
