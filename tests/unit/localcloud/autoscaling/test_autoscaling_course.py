"""What scales a variant, by how much and when: AWS's rules of target tracking, timetables, bounds and activities."""

from __future__ import annotations

from pathlib import Path

import pytest
from sagemaker_fakes import SCOPE
from scaled_plane import INVOCATIONS, ScaledPlane, make_scaled

from localcloud.autoscaling.tracking import scaled_in, scaled_out


@pytest.fixture
def scaled(tmp_path: Path) -> ScaledPlane:
    return make_scaled(tmp_path)


@pytest.mark.contract("S20")
@pytest.mark.parametrize(
    ("capacity", "value", "expected"),
    # Instances by hand: 1 at 350 of 100 is 3.5 instances' load, 4; a value hardly above the target adds one.
    [(1, 350.0, 4), (1, 400.0, 4), (2, 101.0, 3), (4, 100.1, 5), (3, 200.0, 6)],
)
def test_instances_are_added_in_proportion(capacity: int, value: float, expected: int) -> None:
    assert scaled_out(capacity, value, 100.0) == expected


@pytest.mark.contract("S21")
@pytest.mark.parametrize(
    ("capacity", "values", "expected"),
    # Two at 50 are one at 100, which is not above the target; two at 51 are not.
    [(2, [50.0, 10.0], 1), (2, [51.0, 10.0], 2), (8, [1.0], 7), (3, [66.0], 2), (3, [67.0], 3)],
)
def test_one_is_removed_where_the_others_stay_below_the_target(
    capacity: int, values: list[float], expected: int
) -> None:
    assert scaled_in(capacity, values, 100.0) == expected


@pytest.mark.contract("S14", "S18", "S19")
def test_the_two_alarms_of_a_policy(scaled: ScaledPlane) -> None:
    arn, high, low = scaled.policy()
    assert high.startswith("TargetTracking-endpoint/ep/variant/AllTraffic-AlarmHigh-")
    assert low.startswith("TargetTracking-endpoint/ep/variant/AllTraffic-AlarmLow-")
    assert arn.startswith("arn:aws:autoscaling:us-east-1:111122223333:scalingPolicy:")
    assert arn.endswith(":resource/sagemaker/endpoint/ep/variant/AllTraffic:policyName/load")
    common = {
        "MetricName": "InvocationsPerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": "ep"}, {"Name": "VariantName", "Value": "AllTraffic"}],
        "Statistic": "Sum",
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.",
        "ActionsEnabled": True,
        "AlarmActions": [arn],
        "Period": 60,
    }
    assert scaled.alarms.put_requests == {
        high: {
            **common,
            "AlarmName": high,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 100.0,
            "EvaluationPeriods": 3,
        },
        low: {
            **common,
            "AlarmName": low,
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": 90.0,
            "EvaluationPeriods": 15,
        },
    }


@pytest.mark.contract("S15")
def test_concurrent_requests_are_watched_every_ten_seconds_and_missed_for_a_quarter_of_an_hour(
    scaled: ScaledPlane,
) -> None:
    kind = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    _, high, low = scaled.policy(config={"TargetValue": 4, "PredefinedMetricSpecification": kind})
    shown = {name: scaled.alarms.put_requests[name] for name in (high, low)}
    assert [(one["MetricName"], one["Period"], one["EvaluationPeriods"]) for one in shown.values()] == [
        ("ConcurrentRequestsPerModel", 10, 3),
        ("ConcurrentRequestsPerModel", 60, 15),
    ]


@pytest.mark.contract("S22", "S26", "S27")
def test_a_load_adds_instances_up_to_the_maximum_in_one_step(scaled: ScaledPlane) -> None:
    _, high, _ = scaled.policy()
    scaled.ring(high, 120.0, 350.0)
    assert scaled.count() == 4
    (activity,) = scaled.activities()
    assert activity["Description"] == "Setting desired instance count to 4."
    assert activity["Cause"] == f"monitor alarm {high} in state ALARM triggered policy load"
    assert activity["StatusCode"] == "Successful"
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 4. Change successfully fulfilled by sagemaker."
    )
    scaled.clock.move(300)
    scaled.ring(high, 1000.0)
    assert scaled.count() == 8


