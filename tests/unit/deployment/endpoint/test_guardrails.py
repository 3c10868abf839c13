"""What must hold of an endpoint beside its model: configuration, size, guardrail, alarms."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.endpoint.verify import require_guardrails
from kickstand.config.model import Hosting
from kickstand.config.operation import Scaling
from kickstand.errors import KickstandError
from kickstand.names import Names

NAMES = Names(environment())
CONFIG_ARN = "arn:aws:sagemaker:us-east-1:111122223333:endpoint-config/config-2"
NAMED = "Config-2"  # as the endpoint names it


class Aws:
    """SageMaker, CloudFormation and CloudWatch, with what each would answer."""

    def __init__(self, **changes: Any) -> None:
        self.config = NAMED
        self.count = 2
        self.alarms = dict.fromkeys(NAMES.rollback_alarms, "OK")
        self.guardrail: dict[str, Any] = {
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in NAMES.rollback_alarms]}
        }
        self.there = True
        self.stack_alarms = NAMES.rollback_alarms
        vars(self).update(changes)

    def client(self, _service: str) -> Aws:
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointName == "bikes-dev"
        if not self.there:
            message = 'Could not find endpoint "bikes-dev".'
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "DescribeEndpoint")
        return {
            "EndpointConfigName": self.config,
            "EndpointStatus": "InService",
            "ProductionVariants": [{"VariantName": "AllTraffic", "CurrentInstanceCount": self.count}],
            "LastDeploymentConfig": self.guardrail,
        }

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointConfigName == self.config
        return {"ProductionVariants": [{"VariantName": "AllTraffic", "InitialInstanceCount": 2}]}

    def describe_stack_resources(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "bikes-dev-hosting"
        return {
            "StackResources": [
                {"ResourceType": "AWS::SageMaker::Model", "PhysicalResourceId": "model"},
                {"ResourceType": "AWS::SageMaker::EndpointConfig", "PhysicalResourceId": CONFIG_ARN},
                {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": "bikes-dev-cpu"},
                *({"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": one} for one in self.stack_alarms),
            ]
        }

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        return {
            "MetricAlarms": [
                {"AlarmName": name, "StateValue": state, "StateReason": "Threshold Crossed: 1 > 0.01."}
                for name, state in self.alarms.items()
                if name in AlarmNames
            ]
        }


def test_what_holds_is_one_sentence() -> None:
    said = require_guardrails(Aws(), NAMES)  # type: ignore[arg-type]
    assert said == "2 instances of Config-2; 6 alarms can roll an update back, none in ALARM"


@pytest.mark.parametrize(
    ("aws", "messages"),
    [
        (
            Aws(config="by-hand"),
            ["Expected the configuration config-2, as the stack bikes-dev-hosting has it, found by-hand."],
        ),
        (Aws(count=1), ["Expected 2 instances of AllTraffic, found 1."]),
        (
            Aws(guardrail={}),
            [f"Expected alarms that roll an update back, found none of: {', '.join(NAMES.rollback_alarms)}."],
        ),
        (
            Aws(alarms=dict.fromkeys(NAMES.rollback_alarms[1:], "INSUFFICIENT_DATA")),
            ["The alarm does not exist."],
        ),
        (
            Aws(alarms=dict.fromkeys(NAMES.rollback_alarms, "OK") | {"bikes-dev-all-5xx-rate": "ALARM"}),
            ["The alarm is in ALARM: Threshold Crossed: 1 > 0.01."],
        ),
        (
            Aws(stack_alarms=(), alarms={}, guardrail={}),
            ["Expected alarms that roll an update back, found a stack bikes-dev-hosting that has none."],
        ),
        (Aws(there=False), ["There is no such endpoint: nothing is served."]),
        (
            Aws(config="by-hand", count=1),
            [
                "Expected the configuration config-2, as the stack bikes-dev-hosting has it, found by-hand.",
                "Expected 2 instances of AllTraffic, found 1.",
            ],
        ),
    ],
    ids=[
        "configuration",
        "size",
        "guardrail",
        "missing alarm",
        "alarm in ALARM",
        "earlier version",
        "no endpoint",
        "all at once",
    ],
)
def test_whatever_differs_fails(aws: Aws, messages: list[str]) -> None:
    with pytest.raises(KickstandError) as failed:
        require_guardrails(aws, NAMES)  # type: ignore[arg-type]
    assert [problem.message for problem in failed.value.problems] == messages


@pytest.mark.parametrize(("count", "fine"), [(1, False), (2, True), (9, True), (10, False)])
def test_an_endpoint_that_scales_has_as_many_instances_as_its_bounds_allow_at_any_time(count: int, fine: bool) -> None:
    """A timetable may go beyond the other bounds."""
    scaling = Scaling(minimum=3, maximum=8, concurrent_requests=2, schedule=("rate(1 day): 2 to 9",))
    names = Names(environment(hosting=Hosting(scaling=scaling)))
    if fine:
        require_guardrails(Aws(count=count), names)  # type: ignore[arg-type]
        return
    with pytest.raises(KickstandError) as failed:
        require_guardrails(Aws(count=count), names)  # type: ignore[arg-type]
    assert [problem.message for problem in failed.value.problems] == [
        f"Expected 2 to 9 instances of AllTraffic, found {count}."
    ]
