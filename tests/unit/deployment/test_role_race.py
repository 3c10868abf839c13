"""Deployments that IAM was too slow for: recognised by the services' own words, run once more, and no other is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployment.failures import deploy_twice, is_role_race, raced
from kickstand.errors import KickstandError, Problem

MODEL = (
    'Resource handler returned message: "Could not access model data at s3://b/models/aa/model.tar.gz. Please ensure '
    'that the role "arn:aws:iam::1:role/r" exists and that its trust relationship policy allows the action '
    '"sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". Also ensure that the role has '
    '"s3:GetObject" permissions and that the object is located in us-east-1. (Service: SageMaker, Status Code: 400)" '
    "(RequestToken: 1, HandlerErrorCode: InvalidRequest)"
)
MACHINE = (
    'Resource handler returned message: "The state machine IAM Role is not authorized to access the Log Destination '
    '(Service: AWSStepFunctions; Status Code: 400; Error Code: AccessDeniedException)"'
)
TRUST = (
    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the "
    "provided role."
)
SCHEDULE = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
OTHER = 'Resource handler returned message: "Bucket already exists"'


def event(reason: str, kind: str = "AWS::SageMaker::Model", status: str = "CREATE_FAILED") -> dict[str, Any]:
    event_id = f"{kind}{status}{reason}"
    found = {"EventId": event_id, "LogicalResourceId": "X", "ResourceType": kind, "ResourceStatus": status}
    return {**found, "ResourceStatusReason": reason} if reason else found


@pytest.mark.parametrize("reason", [MODEL, MACHINE, TRUST, SCHEDULE])
def test_the_services_own_words_are_known(reason: str) -> None:
    assert is_role_race(reason)


@pytest.mark.parametrize("reason", ["", OTHER, "Could not find model data at s3://b/k.", "Access denied"])
def test_other_words_are_not(reason: str) -> None:
    assert not is_role_race(reason)


def test_cancelled_resources_and_the_stack_itself_do_not_count_and_one_other_failure_does() -> None:
    around = [
        event("", status="CREATE_IN_PROGRESS"),
        event("Resource creation cancelled", "AWS::IAM::ManagedPolicy"),
        event("The following resource(s) failed to create: [X].", "AWS::CloudFormation::Stack"),
        event("", status="DELETE_COMPLETE"),
    ]
    assert raced([*around, event(MODEL)]) == "X (AWS::SageMaker::Model)"
    assert raced(around) == ""
    assert raced([*around, event(MODEL), event(OTHER, "AWS::S3::Bucket")]) == ""


class Stacks:
    """CloudFormation with the events of one stack; every other name is not there."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events = list(events)

    def client(self, service: str) -> Stacks:
        return self

    def get_paginator(self, operation: str) -> Stacks:
        return self

    def paginate(self, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        if StackName != "here":
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStackEvents"
            )
        yield {"StackEvents": self.events}


def deployment(stacks: Stacks, *reasons: str) -> tuple[list[int], Any]:
    """One that fails for each of the reasons in turn, then succeeds; and how often it ran."""
    runs: list[int] = []

    def deploy() -> None:
        runs.append(1)
        if len(runs) <= len(reasons):
            stacks.events.append({**event(reasons[len(runs) - 1]), "EventId": f"new {len(runs)}"})
            raise KickstandError(Problem("cdk deploy failed"))

    return runs, deploy


@pytest.mark.parametrize(
    ("reasons", "runs", "fails"),
    [((), 1, False), ((MODEL,), 2, False), ((MODEL, MODEL), 2, True), ((OTHER,), 1, True), ((MACHINE, OTHER), 2, True)],
)
def test_a_race_is_run_once_more_and_nothing_else_is(reasons: tuple[str, ...], runs: int, fails: bool) -> None:
    stacks, said = Stacks(), list[str]()
    ran, deploy = deployment(stacks, *reasons)
    if fails:
        with pytest.raises(KickstandError, match="cdk deploy failed"):
            deploy_twice(stacks, ("gone", "here"), deploy, said.append)  # type: ignore[arg-type]
    else:
        deploy_twice(stacks, ("gone", "here"), deploy, said.append)  # type: ignore[arg-type]
    assert (len(ran), len(said)) == (runs, runs - 1)
    if said:
        assert said == [
            "X (AWS::SageMaker::Model) was refused because IAM had not spread its new role's policy yet; "
            "deploying once more."
        ]


def test_a_race_of_an_earlier_deployment_is_no_reason() -> None:
    stacks, said = Stacks(event(MODEL)), list[str]()

    def deploy() -> None:
        raise KickstandError(Problem("cdk deploy failed"))

    with pytest.raises(KickstandError):
        deploy_twice(stacks, ("here",), deploy, said.append)  # type: ignore[arg-type]
    assert said == []
