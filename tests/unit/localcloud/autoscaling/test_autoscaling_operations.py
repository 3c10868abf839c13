"""Application Auto Scaling's API: what it takes, what it refuses and in which words, what goes with what."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import SCOPE, refusal
from scaled_plane import INVOCATIONS, TARGET, Hand, ScaledPlane, make_scaled

from localcloud.autoscaling.schedule import following

SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
MISSING = (
    "for service namespace: sagemaker, resource ID: endpoint/ep/variant/AllTraffic, scalable dimension: "
    "sagemaker:variant:DesiredInstanceCount"
)


@pytest.fixture
def scaled(tmp_path: Path) -> ScaledPlane:
    return make_scaled(tmp_path)


@pytest.mark.contract("S01", "S02", "S06")
def test_a_target_is_registered_and_shown(scaled: ScaledPlane) -> None:
    (target,) = scaled("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target.pop("ScalableTargetARN").startswith(
        "arn:aws:application-autoscaling:us-east-1:111122223333:scalable-target/"
    )
    assert target == {
        **TARGET,
        "MinCapacity": 1,
        "MaxCapacity": 8,
        "RoleARN": f"arn:aws:iam::111122223333:role/aws-service-role/{SERVICE}/role",
        "CreationTime": 1_780_000_000.0,
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
    }
    assert scaled.roles.made == [SERVICE]


@pytest.mark.contract("S01")
def test_a_registration_changes_what_it_gives_alone(scaled: ScaledPlane) -> None:
    first = scaled("RegisterScalableTarget", MaxCapacity=5)
    assert first == scaled("RegisterScalableTarget", SuspendedState={"ScheduledScalingSuspended": True})
    (target,) = scaled("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 5)
    assert target["SuspendedState"]["ScheduledScalingSuspended"] is True


@pytest.mark.contract("S03", "S05")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MinCapacity": 0}, "Minimum capacity must be at least 1 for a variant of a real-time endpoint, found 0."),
        ({"MinCapacity": 9}, "Maximum capacity cannot be less than minimum capacity: 8, 9."),
        (
            {"ResourceId": "endpoint/other/variant/AllTraffic", "MinCapacity": 1, "MaxCapacity": 2},
            "SageMaker endpoint variant doesn't exist: endpoint/other/variant/AllTraffic",
        ),
        (
            {"ResourceId": "endpoint/ep/variant/other", "MinCapacity": 1, "MaxCapacity": 2},
            "SageMaker endpoint variant doesn't exist: endpoint/ep/variant/other",
        ),
        ({"ResourceId": "endpoint/ep"}, "Unsupported resource ID: endpoint/ep"),
    ],
)
def test_what_cannot_be_registered(scaled: ScaledPlane, changes: dict[str, Any], message: str) -> None:
    assert scaled.refused("RegisterScalableTarget", **changes) == f"ValidationException: {message}"


@pytest.mark.contract("S01")
def test_bounds_are_required_at_first(scaled: ScaledPlane) -> None:
    scaled("DeregisterScalableTarget")
    assert scaled.refused("RegisterScalableTarget", MinCapacity=1) == (
        "ValidationException: MinCapacity and MaxCapacity are required to register a scalable target."
    )


@pytest.mark.contract("S04")
def test_an_endpoint_that_is_not_in_service_is_moved_once_it_is(scaled: ScaledPlane) -> None:
    endpoints = scaled.plane.control.stores.endpoints
    endpoints.change(SCOPE, "ep", EndpointStatus="Updating")
    scaled("RegisterScalableTarget", MinCapacity=2)
    assert scaled.activities() == []
    endpoints.change(SCOPE, "ep", EndpointStatus="InService")
    scaled.minute()
    assert scaled.count() == 2


@pytest.mark.contract("S07")
def test_burstable_instances_do_not_scale(scaled: ScaledPlane) -> None:
    record = scaled.plane.control.stores.endpoints.get(SCOPE, "ep") or {}
    variants = [{**one, "InstanceType": "ml.t2.medium"} for one in record["_hosted"]["variants"]]
    hosted = {**record["_hosted"], "variants": variants}
    scaled.plane.control.stores.endpoints.change(SCOPE, "ep", _hosted=hosted)
    assert "does not support automatic scaling" in scaled.refused("RegisterScalableTarget", MinCapacity=1)


@pytest.mark.contract("S08")
def test_a_target_takes_its_policies_alarms_and_timetables_along(scaled: ScaledPlane) -> None:
    scaled.policy()
    bounds = {"MinCapacity": 2}
    scaled("PutScheduledAction", ScheduledActionName="x", Schedule="rate(1 day)", ScalableTargetAction=bounds)
    scaled("DeregisterScalableTarget")
    assert scaled.alarms.put_requests == {}
    assert scaled("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert scaled("DescribeScheduledActions", ServiceNamespace="sagemaker")["ScheduledActions"] == []


@pytest.mark.contract("S09")
def test_what_is_not_there_is_an_object_that_was_not_found(scaled: ScaledPlane) -> None:
    scaled("DeregisterScalableTarget")
    assert scaled.refused("DeregisterScalableTarget") == f"ObjectNotFoundException: No scalable target found {MISSING}"
    tracking = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": INVOCATIONS}
    assert scaled.refused("PutScalingPolicy", PolicyName="load", **tracking) == (
        f"ObjectNotFoundException: No scalable target registered {MISSING}"
    )
    assert scaled.refused("DeleteScalingPolicy", PolicyName="load") == (
        f"ObjectNotFoundException: No scaling policy found {MISSING}, policy name: load"
    )


@pytest.mark.contract("S10")
def test_a_policy_that_is_put_again_keeps_its_arn_and_its_alarms(scaled: ScaledPlane) -> None:
    first = scaled.policy()
    assert scaled.policy(config={**INVOCATIONS, "TargetValue": 50}) == first
    assert [one["Threshold"] for one in scaled.alarms.put_requests.values()] == [50, 45]


@pytest.mark.contract("S11")
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**INVOCATIONS, "TargetValue": 0}, "TargetValue must be greater than 0, found 0."),
        ({"TargetValue": 1}, "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be"),
        ({**INVOCATIONS, "ScaleInCooldown": -1}, "ScaleInCooldown must be at least 0, found -1."),
        (
            {
                "TargetValue": 1,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "KafkaBrokerStorageUtilization"},
            },
            "Unsupported predefined metric type KafkaBrokerStorageUtilization for a variant of an endpoint",
        ),
    ],
)
def test_a_target_that_cannot_be_tracked(scaled: ScaledPlane, config: dict[str, Any], message: str) -> None:
    found = scaled.refused(
        "PutScalingPolicy",
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=config,
    )
    assert found.startswith(f"ValidationException: {message}")


@pytest.mark.contract("S12")
def test_other_kinds_of_policies_are_refused_by_name(scaled: ScaledPlane) -> None:
    assert "A policy of type StepScaling is not supported" in scaled.refused("PutScalingPolicy", PolicyName="p")


@pytest.mark.contract("S13")
def test_who_may_not_make_alarms_makes_no_policy(scaled: ScaledPlane) -> None:
    scaled.plane.fakes.denied.add("cloudwatch:PutMetricAlarm")
    found = scaled.refused(
        "PutScalingPolicy",
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=INVOCATIONS,
    )
    assert found.startswith("FailedResourceAccessException: ")


@pytest.mark.contract("S06")
def test_the_first_target_needs_the_permission_to_make_the_role(scaled: ScaledPlane) -> None:
    scaled("DeregisterScalableTarget")
    scaled.roles.made.clear()
    scaled.plane.fakes.denied.add("iam:CreateServiceLinkedRole")
    assert scaled.refused("RegisterScalableTarget", MinCapacity=1, MaxCapacity=2).startswith("AccessDenied")


@pytest.mark.contract("S31")
@pytest.mark.parametrize(
    ("action", "expected"),
    [
        # In Berlin it is UTC+2 in July and UTC+1 in December.
        ({"Schedule": "cron(0 7 ? * MON-FRI *)", "Timezone": "Europe/Berlin"}, "2026-07-06T05:00:00"),
        ({"Schedule": "cron(0 7 24 12 ? *)", "Timezone": "Europe/Berlin"}, "2026-12-24T06:00:00"),
        ({"Schedule": "cron(0 7 ? * MON-FRI *)"}, "2026-07-06T07:00:00"),
        ({"Schedule": "at(2026-07-05T12:00:00)", "Timezone": "America/New_York"}, "2026-07-05T16:00:00"),
        ({"Schedule": "at(2026-07-01T12:00:00)"}, None),
        ({"Schedule": "rate(2 hours)"}, "2026-07-05T10:30:00"),
        ({"Schedule": "cron(0 7 ? * MON-FRI *)", "EndTime": "2026-07-05T23:00:00"}, None),
        ({"Schedule": "cron(0 7 ? * MON-FRI *)", "StartTime": "2026-07-07T00:00:00"}, "2026-07-07T07:00:00"),
    ],
)
def test_when_a_timetable_is_due(action: dict[str, Any], expected: str | None) -> None:
    """From Sunday, 5 July 2026, 9:00, made at 8:30."""
    times: dict[str, Any] = {name: _moment(action[name]) for name in ("StartTime", "EndTime") if name in action}
    made: dict[str, Any] = {"CreationTime": _moment("2026-07-05T08:30:00"), **action, **times}
    due = following(made, Hand(), _moment("2026-07-05T09:00:00"))
    assert due == (None if expected is None else _moment(expected))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.contract("S31")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Schedule": "every day"}, "Invalid schedule expression: every day"),
        ({"Timezone": "Europe/Nowhere"}, "Invalid time zone: Europe/Nowhere"),
        ({"ScalableTargetAction": {"MinCapacity": 9}}, "Maximum capacity cannot be less than minimum capacity: 8, 9."),
        ({"ScalableTargetAction": {}}, "ScalableTargetAction needs MinCapacity, MaxCapacity or both."),
    ],
)
def test_a_timetable_that_cannot_be_kept(scaled: ScaledPlane, changes: dict[str, Any], message: str) -> None:
    request: dict[str, Any] = {"Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 2}, **changes}
    assert message in scaled.refused("PutScheduledAction", ScheduledActionName="x", **request)


@pytest.mark.contract("S34")
def test_an_endpoint_that_is_deleted_takes_its_targets_along(scaled: ScaledPlane) -> None:
    scaled.policy()
    scaled.plane("DeleteEndpoint", EndpointName="ep")
    assert scaled("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert scaled.alarms.put_requests == {}


@pytest.mark.contract("S34")
def test_who_may_not_deregister_leaves_the_target(scaled: ScaledPlane) -> None:
    scaled.plane.fakes.denied.add("application-autoscaling:DeregisterScalableTarget")
    scaled.plane("DeleteEndpoint", EndpointName="ep")
    assert len(scaled("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]) == 1


@pytest.mark.contract("S35")
def test_a_registered_variant_keeps_its_name_and_its_instance_type(scaled: ScaledPlane) -> None:
    plane = scaled.plane
    plane.host("c2", ("AllTraffic", "two.tar.gz", 1.0))
    config = plane.control.stores.endpoint_configs.get(SCOPE, "c2") or {}
    variants = [{**one, "InstanceType": "ml.m5.xlarge"} for one in config["ProductionVariants"]]
    plane.control.stores.endpoint_configs.change(SCOPE, "c2", ProductionVariants=variants)
    plane.host("c3", ("Other", "two.tar.gz", 1.0))
    for name, what in (
        ("c2", "changes its instance type from ml.m5.large to ml.m5.xlarge"),
        ("c3", "is removed"),
    ):
        found = refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName=name)
        assert f"production variant AllTraffic {what} while it is registered as a scalable target" in found
    scaled("DeregisterScalableTarget")
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    assert plane.endpoint()["EndpointConfigName"] == "c2"


def test_tags_are_kept_and_pages_follow(scaled: ScaledPlane) -> None:
    (target,) = scaled("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    arn = target["ScalableTargetARN"]
    scaled("TagResource", ResourceARN=arn, Tags={"a": "1", "b": "2"})
    scaled("UntagResource", ResourceARN=arn, TagKeys=["a"])
    assert scaled("ListTagsForResource", ResourceARN=arn) == {"Tags": {"b": "2"}}
    for name in ("one", "two", "three"):
        scaled.policy(name)
    first = scaled("DescribeScalingPolicies", ServiceNamespace="sagemaker", MaxResults=2)
    rest = scaled("DescribeScalingPolicies", ServiceNamespace="sagemaker", NextToken=first["NextToken"])
    assert [one["PolicyName"] for page in (first, rest) for one in page["ScalingPolicies"]] == ["one", "three", "two"]
    assert "NextToken" not in rest
