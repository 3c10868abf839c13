"""What IAM is asked of roles: PassRole for SageMaker, and the conditions of the trust that a service comes under."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from state_machines import ACCOUNT, Client, new_role, run

READ = {
    "StartAt": "List",
    "States": {"List": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "End": True}},
}


def trust(service: str, condition: dict[str, Any]) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role_with(client: Client, service: str, condition: dict[str, Any]) -> str:
    iam, name = client("iam"), f"r-{uuid.uuid4().hex[:10]}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service, condition))
    document = {"Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", **document}))
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def create(client: Client, name: str, role: str) -> str:
    made = client("stepfunctions").create_state_machine(name=name, roleArn=role, definition=json.dumps(READ))
    return str(made["stateMachineArn"])


def test_a_trust_in_this_account_and_state_machine_is_enough(client: Client) -> None:
    name = f"m-{uuid.uuid4().hex[:8]}"
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{name}"
    role = role_with(
        client,
        "states.amazonaws.com",
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": arn}},
    )

    assert run(client, create(client, name, role))["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": "444455556666"}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:another"}},
        {"StringEquals": {"sts:ExternalId": "secret"}},
    ],
)
def test_a_trust_for_another_is_none(client: Client, condition: dict[str, Any]) -> None:
    role = role_with(client, "states.amazonaws.com", condition)

    with pytest.raises(ClientError, match="is authorized to assume the provided role"):
        create(client, f"m-{uuid.uuid4().hex[:8]}", role)


def user(client: Client, *statements: dict[str, Any]) -> Client:
    """Clients of a new user who may do this."""
    iam, name = client("iam"), f"u-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return lambda service: client(service, credentials={**key, "SessionToken": None})


def model_request(role: str) -> dict[str, Any]:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    container = {"Image": image, "ModelDataUrl": "s3://bucket/models/model.tar.gz"}
    return {"ModelName": f"m-{uuid.uuid4().hex[:8]}", "ExecutionRoleArn": role, "PrimaryContainer": container}


SAGEMAKER = {"Action": "sagemaker:*", "Resource": "*"}


def pass_role(role: str, service: str) -> dict[str, Any]:
    return {
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": service}},
    }


def test_a_model_needs_the_right_to_pass_its_role(client: Client) -> None:
    role = new_role(client, "sagemaker.amazonaws.com")
    without = user(client, SAGEMAKER)("sagemaker")
    to_another = user(client, SAGEMAKER, pass_role(role, "states.amazonaws.com"))("sagemaker")

    for refused in (without, to_another):
        with pytest.raises(ClientError) as error:
            refused.create_model(**model_request(role))
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
        assert f"iam:PassRole on resource: {role}" in error.value.response["Error"]["Message"]

    allowed = user(client, SAGEMAKER, pass_role(role, "sagemaker.amazonaws.com"))("sagemaker")
    with pytest.raises(ClientError) as further:
        allowed.create_model(**model_request(role))
    # The role may be passed; what is refused now is its own reach to the artifact.
    assert further.value.response["Error"]["Code"] == "ValidationException"


def test_a_state_machine_passes_roles_in_its_own_name(client: Client) -> None:
    model = model_request(new_role(client, "sagemaker.amazonaws.com"))
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **SAGEMAKER}]}
    machine_role = new_role(client, policy=json.dumps(document))
    states = {
        "Create": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sagemaker:createModel",
            "Parameters": model,
            "End": True,
        }
    }
    arn = client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:8]}",
        roleArn=machine_role,
        definition=json.dumps({"StartAt": "Create", "States": states}),
    )["stateMachineArn"]

    end = run(client, arn)

    assert (end["status"], end["error"]) == ("FAILED", "SageMaker.SageMakerException")
    assert "iam:PassRole" in end["cause"]
    assert "assumed-role/r-" in end["cause"]
