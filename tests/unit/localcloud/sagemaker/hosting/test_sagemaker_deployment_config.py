"""The rules of deployment guardrails."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.sagemaker.api.call import ServiceError
from localcloud.sagemaker.hosting.endpoint import check_deployment_config

ONE = [{"VariantName": "a", "InitialInstanceCount": 4}]
TWO = [*ONE, {"VariantName": "b", "InitialInstanceCount": 4}]


def routing(kind: str, **sizes: Any) -> dict[str, Any]:
    traffic = {"Type": kind, "WaitIntervalInSeconds": 60, **sizes}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic}}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def rolling(value: int) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": percent(value), "WaitIntervalInSeconds": 0}}


def at_once(wait: int = 0, **more: Any) -> dict[str, Any]:
    config = routing("ALL_AT_ONCE")
    config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = wait
    config["BlueGreenUpdatePolicy"].update(more)
    return config


@pytest.mark.parametrize(
    "config",
    [
        None,
        at_once(),
        at_once(MaximumExecutionTimeoutInSeconds=600, TerminationWaitInSeconds=0),
        {**at_once(), "AutoRollbackConfiguration": {"Alarms": []}},
    ],
)
def test_one_switch_of_all_traffic_is_what_it_does(config: dict[str, Any] | None) -> None:
    check_deployment_config(config, ONE)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (routing("CANARY", CanarySize=percent(50)), "traffic routing CANARY"),
        (routing("LINEAR", LinearStepSize=percent(10)), "traffic routing LINEAR"),
        (rolling(50), "RollingUpdatePolicy"),
        (at_once(60), "WaitIntervalInSeconds 60"),
        (at_once(TerminationWaitInSeconds=120), "TerminationWaitInSeconds 120"),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}, "AutoRollbackConfiguration.Alarms"),
    ],
)
def test_waits_steps_and_alarms_are_refused_by_name(config: dict[str, Any], named: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_deployment_config(config, ONE)
    assert caught.value.message == f"DeploymentConfig with {named} is not supported by the local cloud yet."


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (routing("ALL_AT_ONCE", CanarySize=percent(10)), "cannot be specified for traffic routing ALL_AT_ONCE"),
        (routing("CANARY"), "Traffic routing CANARY takes CanarySize"),
        (routing("CANARY", CanarySize=percent(51)), "CanarySize must be between 1 and 50 percent"),
        (routing("LINEAR", LinearStepSize=percent(9)), "LinearStepSize must be between 10 and 50 percent"),
        (
            {"RollingUpdatePolicy": {"MaximumBatchSize": percent(4), "WaitIntervalInSeconds": 0}},
            "RollingUpdatePolicy.MaximumBatchSize must be between 5 and 50 percent",
        ),
        (
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 3},
                    "WaitIntervalInSeconds": 0,
                }
            },
            "at most 50 percent of the variant's 4 instances",
        ),
    ],
)
def test_what_it_refuses(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_deployment_config(config, ONE)
    assert message in caught.value.message


def test_several_variants_move_all_at_once() -> None:
    check_deployment_config(at_once(), TWO)
    for config in (routing("CANARY", CanarySize=percent(10)), rolling(50)):
        with pytest.raises(ServiceError, match="several variants"):
            check_deployment_config(config, TWO)