@pytest.mark.contract("S16", "S23")
def test_what_was_added_counts_during_the_cooldown(scaled: ScaledPlane) -> None:
    """300 seconds where the policy names none; a larger load adds what it asks for beside what was added."""
    _, high, _ = scaled.policy()
    scaled.ring(high, 350.0)
    scaled.ring(high, 350.0)
    assert scaled.count() == 4
    scaled.ring(high, 550.0)
    assert scaled.count() == 6
    for _ in range(5):
        scaled.ring(high, 110.0)
    assert scaled.count() == 7


@pytest.mark.contract("S21", "S23")
def test_instances_go_one_by_one_a_cooldown_apart(tmp_path: Path) -> None:
    scaled = make_scaled(tmp_path, instances=4)
    _, _, low = scaled.policy(config={**INVOCATIONS, "ScaleInCooldown": 120})
    counts = []
    for _ in range(8):
        scaled.ring(low, 10.0)
        counts.append(scaled.count())
    assert counts == [3, 3, 2, 2, 1, 1, 1, 1]


@pytest.mark.contract("S23")
def test_added_instances_end_the_cooldown_of_removed_ones(tmp_path: Path) -> None:
    scaled = make_scaled(tmp_path, instances=3)
    _, high, low = scaled.policy()
    scaled.ring(low, 10.0)
    scaled.ring(high, 120.0)
    assert scaled.count() == 3
    scaled.ring(low, 10.0)
    assert scaled.count() == 2


@pytest.mark.contract("S24")
def test_no_data_scales_neither_way(scaled: ScaledPlane) -> None:
    _, high, low = scaled.policy()
    for alarm in (high, low):
        scaled.ring(alarm)
    assert (scaled.count(), scaled.activities()) == (1, [])


@pytest.mark.contract("S25")
def test_of_several_policies_any_adds_and_all_remove(tmp_path: Path) -> None:
    scaled = make_scaled(tmp_path, instances=2)
    _, high, low = scaled.policy()
    custom = {"MetricName": "CPUUtilization", "Namespace": "/aws/sagemaker/Endpoints", "Statistic": "Average"}
    _, _, other_low = scaled.policy("cpu", {"TargetValue": 50, "CustomizedMetricSpecification": custom})
    scaled.ring(low, 10.0)
    assert scaled.count() == 2
    scaled.alarms.values[other_low] = [5.0]
    scaled.alarms.ringing = {low, other_low}
    scaled.minute()
    assert scaled.count() == 1
    scaled.ring(high, 150.0)
    assert scaled.count() == 2


@pytest.mark.contract("S17")
def test_a_policy_may_only_add(tmp_path: Path) -> None:
    scaled = make_scaled(tmp_path, instances=2)
    _, high, low = scaled.policy(config={**INVOCATIONS, "DisableScaleIn": True})
    scaled.ring(low, 1.0)
    assert scaled.count() == 2
    scaled.ring(high, 150.0)
    assert scaled.count() == 3


@pytest.mark.contract("S29")
def test_what_does_not_scale_says_why_once(scaled: ScaledPlane) -> None:
    _, high, low = scaled.policy()
    for _ in range(3):
        scaled.ring(low, 10.0)
    assert scaled.activities() == []
    (activity,) = scaled.activities(IncludeNotScaledActivities=True)
    assert activity["NotScaledReasons"] == [{"Code": "AlreadyAtMinCapacity", "MinCapacity": 1, "CurrentCapacity": 1}]
    scaled.ring(high, 900.0)
    scaled.ring(high, 2000.0)
    assert scaled.activities(IncludeNotScaledActivities=True)[0]["NotScaledReasons"] == [
        {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 8, "CurrentCapacity": 8}
    ]
    scaled.ring(low, 89.0)
    assert scaled.activities(IncludeNotScaledActivities=True)[0]["NotScaledReasons"] == [
        {"Code": "AutoScalingAnticipatedFlapping", "CurrentCapacity": 8}
    ]


