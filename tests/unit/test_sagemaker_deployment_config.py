"""The rules of deployment guardrails."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.sagemaker.deployment_config import check_deployment_config
from localcloud.sagemaker.errors import ServiceError

ONE = [{"VariantName": "a", "InitialInstanceCount": 4}]
TWO = [*ONE, {"VariantName": "b", "InitialInstanceCount": 4}]


def routing(kind: str, **sizes: Any) -> dict[str, Any]:
    traffic = {"Type": kind, "WaitIntervalInSeconds": 60, **sizes}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic}}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(
    "config",
    [
        None,
        routing("ALL_AT_ONCE"),
        routing("CANARY", CanarySize=percent(50)),
        routing("LINEAR", LinearStepSize=percent(10)),
        {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 0}},
    ],
)
def test_what_sagemaker_takes(config: dict[str, Any] | None) -> None:
    check_deployment_config(config, ONE)


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
    check_deployment_config(routing("ALL_AT_ONCE"), TWO)
    for config in (
        routing("CANARY", CanarySize=percent(10)),
        {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 0}},
    ):
        with pytest.raises(ServiceError, match="several variants"):
            check_deployment_config(config, TWO)
