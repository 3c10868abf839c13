"""A stack's deletion is followed to its end, and a failure is told in CloudFormation's words."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.destroy import delete_stack, wait_for_endpoint
from kickstand.errors import KickstandError
from kickstand.names import Names


class CloudFormation:
    """Plays statuses and events, one more event at each look."""

    def __init__(self, statuses: list[str], events: list[dict[str, str]]) -> None:
        self.statuses, self.coming, self.deleted = statuses, events, False
        self.events = [
            {"EventId": "old", "ResourceType": "x", "LogicalResourceId": "x", "ResourceStatus": "CREATE_COMPLETE"}
        ]

    def client(self, _service: str) -> CloudFormation:
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        status = self.statuses.pop(0) if self.deleted else "CREATE_COMPLETE"
        return {"Stacks": [{"StackId": "arn:stack/1", "StackStatus": status}]}

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        assert StackName == "arn:stack/1"
        self.deleted = True

    def get_paginator(self, _name: str) -> CloudFormation:
        return self

    def paginate(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        if self.deleted and self.coming:
            self.events.insert(0, self.coming.pop(0))
        return [{"StackEvents": list(self.events)}]


def event(number: int, status: str, reason: str = "") -> dict[str, str]:
    return {
        "EventId": str(number),
        "ResourceType": "AWS::SageMaker::Model",
        "LogicalResourceId": "Model",
        "PhysicalResourceId": "arn:aws:sagemaker:us-east-1:1:model/bikes",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def test_each_resource_is_shown_as_it_goes() -> None:
    shown: list[str] = []
    aws = CloudFormation(
        ["DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"],
        [event(1, "DELETE_IN_PROGRESS"), event(2, "DELETE_COMPLETE"), event(3, "DELETE_SKIPPED")],
    )
    delete_stack(aws, "bikes-dev-hosting", show=shown.append, sleep=lambda seconds: None)  # type: ignore[arg-type]
    assert shown == ["AWS::SageMaker::Model bikes", "kept AWS::SageMaker::Model bikes"]


def test_a_failure_carries_cloudformations_reason() -> None:
    aws = CloudFormation(["DELETE_FAILED"], [event(1, "DELETE_FAILED", "The bucket you tried to delete is not empty")])
    with pytest.raises(KickstandError) as failed:
        delete_stack(aws, "bikes-dev-training", show=lambda line: None, sleep=lambda seconds: None)  # type: ignore[arg-type]
    (problem,) = failed.value.problems
    assert (problem.message, problem.where) == (
        "The bucket you tried to delete is not empty",
        "Model of bikes-dev-training",
    )


def test_a_stack_that_is_gone_by_now_is_deleted() -> None:
    class Gone(CloudFormation):
        def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")

    delete_stack(Gone([], []), "bikes-dev-hosting", show=lambda line: None)  # type: ignore[arg-type]


def test_termination_protection_is_ended_first() -> None:
    class Protected(CloudFormation):
        protected = True

        def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
            (stack,) = super().describe_stacks(StackName)["Stacks"]
            return {"Stacks": [{**stack, "EnableTerminationProtection": self.protected}]}

        def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
            assert StackName == "arn:stack/1"
            self.protected = EnableTerminationProtection

        def delete_stack(self, StackName: str) -> None:  # noqa: N803
            assert not self.protected
            super().delete_stack(StackName)

    shown: list[str] = []
    aws = Protected(["DELETE_COMPLETE"], [])
    delete_stack(aws, "bikes-prod-hosting", show=shown.append, sleep=lambda seconds: None)  # type: ignore[arg-type]
    assert shown == ["termination protection of bikes-prod-hosting is off"]


class Endpoint:
    """An endpoint that plays its statuses, one at each look; its stack is at rest."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)

    def client(self, _service: str) -> Endpoint:
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "bikes-dev-hosting"
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        status = self.statuses.pop(0)
        if status == "gone":
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find it."}}, "x")
        return {"EndpointStatus": status}


@pytest.mark.parametrize(
    ("statuses", "waited", "lines"),
    [
        (("InService",), 0, []),
        (("gone",), 0, []),
        (("Failed",), 0, []),
        (("Updating", "Updating", "RollingBack", "InService"), 3, ["Updating", "RollingBack"]),
    ],
)
def test_an_endpoint_in_an_update_is_waited_for(statuses: tuple[str, ...], waited: int, lines: list[str]) -> None:
    said, slept = list[str](), list[float]()
    wait_for_endpoint(Endpoint(*statuses), Names(environment()), say=said.append, sleep=slept.append)  # type: ignore[arg-type]
    assert len(slept) == waited
    assert said == [
        f"bikes-dev is {status} and cannot be deleted yet. Waiting for it; Ctrl-C ends the waiting." for status in lines
    ]
