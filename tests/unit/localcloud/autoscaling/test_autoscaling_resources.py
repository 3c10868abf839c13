"""CloudFormation's ScalableTarget and ScalingPolicy: what replaces them, Ref and GetAtt, drift, deletion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import SCOPE
from scaled_plane import INVOCATIONS, TARGET, ScaledPlane, make_scaled

from kickstand.aws.resource_schema import resource_schema
from localcloud.autoscaling.resource_types import resource_types
from localcloud.ministack.cloudformation.template import ResourceType

REF = "endpoint/ep/variant/AllTraffic|sagemaker:variant:DesiredInstanceCount|sagemaker"
BOUNDS = {"MinCapacity": 1, "MaxCapacity": 4}
NIGHT = {
    "ScheduledActionName": "night",
    "Schedule": "cron(0 22 ? * * *)",
    "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1},
}


@pytest.fixture
def scaled(tmp_path: Path) -> ScaledPlane:
    made = make_scaled(tmp_path)
    made("DeregisterScalableTarget")
    return made


@pytest.fixture
def types(scaled: ScaledPlane) -> dict[str, ResourceType]:
    made = resource_types(scaled.operations, scaled.plane.fakes, scope=lambda: SCOPE)
    return {name.rpartition("::")[2]: one for name, one in made.items()}


@pytest.mark.contract("S38")
@pytest.mark.parametrize("name", ["ScalableTarget", "ScalingPolicy"])
def test_what_replaces_them_is_as_in_awss_schema(types: dict[str, ResourceType], name: str) -> None:
    schema = resource_schema("us-east-1", f"AWS::ApplicationAutoScaling::{name}")
    assert set(types[name].replacing) == schema.always


@pytest.mark.contract("S38", "S39")
def test_ref_and_getatt_of_both(scaled: ScaledPlane, types: dict[str, ResourceType]) -> None:
    ref, attributes = types["ScalableTarget"].create("Target", {**TARGET, **BOUNDS}, "stack")
    (target,) = scaled("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert ref == REF
    assert attributes == {"Id": target["ScalableTargetARN"].rpartition("/")[2]}
    arn, attributes = types["ScalingPolicy"].create("Policy", _policy(ref), "stack")
    (policy,) = scaled("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert arn == policy["PolicyARN"]
    assert attributes == {"Arn": arn}


def _policy(ref: str, **config: Any) -> dict[str, Any]:
    return {
        "PolicyName": "load",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": ref,
        "TargetTrackingScalingPolicyConfiguration": {**INVOCATIONS, **config},
    }


@pytest.mark.contract("S38")
def test_bounds_timetables_and_targets_change_in_place(scaled: ScaledPlane, types: dict[str, ResourceType]) -> None:
    target, policy = types["ScalableTarget"], types["ScalingPolicy"]
    before = {**TARGET, **BOUNDS, "ScheduledActions": [NIGHT]}
    ref, _ = target.create("Target", before, "stack")
    arn, _ = policy.create("Policy", _policy(ref), "stack")
    noon = {**NIGHT, "ScheduledActionName": "noon"}
    after = {**TARGET, "MinCapacity": "2", "MaxCapacity": "5", "ScheduledActions": [noon]}
    assert target.update(ref, before, after, "stack")[0] == ref
    assert policy.update(arn, _policy(ref), _policy(ref, TargetValue="70"), "stack")[0] == arn
    scheduled = scaled("DescribeScheduledActions", ServiceNamespace="sagemaker")["ScheduledActions"]
    assert [one["ScheduledActionName"] for one in scheduled] == ["noon"]
    (shown,) = scaled("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"]) == (2, 5)
    (tracked,) = scaled("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert tracked["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70


@pytest.mark.contract("S38")
def test_drift_sees_what_was_changed_by_hand(scaled: ScaledPlane, types: dict[str, ResourceType]) -> None:
    target, policy = types["ScalableTarget"], types["ScalingPolicy"]
    expected = {**TARGET, **BOUNDS, "ScheduledActions": [NIGHT]}
    ref, _ = target.create("Target", expected, "stack")
    arn, _ = policy.create("Policy", _policy(ref), "stack")
    assert target.read(ref, expected) == expected
    assert policy.read(arn, _policy(ref)) == _policy(ref)
    scaled("RegisterScalableTarget", MaxCapacity=6)
    scaled("DeleteScheduledAction", ScheduledActionName="night")
    scaled.policy(config={**INVOCATIONS, "TargetValue": 1})
    assert target.read(ref, expected) == {**expected, "MaxCapacity": 6, "ScheduledActions": []}
    found = policy.read(arn, _policy(ref)) or {}
    assert found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 1
    scaled("DeregisterScalableTarget")
    assert target.read(ref, expected) is policy.read(arn, _policy(ref)) is None


@pytest.mark.contract("S39")
def test_a_deletion_of_what_went_with_its_endpoint_is_no_error(
    scaled: ScaledPlane, types: dict[str, ResourceType]
) -> None:
    ref, _ = types["ScalableTarget"].create("Target", {**TARGET, **BOUNDS}, "stack")
    arn, _ = types["ScalingPolicy"].create("Policy", _policy(ref), "stack")
    scaled.plane("DeleteEndpoint", EndpointName="ep")
    types["ScalingPolicy"].delete(arn, {})
    types["ScalableTarget"].delete(ref, {})


def test_what_is_refused_is_in_the_stacks_event(types: dict[str, ResourceType]) -> None:
    with pytest.raises(ValueError, match="Maximum capacity cannot be less than minimum capacity") as caught:
        types["ScalableTarget"].create("Target", {**TARGET, "MinCapacity": 3, "MaxCapacity": 2}, "stack")
    assert "(Service: ApplicationAutoScaling, Status Code: 400" in str(caught.value)
