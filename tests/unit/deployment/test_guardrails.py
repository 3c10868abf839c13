"""What must hold of an endpoint beside its model: configuration, size, guardrail, alarms; and what an update shows."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.guardrails import require_guardrails, require_quiet_alarms, rollback_problem, update_line
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
        self.reason = ""
        self.there = True
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
            "FailureReason": self.reason,
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
    assert said == "2 instances of Config-2; 6 alarms can take an update back, none is raised"


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
            [f"Expected alarms that take an update back, found none of: {', '.join(NAMES.rollback_alarms)}."],
        ),
        (
            Aws(alarms=dict.fromkeys(NAMES.rollback_alarms[1:], "INSUFFICIENT_DATA")),
            ["The alarm is not there."],
        ),
        (
            Aws(alarms=dict.fromkeys(NAMES.rollback_alarms, "OK") | {"bikes-dev-all-5xx-rate": "ALARM"}),
            ["The alarm is raised: Threshold Crossed: 1 > 0.01."],
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
    ids=["configuration", "size", "guardrail", "missing alarm", "raised alarm", "no endpoint", "all at once"],
)
def test_whatever_differs_fails(aws: Aws, messages: list[str]) -> None:
    with pytest.raises(KickstandError) as failed:
        require_guardrails(aws, NAMES)  # type: ignore[arg-type]
    assert [problem.message for problem in failed.value.problems] == messages


def test_an_update_is_refused_while_its_alarm_is_raised() -> None:
    raised = Aws(alarms={"bikes-dev-new-model-errors": "ALARM", "bikes-dev-all-model-errors": "OK"})
    with pytest.raises(KickstandError) as refused:
        require_quiet_alarms(raised, NAMES)  # type: ignore[arg-type]
    (problem,) = refused.value.problems
    assert problem.message == (
        "The alarm bikes-dev-new-model-errors is raised, and would take the update back: Threshold Crossed: 1 > 0.01."
    )
    require_quiet_alarms(Aws(), NAMES)  # type: ignore[arg-type]
    require_quiet_alarms(Aws(there=False), NAMES)  # type: ignore[arg-type]


def test_a_rollback_names_its_alarm_and_what_serves() -> None:
    alarm = Aws(config="config-1", alarms={"bikes-dev-new-5xx-rate": "ALARM"})
    problem = rollback_problem(alarm, NAMES, "config-1")  # type: ignore[arg-type]
    assert problem is not None
    assert problem.message == (
        "SageMaker has taken the update back: the alarm bikes-dev-new-5xx-rate was raised: Threshold Crossed: "
        "1 > 0.01. The configuration config-1 serves all requests."
    )
    told = Aws(config="config-1", reason="The ping health check failed.")
    problem = rollback_problem(told, NAMES, "config-1")  # type: ignore[arg-type]
    assert problem is not None and problem.message.startswith(
        "SageMaker has taken the update back: The ping health check failed. The configuration config-1"
    )


@pytest.mark.parametrize("aws", [Aws(), Aws(config="config-1"), Aws(there=False)], ids=["updated", "quiet", "gone"])
def test_another_failure_is_no_rollback(aws: Aws) -> None:
    assert rollback_problem(aws, NAMES, "config-1") is None  # type: ignore[arg-type]


def test_an_update_is_a_line() -> None:
    status = {"Status": "Baking", "StatusMessage": "Baking for 300 seconds."}
    variant = {"CurrentInstanceCount": 1, "DesiredInstanceCount": 2, "VariantStatus": [status]}
    summary = {"ProductionVariants": [variant]}
    assert (
        update_line({"PendingDeploymentSummary": summary})
        == "1 of 2 new instances answer requests. Baking for 300 seconds."
    )
    assert update_line({}) == ""
