"""Another instance type of an endpoint that scales: when it takes two steps, what the first one does, and no more."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from samples import environment

from deployment.assembly import AssembledStack
from deployment.endpoint.scaling import (
    CHANGE_SET,
    TypeChange,
    autoscaling_off,
    await_scaling,
    type_change,
    without_autoscaling,
)
from kickstand.config.model import Hosting
from kickstand.config.operation import Scaling
from kickstand.errors import KickstandError
from kickstand.names import Names
from review.changes.stacks import StackPair
from review.prepare import scaling_problems

SCALES = Hosting(scaling=Scaling(maximum=4, concurrent_requests=2))
TARGET: dict[str, Any] = {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": {"MinCapacity": 1}}
POLICY: dict[str, Any] = {
    "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
    "Properties": {"ScalingTargetId": {"Ref": "Target"}},
}
ENDPOINT: dict[str, Any] = {"Type": "AWS::SageMaker::Endpoint", "Properties": {"RetainAllVariantProperties": True}}


def template(instance_type: str = "ml.m5.large", *, scales: bool = True) -> dict[str, Any]:
    variant = {"VariantName": "AllTraffic", "InstanceType": instance_type}
    config = {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}}
    scaling = {"Target": TARGET, "Policy": POLICY} if scales else {}
    return {"Parameters": {"P": {}}, "Resources": {"Config": config, "Endpoint": ENDPOINT, **scaling}}


@pytest.mark.parametrize(
    ("live", "planned", "expected"),
    [
        (template(), template("ml.m5.xlarge"), TypeChange("ml.m5.large", "ml.m5.xlarge")),
        # CloudFormation removes a target behind the endpoint's update: leaving it out at once does not help.
        (template(), template("ml.m5.xlarge", scales=False), TypeChange("ml.m5.large", "ml.m5.xlarge")),
        (template(scales=False), template("ml.m5.xlarge"), None),
        (template(), template(), None),
        (template(), None, None),
        (None, template(), None),
    ],
)
def test_which_deployment_takes_two_steps(live: Any, planned: Any, expected: TypeChange | None) -> None:
    assert type_change(live, planned) == expected


def test_the_first_step_leaves_everything_but_autoscaling() -> None:
    assert without_autoscaling(template()) == template(scales=False)


@dataclass
class Account:
    """CloudFormation with the hosting stack `bikes-dev-hosting`. changes: what a change set of it says."""

    template: dict[str, Any]
    changes: list[tuple[str, str, str]]
    made: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def client(self, _service: str) -> Account:
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]}

    def get_template(self, StackName: str, TemplateStage: str) -> dict[str, Any]:  # noqa: N803
        return {"TemplateBody": self.template}

    def create_change_set(self, **request: Any) -> dict[str, Any]:
        self.made.append(request)
        return {"Id": "arn:cs", "StackId": "arn:aws:cloudformation:us-east-1:1:stack/bikes-dev-hosting/1"}

    def describe_change_set(self, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        found = [
            {"ResourceChange": {"Action": action, "LogicalResourceId": name, "ResourceType": kind}}
            for action, name, kind in self.changes
        ]
        return {"Status": "CREATE_COMPLETE", "Changes": found}

    def delete_change_set(self, ChangeSetName: str) -> None:  # noqa: N803
        self.done.append("deleted")

    def execute_change_set(self, ChangeSetName: str) -> None:  # noqa: N803
        self.done.append("executed")

    def get_paginator(self, operation: str) -> Account:
        return self

    def paginate(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        event = {
            "EventId": "1",
            "ResourceType": "AWS::CloudFormation::Stack",
            "PhysicalResourceId": "arn:aws:cloudformation:us-east-1:1:stack/bikes-dev-hosting/1",
            "ResourceStatus": "UPDATE_COMPLETE",
        }
        return [{"StackEvents": [event] if "executed" in self.done else []}]


REMOVED = [("Remove", "Target", TARGET["Type"]), ("Remove", "Policy", POLICY["Type"])]


def planned(instance_type: str) -> AssembledStack:
    place = "aws://111122223333/us-east-1"
    return AssembledStack("bikes-dev-hosting", "dev/hosting", place, template(instance_type), "")


def test_both_steps_are_done_and_said() -> None:
    account, said = Account(template(), [*REMOVED]), []  # type: Account, list[str]
    session: Any = account
    with autoscaling_off(session, planned("ml.m5.xlarge"), said.append, rerun_command="kickstand deploy dev"):
        account.done.append("updated")
    assert account.done == ["executed", "updated"]
    (request,) = account.made
    assert (request["StackName"], request["ChangeSetName"]) == ("bikes-dev-hosting", CHANGE_SET)
    assert json.loads(request["TemplateBody"]) == template(scales=False)
    assert request["Parameters"] == [{"ParameterKey": "P", "UsePreviousValue": True}]
    assert said == [
        "bikes-dev-hosting: the instance type changes from ml.m5.large to ml.m5.xlarge while the endpoint scales, "
        "which SageMaker refuses. It is done in two steps.",
        "bikes-dev-hosting: step 1 of 2, autoscaling is taken off; the endpoint keeps its instances",
        "bikes-dev-hosting: step 2 of 2, ml.m5.xlarge, and autoscaling as the project file has it",
    ]


def test_a_second_step_that_fails_says_what_is_off() -> None:
    said: list[str] = []
    session: Any = Account(template(), [*REMOVED])
    with (
        pytest.raises(RuntimeError),
        autoscaling_off(session, planned("ml.m5.xlarge"), said.append, rerun_command="kickstand deploy dev"),
    ):
        raise RuntimeError
    assert said[-1] == "bikes-dev-hosting: autoscaling is off until step 2 succeeds: kickstand deploy dev"


def test_nothing_is_done_where_the_type_stays() -> None:
    account, said = Account(template(), []), []  # type: Account, list[str]
    session: Any = account
    with autoscaling_off(session, planned("ml.m5.large"), said.append, rerun_command=""):
        account.done.append("updated")
    assert (account.done, account.made, said) == (["updated"], [], [])


def test_a_first_step_that_would_touch_the_endpoint_is_not_done() -> None:
    account = Account(template(), [*REMOVED, ("Modify", "Endpoint", ENDPOINT["Type"])])
    session: Any = account
    with (
        pytest.raises(KickstandError, match=r"It would change Endpoint too\. Nothing was changed\."),
        autoscaling_off(session, planned("ml.m5.xlarge"), lambda line: None, rerun_command=""),
    ):
        account.done.append("updated")
    assert account.done == ["deleted"]


def test_the_change_sets_of_a_review_refuse_it() -> None:
    pair = StackPair("bikes-dev-hosting", template(), template("ml.m5.xlarge"), {}, {}, 0, 0)
    (problem,) = scaling_problems([pair], "bikes-dev-hosting")
    assert problem.message == (
        "The instance type changes from ml.m5.large to ml.m5.xlarge while the endpoint scales. SageMaker refuses that."
    )
    assert [*scaling_problems([pair], "other")] == []


@pytest.mark.parametrize(
    ("hosting", "answers", "waits"),
    [
        (Hosting(), ["Updating"], 0),
        (SCALES, ["Updating", "Updating", "InService"], 2),
        # A deployment on its way, whose end somebody else waits for.
        (SCALES, ["Updating with another configuration"], 0),
        (SCALES, ["Failed"], 0),
    ],
)
def test_a_change_of_the_number_of_instances_is_waited_for(hosting: Hosting, answers: list[str], waits: int) -> None:
    slept: list[float] = []

    def describe_endpoint(EndpointName: str) -> dict[str, Any]:  # noqa: N803
        status, _, pending = answers[len(slept)].partition(" ")
        return {"EndpointStatus": status, **({"PendingDeploymentSummary": {}} if pending else {})}

    session: Any = SimpleNamespace(client=lambda service: SimpleNamespace(describe_endpoint=describe_endpoint))
    await_scaling(session, Names(environment(hosting=hosting)), sleep=slept.append)
    assert len(slept) == waits
