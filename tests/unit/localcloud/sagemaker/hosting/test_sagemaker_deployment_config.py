"""The rules of a DeploymentConfig: what SageMaker refuses, how large a step is, which course is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
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


@pytest.mark.contract("U03", "U08", "U09", "U12", "U13", "U15")
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


@pytest.mark.contract("U03", "U05", "U08", "U09", "U12", "U13")
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**routing("ALL_AT_ONCE"), **rolling(percent(50))}, "Only one of BlueGreenUpdatePolicy and RollingUpdatePol"),
        (routing("ALL_AT_ONCE", CanarySize=percent(10)), "cannot be specified for traffic routing ALL_AT_ONCE"),
        (routing("ALL_AT_ONCE", LinearStepSize=percent(10)), "cannot be specified for traffic routing ALL_AT_ONCE"),
        (routing("CANARY"), "Traffic routing CANARY takes CanarySize"),
        (routing("CANARY", LinearStepSize=percent(10)), "Traffic routing CANARY takes CanarySize"),
        (routing("LINEAR", CanarySize=percent(10)), "Traffic routing LINEAR takes LinearStepSize"),
        (routing("CANARY", CanarySize=percent(51)), "CanarySize must be between 1 and 50 percent"),
        (routing("CANARY", CanarySize=instances(3)), "50 percent of the 4 instances of production variant a, found 3."),
        (routing("LINEAR", LinearStepSize=percent(9)), "LinearStepSize must be between 10 and 50 percent"),
        (routing("LINEAR", LinearStepSize=percent(51)), "LinearStepSize must be between 10 and 50 percent"),
        (rolling(percent(4)), "RollingUpdatePolicy.MaximumBatchSize must be between 5 and 50 percent"),
        (rolling(percent(51)), "RollingUpdatePolicy.MaximumBatchSize must be between 5 and 50 percent"),
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


@pytest.mark.contract("U23")
def test_the_new_configuration_has_the_variants_of_the_old() -> None:
    with pytest.raises(ServiceError, match="expected a, b, found a"):
        check_deployment_config(routing("ALL_AT_ONCE"), [A], {"a": 1}, ["b", "a"])
    check_deployment_config(routing("ALL_AT_ONCE"), [A], {"a": 1}, None)


@pytest.mark.contract("X02")
def test_several_variants_are_updated_in_steps_each_by_its_own_capacity() -> None:
    check(routing("CANARY", CanarySize=percent(50)), 4, b=2)
    with pytest.raises(ServiceError, match="50 percent of the 2 instances of production variant b, found 2"):
        check(routing("CANARY", CanarySize=instances(2)), 4, b=2)


@pytest.fixture
def switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switches]:
    monkeypatch.setattr(state, "_serving", None)
    state.serve(StateFolder(tmp_path))
    yield Switches(StateFolder(tmp_path))


@pytest.mark.contract("U17")
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


@pytest.mark.contract("U16")
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


@pytest.mark.contract("X01")
def test_what_the_guardrails_leave_out_falls_back_to_all_at_once_without_a_bake() -> None:
    """Inf1 instances, and rolling updates of several variants: not refused, and not guarded either."""
    canary = routing("CANARY", CanarySize=percent(10))
    inferentia = {**A, "InstanceType": "ml.inf1.xlarge"}
    assert Policy.of(canary, [A]).kind == "CANARY"
    assert Policy.of(canary, [inferentia]) == Policy(excluded=True)
    check(rolling(percent(50)), 4, b=2)
    assert Policy.of(rolling(percent(50)), [A, B]) == Policy(excluded=True)


@pytest.mark.contract("U10", "U14")
def test_a_policy_has_its_waits_and_its_alarms() -> None:
    config = routing("CANARY", CanarySize=percent(10))
    config["BlueGreenUpdatePolicy"] |= {"TerminationWaitInSeconds": 120, "MaximumExecutionTimeoutInSeconds": 600}
    config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": "x"}, {"AlarmName": "y"}]}
    assert Policy.of(config, [A]) == Policy("CANARY", percent(10), 60, 120, None, 600, ("x", "y"))
    assert Policy.of(None, [A]) == Policy()
    assert Policy.of(routing("ALL_AT_ONCE"), [A]).termination_wait == 0


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return make_plane(tmp_path)


SERVICE: Any = botocore.session.get_session().get_service_model("sagemaker")
ENUM = "Member must satisfy enum value set: "


def at_most(value: int) -> str:
    return f"Member must have value less than or equal to {value}"


def alarms(*names: str) -> dict[str, Any]:
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]}}


def changed(**changes: Any) -> dict[str, Any]:
    """A blue/green policy with another traffic routing."""
    config = routing("ALL_AT_ONCE")
    config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"].update(changes)
    return config


def blue_green(**policy: Any) -> dict[str, Any]:
    return {"BlueGreenUpdatePolicy": {**routing("ALL_AT_ONCE")["BlueGreenUpdatePolicy"], **policy}}


PASSES_BOTO3 = [
    pytest.param(changed(Type="BLUE"), f"{ENUM}[ALL_AT_ONCE, CANARY, LINEAR]", marks=pytest.mark.contract("U06")),
    pytest.param(changed(WaitIntervalInSeconds=3601), at_most(3600), marks=pytest.mark.contract("U07")),
    pytest.param(blue_green(TerminationWaitInSeconds=3601), at_most(3600), marks=pytest.mark.contract("U10")),
    pytest.param(blue_green(MaximumExecutionTimeoutInSeconds=28801), at_most(28800), marks=pytest.mark.contract("U11")),
    pytest.param(
        rolling(percent(50), MaximumExecutionTimeoutInSeconds=28801), at_most(28800), marks=pytest.mark.contract("U11")
    ),
    pytest.param(rolling(percent(50), WaitIntervalInSeconds=3601), at_most(3600), marks=pytest.mark.contract("U12")),
    pytest.param(
        changed(Type="CANARY", CanarySize={"Type": "CAPACITY_PERCENTAGE", "Value": 10}),
        f"{ENUM}[INSTANCE_COUNT, CAPACITY_PERCENT]",
        marks=pytest.mark.contract("U15"),
    ),
    pytest.param(alarms(*map(str, range(11))), "length less than or equal to 10", marks=pytest.mark.contract("U14")),
    pytest.param(alarms("   "), "regular expression pattern", marks=pytest.mark.contract("U14")),
    pytest.param(alarms("a" * 256), "length less than or equal to 255", marks=pytest.mark.contract("U14")),
]
FAILS_IN_BOTO3 = [
    pytest.param(changed(WaitIntervalInSeconds=None), "Member must not be null", marks=pytest.mark.contract("U07")),
    pytest.param(changed(Type=None), "Member must not be null", marks=pytest.mark.contract("U06")),
    pytest.param(changed(WaitIntervalInSeconds=-1), "greater than or equal to 0", marks=pytest.mark.contract("U07")),
    pytest.param(
        blue_green(TerminationWaitInSeconds=-1), "greater than or equal to 0", marks=pytest.mark.contract("U10")
    ),
    pytest.param(
        blue_green(MaximumExecutionTimeoutInSeconds=599),
        "greater than or equal to 600",
        marks=pytest.mark.contract("U11"),
    ),
    pytest.param(
        {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50)}},
        "Member must not be null",
        marks=pytest.mark.contract("U12"),
    ),
    pytest.param(
        {"RollingUpdatePolicy": {"WaitIntervalInSeconds": 0}},
        "Member must not be null",
        marks=pytest.mark.contract("U12"),
    ),
    pytest.param(
        changed(Type="CANARY", CanarySize=instances(0)),
        "greater than or equal to 1",
        marks=pytest.mark.contract("U15"),
    ),
    pytest.param(alarms(), "length greater than or equal to 1", marks=pytest.mark.contract("U14")),
    pytest.param(alarms(""), "length greater than or equal to 1", marks=pytest.mark.contract("U14")),
]


def refused_by_the_service(plane: Plane, config: dict[str, Any], words: str) -> None:
    serve(plane)
    found = refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1", DeploymentConfig=config)
    assert found.startswith("ValidationException: ") and words in found
    assert plane.endpoint()["EndpointStatus"] == "InService"


def boto3_lets_pass(config: dict[str, Any]) -> bool:
    """Whether botocore, which boto3 and the `aws` command send with, sends such a request."""
    shape = SERVICE.operation_model("UpdateEndpoint").input_shape
    request = {"EndpointName": "ep", "EndpointConfigName": "c1", "DeploymentConfig": config}
    return not ParamValidator().validate(_without_none(request), shape).has_errors()


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    return [_without_none(each) for each in value] if isinstance(value, list) else value


@pytest.mark.contract("U05")
@pytest.mark.parametrize(("config", "words"), PASSES_BOTO3)
def test_what_botocore_does_not_check_the_service_does(plane: Plane, config: dict[str, Any], words: str) -> None:
    assert boto3_lets_pass(config)
    refused_by_the_service(plane, config, words)


@pytest.mark.contract("U05")
@pytest.mark.parametrize(("config", "words"), FAILS_IN_BOTO3)
def test_what_botocore_checks_the_service_does_too(plane: Plane, config: dict[str, Any], words: str) -> None:
    assert not boto3_lets_pass(config)
    refused_by_the_service(plane, config, words)


@pytest.mark.contract("U05")
def test_botocore_lets_pass_what_takes_two_members_to_see() -> None:
    assert boto3_lets_pass({**routing("ALL_AT_ONCE"), **rolling(percent(50))})
    assert boto3_lets_pass(routing("CANARY", CanarySize=percent(60)))


@pytest.mark.contract("U01", "U02")
def test_an_update_takes_each_member_of_the_api_and_answers_the_arn(plane: Plane) -> None:
    serve(plane)
    request = {
        "EndpointName": "ep",
        "EndpointConfigName": "c1",
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
        "DeploymentConfig": blue_green(TerminationWaitInSeconds=3600, MaximumExecutionTimeoutInSeconds=28800),
        "RetainDeploymentConfig": False,
    }
    operation = SERVICE.operation_model("UpdateEndpoint")
    assert set(request) == set(operation.input_shape.members)
    assert operation.input_shape.required_members == ["EndpointName", "EndpointConfigName"]
    assert [shape.name for shape in operation.error_shapes] == ["ResourceLimitExceeded"]
    assert plane("UpdateEndpoint", **request) == {"EndpointArn": "arn:aws:sagemaker:us-east-1:111122223333:endpoint/ep"}
    plane.endpoint()
    with pytest.raises(ServiceError) as caught:
        plane("UpdateEndpoint", EndpointName="none", EndpointConfigName="c1")
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)


@pytest.mark.contract("U04", "U18", "D10", "P07")
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


@pytest.mark.contract("U02", "U22")
def test_the_quota_holds_both_fleets(plane: Plane) -> None:
    serve(plane, instances=11)
    assert refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1").startswith(
        "ResourceLimitExceeded: The account-level service limit 'ml.m5.large for endpoint usage' is 20 Instances, with "
        "current utilization of 11 Instances and a request delta of 11 Instances."
    )
    more = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 21}]
    found = refusal(plane, "UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=more)
    assert "request delta of 10 Instances" in found
