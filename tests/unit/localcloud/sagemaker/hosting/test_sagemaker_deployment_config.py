"""The rules of a DeploymentConfig: what SageMaker refuses, how large a step is, which course is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import Plane, make_plane, refusal, serve

from localcloud import state
from localcloud.sagemaker.api.call import ServiceError
from localcloud.sagemaker.hosting.deployment_policy import Policy, check_deployment_config, instances_of
from localcloud.state import StateFolder, Switches

A = {"VariantName": "a", "InstanceType": "ml.m5.large"}
B = {"VariantName": "b", "InstanceType": "ml.m5.large"}


def check(config: dict[str, Any] | None, count: int = 4, **others: int) -> None:
    variants = [A, *({**B, "VariantName": name} for name in others)]
    counts = {"a": count, **others}
    check_deployment_config(config, variants, counts, list(counts))


def routing(kind: str, **sizes: Any) -> dict[str, Any]:
    traffic = {"Type": kind, "WaitIntervalInSeconds": 60, **sizes}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic}}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def rolling(size: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 0, **more}}


@pytest.mark.parametrize(
    "config",
    [
        None,
        routing("ALL_AT_ONCE"),
        routing("CANARY", CanarySize=percent(50)),
        routing("CANARY", CanarySize=instances(2)),
        routing("LINEAR", LinearStepSize=percent(10)),
        rolling(percent(5)),
        rolling(instances(2), RollbackMaximumBatchSize=percent(100)),
        {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}},
    ],
)
def test_every_strategy_is_taken(config: dict[str, Any] | None) -> None:
    check(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**routing("ALL_AT_ONCE"), **rolling(percent(50))}, "Only one of BlueGreenUpdatePolicy and RollingUpdatePol"),
        (routing("ALL_AT_ONCE", CanarySize=percent(10)), "cannot be specified for traffic routing ALL_AT_ONCE"),
        (routing("CANARY"), "Traffic routing CANARY takes CanarySize"),
        (routing("LINEAR", CanarySize=percent(10)), "Traffic routing LINEAR takes LinearStepSize"),
        (routing("CANARY", CanarySize=percent(51)), "CanarySize must be between 1 and 50 percent"),
        (routing("CANARY", CanarySize=instances(3)), "50 percent of the 4 instances of production variant a, found 3."),
        (routing("LINEAR", LinearStepSize=percent(9)), "LinearStepSize must be between 10 and 50 percent"),
        (rolling(percent(4)), "RollingUpdatePolicy.MaximumBatchSize must be between 5 and 50 percent"),
        (rolling(instances(3)), "between 5 and 50 percent of the 4 instances of production variant a, found 3."),
        (
            rolling(percent(50), RollbackMaximumBatchSize=instances(5)),
            "RollbackMaximumBatchSize must be between 5 and 100 percent of the 4 instances",
        ),
    ],
)
def test_two_policies_and_steps_out_of_their_range_are_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check(config)
    assert caught.value.code == "ValidationException" and message in caught.value.message


def test_the_new_configuration_has_the_variants_of_the_old() -> None:
    with pytest.raises(ServiceError, match="expected a, b, found a"):
        check_deployment_config(routing("ALL_AT_ONCE"), [A], {"a": 1}, ["b", "a"])
    check_deployment_config(routing("ALL_AT_ONCE"), [A], {"a": 1}, None)


def test_several_variants_are_updated_in_steps_each_by_its_own_capacity() -> None:
    check(routing("CANARY", CanarySize=percent(50)), 4, b=2)
    with pytest.raises(ServiceError, match="50 percent of the 2 instances of production variant b, found 2"):
        check(routing("CANARY", CanarySize=instances(2)), 4, b=2)


@pytest.fixture
def switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switches]:
    monkeypatch.setattr(state, "_serving", None)
    state.serve(StateFolder(tmp_path))
    yield Switches(StateFolder(tmp_path))


@pytest.mark.parametrize(
    "config",
    [
        routing("CANARY", CanarySize=percent(50)),
        routing("LINEAR", LinearStepSize=instances(1)),
        rolling(instances(1)),
    ],
)
def test_one_instance_is_not_updated_in_steps_unless_the_switch_says_so(
    config: dict[str, Any], switches: Switches
) -> None:
    with pytest.raises(ServiceError, match="requires at least 2 instances: production variant a has 1"):
        check(config, 1)
    switches.set("one-instance-step", "accepted")
    check(config, 1)


@pytest.mark.parametrize(
    ("size", "capacity", "count"),
    [
        (instances(1), 3, 1),
        (percent(50), 3, 1),
        (percent(50), 4, 2),
        (percent(33), 3, 1),
        (percent(10), 1, 1),
        (percent(30), 10, 3),
        (None, 5, 5),
    ],
)
def test_a_percentage_is_of_the_new_capacity_rounded_down_to_one_at_least(
    size: dict[str, Any] | None, capacity: int, count: int
) -> None:
    assert instances_of(size, capacity) == count


def test_what_the_guardrails_leave_out_falls_back_to_all_at_once_without_a_bake() -> None:
    """Inf1 instances, and rolling updates of several variants: not refused, and not guarded either."""
    canary = routing("CANARY", CanarySize=percent(10))
    inferentia = {**A, "InstanceType": "ml.inf1.xlarge"}
    assert Policy.of(canary, [A]).kind == "CANARY"
    assert Policy.of(canary, [inferentia]) == Policy(excluded=True)
    check(rolling(percent(50)), 4, b=2)
    assert Policy.of(rolling(percent(50)), [A, B]) == Policy(excluded=True)


def test_a_policy_has_its_waits_and_its_alarms() -> None:
    config = routing("CANARY", CanarySize=percent(10))
    config["BlueGreenUpdatePolicy"] |= {"TerminationWaitInSeconds": 120, "MaximumExecutionTimeoutInSeconds": 600}
    config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": "x"}, {"AlarmName": "y"}]}
    assert Policy.of(config, [A]) == Policy("CANARY", percent(10), 60, 120, None, 600, ("x", "y"))
    assert Policy.of(None, [A]) == Policy()


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return make_plane(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Type": "BLUE"}, "Member must satisfy enum value set: [ALL_AT_ONCE, CANARY, LINEAR]"),
        ({"WaitIntervalInSeconds": 3601}, "Member must have value less than or equal to 3600"),
        ({"WaitIntervalInSeconds": None}, "Member must not be null"),
    ],
)
def test_what_botocore_does_not_check_the_service_does(plane: Plane, changes: dict[str, Any], words: str) -> None:
    serve(plane)
    config = routing("ALL_AT_ONCE")
    config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"].update(changes)
    found = refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1", DeploymentConfig=config)
    assert found.startswith("ValidationException: 1 validation error detected: ") and words in found
    assert plane.endpoint()["EndpointStatus"] == "InService"


@pytest.mark.parametrize("name", ["", "   ", "a" * 256])
def test_an_alarm_has_a_name(plane: Plane, name: str) -> None:
    serve(plane)
    config = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name}]}}
    found = refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1", DeploymentConfig=config)
    assert "alarmName" in found


def test_the_last_deployment_config_is_kept_and_used_again(plane: Plane) -> None:
    config = {**routing("ALL_AT_ONCE"), "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "x"}]}}
    plane.host("c1", ("AllTraffic", "one.tar.gz", 1.0))
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c1", DeploymentConfig=config)
    assert plane.endpoint()["LastDeploymentConfig"] == config
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1", RetainDeploymentConfig=True)
    assert plane.endpoint()["LastDeploymentConfig"] == config
    other = routing("ALL_AT_ONCE")
    both = {"EndpointName": "ep", "EndpointConfigName": "c1", "RetainDeploymentConfig": True, "DeploymentConfig": other}
    assert "cannot be specified when RetainDeploymentConfig" in refusal(plane, "UpdateEndpoint", **both)
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1", DeploymentConfig=other)
    assert plane.endpoint()["LastDeploymentConfig"] == other


def test_the_quota_holds_both_fleets(plane: Plane) -> None:
    serve(plane, instances=11)
    assert refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1").startswith(
        "ResourceLimitExceeded: The account-level service limit 'ml.m5.large for endpoint usage' is 20 Instances, with "
        "current utilization of 11 Instances and a request delta of 11 Instances."
    )
    more = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 21}]
    found = refusal(plane, "UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=more)
    assert "request delta of 10 Instances" in found
