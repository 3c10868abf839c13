"""What an execution role may do, as SageMaker asks IAM for it: the alarms that take a deployment back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.core.responses import request_scope

from localcloud.ministack.door.services import iam, sts
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.identity import EmulatorRoles

SCOPE = Scope("111122223333", "us-east-1")
ROLE = "arn:aws:iam::111122223333:role/hosting"
ALARM = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
ACTION = "cloudwatch:DescribeAlarms"


def document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


@pytest.fixture
def roles() -> Iterator[EmulatorRoles]:
    """The role `hosting`, which may describe the alarm `mine`."""
    trust = document(Principal={"Service": "sagemaker.amazonaws.com"}, Action="sts:AssumeRole")
    with request_scope(SCOPE.account, SCOPE.region):
        iam.roles["hosting"] = {
            "RoleName": "hosting",
            "Arn": ROLE,
            "RoleId": "AROAHOSTING",
            "AssumeRolePolicyDocument": trust,
            "InlinePolicies": {"read": document(Action=ACTION, Resource=f"{ALARM}mine")},
            "AttachedPolicies": [],
        }
        yield EmulatorRoles(SimpleNamespace(url="https://127.0.0.1:1", ca="ca.pem"))  # type: ignore[arg-type]
        del iam.roles["hosting"]


@pytest.mark.contract("A04")
def test_a_role_describes_its_own_alarms_and_no_others(roles: EmulatorRoles) -> None:
    sessions = len(sts.sessions)
    assert roles.denial(SCOPE, ROLE, ACTION, f"{ALARM}mine") == ""
    assert roles.denial(SCOPE, ROLE, ACTION, f"{ALARM}other") == (
        "User: arn:aws:sts::111122223333:assumed-role/hosting/SageMaker is not authorized to perform: "
        f"{ACTION} on resource: {ALARM}other because no identity-based policy allows the {ACTION} action"
    )
    assert len(sts.sessions) == sessions


def test_a_role_that_sagemaker_cannot_assume_describes_nothing(roles: EmulatorRoles) -> None:
    gone = ROLE.replace("hosting", "gone")
    assert roles.denial(SCOPE, gone, ACTION, f"{ALARM}mine").startswith(f"Could not assume role {gone}. Please ensure")