@pytest.mark.contract("S28", "S33")
def test_the_bounds_move_the_variant(scaled: ScaledPlane) -> None:
    scaled("RegisterScalableTarget", MinCapacity=3)
    scaled.end_changes()
    assert scaled.count() == 3
    assert scaled.activities()[0]["Cause"] == "minimum capacity was set to 3"
    scaled.clock.move(1)
    scaled("RegisterScalableTarget", MinCapacity=1, MaxCapacity=2)
    scaled.end_changes()
    assert (scaled.count(), scaled.activities()[0]["Cause"]) == (2, "maximum capacity was set to 2")


@pytest.mark.contract("S28")
def test_a_quota_fails_the_activity(scaled: ScaledPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.sagemaker.hosting.deployment_policy.DEFAULT_QUOTA", 2)
    _, high, _ = scaled.policy()
    scaled.ring(high, 350.0)
    (activity,) = scaled.activities()
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"].startswith(
        "Failed to set desired instance count to 4. Reason: The account-level service limit 'ml.m5.large for endpoint"
    )


@pytest.mark.contract("S30")
def test_suspended_scaling_does_nothing(scaled: ScaledPlane) -> None:
    _, high, low = scaled.policy()
    suspended = {"DynamicScalingOutSuspended": True, "DynamicScalingInSuspended": False}
    scaled("RegisterScalableTarget", SuspendedState=suspended)
    scaled.ring(high, 350.0)
    assert scaled.count() == 1
    scaled("RegisterScalableTarget", SuspendedState={"DynamicScalingOutSuspended": False})
    scaled.ring(high, 350.0)
    assert scaled.count() == 4
    scaled("RegisterScalableTarget", SuspendedState={"DynamicScalingInSuspended": True})
    scaled.ring(low, 1.0)
    assert scaled.count() == 4


@pytest.mark.contract("S31", "S32")
def test_a_timetable_sets_the_bounds_past_every_cooldown(tmp_path: Path) -> None:
    scaled = make_scaled(tmp_path, instances=4)
    _, _, low = scaled.policy()
    scaled.ring(low, 10.0)
    assert scaled.count() == 3
    scaled(
        "PutScheduledAction",
        ScheduledActionName="night",
        Schedule="rate(1 hour)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )
    scaled.alarms.ringing = set()
    scaled.minute()
    assert scaled.count() == 3
    scaled.clock.move(3600)
    scaled.minute()
    assert scaled.count() == 1
    bound, set_bounds = scaled.activities()[:2]
    assert {bound["Cause"], set_bounds["Cause"]} == {
        "maximum capacity was set to 1",
        "scheduled action name night was triggered",
    }
    texts = {one["Description"]: one["StatusMessage"] for one in (bound, set_bounds)}
    assert texts["Setting min capacity to 1 and max capacity to 1"] == (
        "Successfully set min capacity to 1 and max capacity to 1"
    )
    (target,) = scaled("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 1)


@pytest.mark.contract("S36", "S37")
def test_an_update_of_the_endpoint_keeps_the_instances_and_blocks_scaling(scaled: ScaledPlane) -> None:
    _, high, _ = scaled.policy()
    scaled.ring(high, 250.0)
    plane = scaled.plane
    plane.host("c2", ("AllTraffic", "two.tar.gz", 1.0))
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", RetainAllVariantProperties=True)
    assert plane.endpoint()["EndpointConfigName"] == "c2"
    assert scaled.count() == 3
    plane.control.stores.endpoints.change(SCOPE, "ep", EndpointStatus="Updating")
    scaled.clock.move(600)
    scaled.scaler.minute()
    assert scaled.activities(IncludeNotScaledActivities=True)[0]["NotScaledReasons"] == [
        {"Code": "TargetServicePutResourceAsUnscalable", "CurrentCapacity": 3}
    ]
