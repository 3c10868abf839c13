"""The course of a deployment, step by step: what is shown, what is on the bus, who gets which share of the requests."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, ROLE, SCOPE, Fakes, Plane, Server, invoke, make_plane, refusal, serve

from localcloud import state
from localcloud.jobs.hosting.model_process import HostingError
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.hosting.course import Course
from localcloud.state import StateFolder, Switches

Row = tuple[str, str, int | None, str, str, str]
"""EndpointStatus, EndpointConfigName, CurrentInstanceCount of the new fleet, where a status is, it, its text."""
VARIANT = "AllTraffic"


class Alarms:
    """Alarms that are in ALARM from a bake on, by their number; at each bake the shares of 12 requests are counted."""

    def __init__(self) -> None:
        self.plane: Plane
        self.bakes: list[tuple[str, int]] = []
        """The text of each bake, and how many of 12 requests the new model answered in it."""
        self.from_bake: dict[str, int] = {}
        self.asked: set[tuple[str, ...]] = set()
        self.gone: set[str] = set()

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        self.asked.add(tuple(names))
        assert scope == SCOPE
        pending = self.plane("DescribeEndpoint", EndpointName="ep")["PendingDeploymentSummary"]
        text = pending["ProductionVariants"][0]["VariantStatus"][0]["StatusMessage"]
        if text not in [bake for bake, _ in self.bakes]:
            answers = [invoke(self.plane).body for _ in range(12)]
            self.bakes.append((text, answers.count(b"s3://b/two.tar.gz")))
        return tuple(name for name in names if len(self.bakes) >= self.from_bake.get(name, 99))

    def missing(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name in self.gone)

    def reason(self, scope: Scope, name: str) -> str:
        return "Threshold Crossed: 3 datapoints were greater than the threshold (0.01)."


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture
def plane(tmp_path: Path, alarms: Alarms) -> Plane:
    made = make_plane(tmp_path, alarms=alarms)
    alarms.plane = made
    return made


def blue_green(kind: str, wait: int = 300, termination_wait: int = 300, **more: Any) -> dict[str, Any]:
    sizes = {name: value for name, value in more.items() if name in ("CanarySize", "LinearStepSize")}
    policy = {name: value for name, value in more.items() if name not in sizes}
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination_wait,
            **policy,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]},
    }


def instances(count: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": count}


def rolling(size: int, wait: int = 300, **more: Any) -> dict[str, Any]:
    policy = {"MaximumBatchSize": instances(size), "WaitIntervalInSeconds": wait, **more}
    alarms = {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]}
    return {"RollingUpdatePolicy": policy, "AutoRollbackConfiguration": alarms}


def update(plane: Plane, config: dict[str, Any] | None, *, before: int, after: int, key: str = "two.tar.gz") -> None:
    """Given an endpoint of `before` instances, in service; update it to `after` instances of another model."""
    serve(plane, instances=before)
    plane.host("c2", (VARIANT, key, 1.0), instances=after)
    plane.fakes.events.clear()
    more = {} if config is None else {"DeploymentConfig": config}
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", **more)


def rows(events: list[tuple[str, str, Mapping[str, Any]]]) -> list[Row]:
    """The deployment events, each as a row of the table."""
    found: list[Row] = []
    for kind, _, detail in events:
        if kind != "SageMaker Endpoint Deployment State Change":
            continue
        (old,) = detail["ProductionVariants"]
        pending = detail.get("PendingDeploymentSummary")
        new = pending["ProductionVariants"][0] if pending else {}
        where, shown = ("new", new) if "VariantStatus" in new else ("old", old)
        (status,) = shown.get("VariantStatus", [{"Status": "", "StatusMessage": ""}])
        found.append(
            (
                detail["EndpointStatus"],
                detail["EndpointConfigName"],
                new.get("CurrentInstanceCount"),
                where if status["Status"] else "",
                status["Status"],
                status["StatusMessage"],
            )
        )
    return found


BAKING = "Baking for 300 seconds (TerminationWaitInSeconds) with traffic enabled on"
LAUNCHING: Row = ("UPDATING", "c1", 0, "new", "Creating", "Launching 3 instance(s).")
FULL: Row = ("UPDATING", "c1", 1, "new", "ActivatingTraffic", "Activating traffic on full capacity of 3 instance(s).")
TERMINATING: Row = ("UPDATING", "c1", 3, "old", "Deleting", "Terminating 3 instance(s).")
IN_SERVICE: Row = ("IN_SERVICE", "c2", None, "", "", "")
BACK: list[Row] = [
    ("UPDATING", "c1", 0, "new", "Deleting", "Terminating 3 instance(s)."),
    ("IN_SERVICE", "c1", None, "", "", ""),
]
CANARY: Row = (
    "UPDATING", "c1", 0, "new", "ActivatingTraffic", "Activating traffic on canary capacity of 1 instance(s)."
)  # fmt: skip
BAKING_CANARY: Row = ("UPDATING", "c1", 1, "new", "Baking", f"{BAKING} canary capacity of 1 instance(s).")
BAKING_FULL: Row = ("UPDATING", "c1", 3, "new", "Baking", f"{BAKING} full capacity of 3 instance(s).")
UNGUARDED_CANARY = {"BlueGreenUpdatePolicy": blue_green("CANARY", CanarySize=instances(1))["BlueGreenUpdatePolicy"]}
TRIPPED = "The alarm errors is in ALARM. Threshold Crossed: 3 datapoints were greater than the threshold (0.01)."


@pytest.mark.contract("G01", "G03", "G07", "G08", "D06", "D07", "D08", "D15", "E07", "X03", "U14")
def test_a_canary_of_one_of_three_instances(plane: Plane, alarms: Alarms) -> None:
    """Launch, canary share, bake, all traffic, bake, old fleet removed: each one event, the ends of both kinds."""
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=3, after=3)
    endpoint = plane.endpoint()
    assert rows(plane.fakes.events) == [
        LAUNCHING,
        CANARY,
        BAKING_CANARY,
        FULL,
        BAKING_FULL,
        TERMINATING,
        IN_SERVICE,
    ]
    assert alarms.bakes == [(BAKING_CANARY[5], 4), (BAKING_FULL[5], 12)]  # 67 : 33, then 0 : 100
    assert alarms.asked == {("errors", "latency")}
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c2")
    assert "PendingDeploymentSummary" not in endpoint and "FailureReason" not in endpoint
    assert [server.running for server in plane.fakes.servers] == [False] * 3 + [True] * 3
    assert not plane.fakes.servers[0].order.folder.parents[1].exists()
    kinds = [kind for kind, _, _ in plane.fakes.events]
    assert (kinds[0], kinds[-1], kinds.count(kinds[0])) == (*["SageMaker Endpoint State Change"] * 2, 2)


@pytest.mark.contract("G11", "G16", "D02", "D10", "D13", "D15", "E06")
def test_an_alarm_in_the_canarys_bake_gives_the_old_fleet_all_traffic_in_one_step(plane: Plane, alarms: Alarms) -> None:
    alarms.from_bake["errors"] = 1
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=3, after=3)
    endpoint = plane.endpoint()
    assert rows(plane.fakes.events) == [LAUNCHING, CANARY, BAKING_CANARY, *BACK]
    # What a rollback leaves: the old configuration at its size, the new one's fleet gone, and the sentence why.
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c1")
    assert endpoint["FailureReason"] == TRIPPED
    assert [detail for _, _, detail in plane.fakes.events if "FailureReason" in detail] == []
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    assert "PendingDeploymentSummary" not in endpoint
    assert endpoint["LastDeploymentConfig"] == blue_green("CANARY", CanarySize=instances(1))
    assert {invoke(plane).body for _ in range(6)} == {b"s3://b/one.tar.gz"}
    assert [server.running for server in plane.fakes.servers] == [True] * 3 + [False] * 3
    assert plane("DescribeEndpointConfig", EndpointConfigName="c2")["EndpointConfigName"] == "c2"  # nobody deletes it


@pytest.mark.contract("G11")
def test_an_alarm_in_the_last_bake_takes_it_back_too(plane: Plane, alarms: Alarms) -> None:
    alarms.from_bake["errors"] = 2
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=3, after=3)
    assert plane.endpoint()["FailureReason"] == TRIPPED
    assert rows(plane.fakes.events) == [LAUNCHING, CANARY, BAKING_CANARY, FULL, BAKING_FULL, *BACK]


@pytest.mark.contract("G02")
def test_all_at_once_bakes_with_all_traffic_and_removes_the_old_fleet(plane: Plane, alarms: Alarms) -> None:
    update(plane, blue_green("ALL_AT_ONCE"), before=3, after=3)
    plane.endpoint()
    full = (*FULL[:2], 0, *FULL[3:])
    assert rows(plane.fakes.events) == [LAUNCHING, full, BAKING_FULL, TERMINATING, IN_SERVICE]
    assert alarms.bakes == [(BAKING_FULL[5], 12)]


@pytest.mark.contract("G09", "U03")
@pytest.mark.parametrize("config", [None, blue_green("ALL_AT_ONCE", 0, 0)])
def test_without_waits_there_is_no_bake_and_no_alarm_counts(
    plane: Plane, alarms: Alarms, config: dict[str, Any] | None
) -> None:
    alarms.from_bake["errors"] = 0
    update(plane, config, before=3, after=3)
    assert plane.endpoint()["EndpointConfigName"] == "c2"
    assert [row[4] for row in rows(plane.fakes.events)] == ["Creating", "ActivatingTraffic", "Deleting", ""]
    assert alarms.bakes == []


@pytest.mark.contract("G10")
def test_without_alarms_the_waits_are_waited_all_the_same(plane: Plane, alarms: Alarms) -> None:
    update(plane, UNGUARDED_CANARY, before=3, after=3)
    plane.endpoint()
    assert rows(plane.fakes.events) == [LAUNCHING, CANARY, BAKING_CANARY, FULL, BAKING_FULL, TERMINATING, IN_SERVICE]
    assert alarms.asked == set()


@pytest.mark.contract("G09")
def test_a_canary_without_waits_still_goes_through_its_steps(plane: Plane) -> None:
    update(plane, blue_green("CANARY", 0, 0, CanarySize=instances(1)), before=3, after=3)
    plane.endpoint()
    assert rows(plane.fakes.events) == [LAUNCHING, CANARY, FULL, TERMINATING, IN_SERVICE]


@pytest.mark.contract("G04", "G07", "D09")
def test_linear_moves_a_step_and_bakes_until_all_traffic_is_on_the_new_fleet(plane: Plane, alarms: Alarms) -> None:
    update(plane, blue_green("LINEAR", 120, LinearStepSize=instances(1)), before=2, after=4)
    plane.endpoint()
    bake = "Baking for 120 seconds (TerminationWaitInSeconds) with traffic enabled on linear capacity of"
    assert alarms.bakes == [
        (f"{bake} 1 instance(s).", 3),
        (f"{bake} 2 instance(s).", 6),
        (f"{bake} 3 instance(s).", 9),
        (f"{BAKING} full capacity of 4 instance(s).", 12),
    ]
    steps = [(row[2], row[4]) for row in rows(plane.fakes.events)]
    assert steps == [
        (0, "Creating"),
        (0, "ActivatingTraffic"),
        (1, "Baking"),
        (1, "ActivatingTraffic"),
        (2, "Baking"),
        (2, "ActivatingTraffic"),
        (3, "Baking"),
        (3, "ActivatingTraffic"),
        (4, "Baking"),
        (4, "Deleting"),
        (None, ""),
    ]


@pytest.mark.contract("G04", "G11")
def test_linear_takes_traffic_from_as_large_a_part_of_the_old_fleet(plane: Plane, alarms: Alarms) -> None:
    """And gives it back to all of it in a rollback."""
    alarms.from_bake["errors"] = 1
    update(plane, blue_green("LINEAR", LinearStepSize=instances(2)), before=4, after=4)
    plane.endpoint()
    assert [len(server.asked) for server in plane.fakes.servers[:4]] == [3, 3, 0, 0]
    for _ in range(8):
        invoke(plane)
    assert [len(server.asked) for server in plane.fakes.servers[:4]] == [5, 5, 2, 2]


@pytest.mark.contract("G05", "D09")
def test_rolling_replaces_batch_by_batch(plane: Plane, alarms: Alarms) -> None:
    update(plane, rolling(2), before=4, after=4)
    plane.endpoint()
    text = "{} capacity of {} instance(s)."
    assert rows(plane.fakes.events) == [
        ("UPDATING", "c1", 0, "new", "Creating", "Launching 2 instance(s)."),
        ("UPDATING", "c1", 0, "new", "ActivatingTraffic", "Activating traffic on " + text.format("rolling", 2)),
        ("UPDATING", "c1", 2, "new", "Baking", f"{BAKING} {text.format('rolling', 2)}"),
        ("UPDATING", "c1", 2, "old", "Deleting", "Terminating 2 instance(s)."),
        ("UPDATING", "c1", 2, "new", "Creating", "Launching 2 instance(s)."),
        ("UPDATING", "c1", 2, "new", "ActivatingTraffic", "Activating traffic on " + text.format("rolling", 4)),
        ("UPDATING", "c1", 4, "new", "Baking", f"{BAKING} {text.format('rolling', 4)}"),
        ("UPDATING", "c1", 4, "old", "Deleting", "Terminating 2 instance(s)."),
        IN_SERVICE,
    ]
    assert [share for _, share in alarms.bakes] == [6, 12]
    assert [server.running for server in plane.fakes.servers] == [False] * 4 + [True] * 4


@pytest.mark.parametrize(("before", "after"), [(2, 4), (6, 2), (3, 5)])
def test_rolling_between_fleets_of_other_sizes(plane: Plane, before: int, after: int) -> None:
    update(plane, rolling(1), before=before, after=after)
    endpoint = plane.endpoint()
    assert (endpoint["EndpointConfigName"], endpoint["ProductionVariants"][0]["CurrentInstanceCount"]) == ("c2", after)
    assert [server.running for server in plane.fakes.servers] == [False] * before + [True] * after


WHOLE = {"Type": "CAPACITY_PERCENT", "Value": 100}
BATCHES = {
    "at once": ["Launching 2", "Terminating 3"],
    "one by one": ["Launching 1", "Terminating 1"] * 2 + ["Terminating 1"],
}


@pytest.mark.contract("G06", "U13")
@pytest.mark.parametrize(
    ("rollback", "batches"),
    [
        ({}, "at once"),
        ({"RollbackMaximumBatchSize": WHOLE}, "at once"),
        ({"RollbackMaximumBatchSize": instances(1)}, "one by one"),
    ],
)
def test_a_rolling_update_is_rolled_back_in_batches(
    plane: Plane, alarms: Alarms, rollback: dict[str, Any], batches: str
) -> None:
    """Of four instances three are new and two old when the alarm trips: two are started again."""
    alarms.from_bake["errors"] = 3
    update(plane, rolling(1, **rollback), before=4, after=4)
    endpoint = plane.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c1")
    assert endpoint["FailureReason"] == TRIPPED
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 4
    assert {invoke(plane).body for _ in range(8)} == {b"s3://b/one.tar.gz"}
    shown = [text for *_, text in rows(plane.fakes.events)]
    last_bake = max(index for index, text in enumerate(shown) if text.startswith("Baking"))
    assert shown[last_bake + 1 :] == [*(f"{text} instance(s)." for text in BATCHES[batches]), ""]


@pytest.mark.contract("G15", "D01")
@pytest.mark.parametrize(
    "way_out",
    [None, UNGUARDED_CANARY, {"RollingUpdatePolicy": rolling(1)["RollingUpdatePolicy"]}],
    ids=["all at once", "canary", "rolling"],
)
def test_a_rolling_update_whose_rollback_fails_serves_a_mix_until_another_update(
    plane: Plane, alarms: Alarms, way_out: dict[str, Any] | None
) -> None:
    alarms.from_bake["errors"] = 2
    hosting = plane.fakes.hosting

    def without_old_models(order: Any) -> Server:
        server = hosting(order)
        if alarms.bakes[1:] and "one.tar.gz" in order.model_data_url:
            server.start = broken  # type: ignore[method-assign]
        return server

    def broken() -> None:
        raise HostingError("Failed to download model data.")

    plane.fakes.hosting = without_old_models  # type: ignore[method-assign]
    update(plane, rolling(1), before=2, after=2)
    endpoint = plane.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("UpdateRollbackFailed", "c1")
    assert endpoint["FailureReason"] == f"{TRIPPED} The rollback failed: Failed to download model data."
    assert "PendingDeploymentSummary" not in endpoint
    assert plane.fakes.events[-1][2]["EndpointStatus"] == "UPDATE_ROLLBACK_FAILED"
    answers = [invoke(plane).body for _ in range(6)]
    assert (answers.count(b"s3://b/one.tar.gz"), answers.count(b"s3://b/two.tar.gz")) == (2, 4)
    wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": 3}]
    assert "in status UpdateRollbackFailed" in refusal(
        plane, "UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=wanted
    )
    plane.host("c3", (VARIANT, "three.tar.gz", 1.0), instances=2)
    more = {"DeploymentConfig": way_out} if way_out else {}
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c3", **more)
    assert plane.endpoint()["EndpointConfigName"] == "c3"
    assert {invoke(plane).body for _ in range(4)} == {b"s3://b/three.tar.gz"}
    assert sum(server.running for server in plane.fakes.servers) == 2


@pytest.mark.contract("G12")
@pytest.mark.parametrize(
    "config",
    [
        None,
        blue_green("CANARY", CanarySize=instances(1)),
        blue_green("LINEAR", LinearStepSize=instances(1)),
        rolling(1),
    ],
)
def test_a_fleet_that_fails_its_health_check_never_gets_traffic(
    plane: Plane, alarms: Alarms, config: dict[str, Any] | None
) -> None:
    update(plane, config, before=3, after=3, key="broken.tar.gz")
    endpoint = plane.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c1")
    assert endpoint["FailureReason"] == "AllTraffic did not pass the ping health check."
    assert [row[4] for row in rows(plane.fakes.events)] == ["Creating", ""]
    assert [server.asked for server in plane.fakes.servers[3:]] == [[]] * len(plane.fakes.servers[3:])


@pytest.mark.contract("G14")
def test_a_deployment_that_takes_too_long_is_rolled_back(plane: Plane) -> None:
    config = blue_green("CANARY", 400, 400, CanarySize=instances(1), MaximumExecutionTimeoutInSeconds=600)
    update(plane, config, before=3, after=3)
    endpoint = plane.endpoint()
    assert endpoint["EndpointConfigName"] == "c1"
    assert endpoint["FailureReason"] == (
        "The deployment did not complete within MaximumExecutionTimeoutInSeconds (600)."
    )
    assert [row[4] for row in rows(plane.fakes.events)][-3:] == ["Baking", "Deleting", ""]


@pytest.mark.contract("A01")
def test_an_alarm_that_was_raised_before_the_update_ends_its_first_bake(plane: Plane, alarms: Alarms) -> None:
    alarms.from_bake["errors"] = 0
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=3, after=3)
    assert plane.endpoint()["FailureReason"] == TRIPPED
    assert rows(plane.fakes.events) == [LAUNCHING, CANARY, BAKING_CANARY, *BACK]


ROLE_MAY_NOT = " ".join(
    f"{ROLE} is not authorized to perform: cloudwatch:DescribeAlarms on resource: "
    f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}."
    for name in ("errors", "latency")
)


@pytest.mark.parametrize(
    ("gone", "denied", "sentence"),
    [
        pytest.param(
            {"latency"},
            set(),
            "There is no alarm latency.",
            marks=pytest.mark.contract("A03"),
        ),
        pytest.param(set(), {"cloudwatch:DescribeAlarms"}, ROLE_MAY_NOT, marks=pytest.mark.contract("A04")),
    ],
    ids=["missing", "denied"],
)
def test_an_alarm_that_is_missing_or_denied_to_the_role_takes_a_deployment_back_unless_the_switch_ignores_it(
    plane: Plane,
    alarms: Alarms,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gone: set[str],
    denied: set[str],
    sentence: str,
) -> None:
    alarms.gone |= gone
    plane.fakes.denied |= denied
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=3, after=3)
    assert plane.endpoint()["FailureReason"] == sentence
    assert rows(plane.fakes.events) == [LAUNCHING, CANARY, BAKING_CANARY, *BACK]
    monkeypatch.setattr(state, "_serving", Switches(StateFolder(tmp_path)))
    Switches(StateFolder(tmp_path)).set("unreadable-alarms", "ignored")
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", RetainDeploymentConfig=True)
    assert plane.endpoint()["EndpointConfigName"] == "c2"


def test_alarms_that_cannot_be_read_take_a_deployment_back(plane: Plane, alarms: Alarms) -> None:
    def fail(scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        raise OSError("CloudWatch does not answer.")

    alarms.in_alarm = fail  # type: ignore[method-assign]
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=3, after=3)
    endpoint = plane.endpoint()
    assert (endpoint["EndpointConfigName"], endpoint["FailureReason"]) == ("c1", "CloudWatch does not answer.")


@pytest.mark.contract("U20")
def test_nothing_else_is_done_to_an_endpoint_meanwhile(plane: Plane) -> None:
    plane.fakes.gate.clear()
    plane.host("c1", (VARIANT, "one.tar.gz", 1.0))
    wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": 2}]
    arn = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/ep"
    words = f'ValidationException: Cannot update in-progress endpoint "{arn}".'

    def refusals() -> set[str]:
        return {
            refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1"),
            refusal(plane, "UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=wanted),
            refusal(plane, "DeleteEndpoint", EndpointName="ep"),
        }

    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    assert refusals() == {words}
    plane.fakes.gate.set()
    plane.endpoint()
    plane.fakes.gate.clear()
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    assert refusals() == {words}
    plane.fakes.gate.set()
    assert plane.endpoint()["EndpointStatus"] == "InService"


@pytest.mark.contract("X01")
def test_what_the_guardrails_leave_out_is_updated_without_deployment_events(plane: Plane, alarms: Alarms) -> None:
    for config in ("c1", "c2"):
        plane.host(config, ("a", f"{config}.tar.gz", 1.0), ("b", f"{config}.tar.gz", 1.0), instances=2)
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    plane.endpoint()
    plane.fakes.events.clear()
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", DeploymentConfig=rolling(1))
    assert plane.endpoint()["EndpointConfigName"] == "c2"
    assert [kind for kind, _, _ in plane.fakes.events] == ["SageMaker Endpoint State Change"] * 2
    assert alarms.bakes == []


@pytest.mark.contract("X02")
def test_several_variants_a_network_and_a_key_leave_an_endpoint_in_the_guardrails(plane: Plane, alarms: Alarms) -> None:
    network = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    variants = [
        {"VariantName": name, "ModelName": "inside", "InstanceType": "ml.m5.large", "InitialInstanceCount": 4}
        for name in ("a", "b")
    ]
    container = {"Image": IMAGE, "ModelDataUrl": "s3://b/two.tar.gz"}
    plane("CreateModel", ModelName="inside", ExecutionRoleArn=ROLE, PrimaryContainer=container, VpcConfig=network)
    plane("CreateEndpointConfig", EndpointConfigName="c2", ProductionVariants=variants, KmsKeyId=key)
    plane.host("c1", ("a", "one.tar.gz", 1.0), ("b", "one.tar.gz", 1.0))
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    plane.endpoint()
    course = blue_green("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 25})
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", DeploymentConfig=course)
    endpoint = plane.endpoint()
    assert [shown["CurrentInstanceCount"] for shown in endpoint["ProductionVariants"]] == [4, 4]
    assert alarms.bakes == [(BAKING_CANARY[5], 3), (f"{BAKING} full capacity of 4 instance(s).", 12)]


@pytest.mark.contract("U19")
def test_an_update_to_the_same_configuration_is_a_deployment_too(plane: Plane) -> None:
    serve(plane, instances=2)
    plane.fakes.events.clear()
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1", DeploymentConfig=UNGUARDED_CANARY)
    assert plane.endpoint()["EndpointConfigName"] == "c1"
    assert [row[4] for row in rows(plane.fakes.events)] == [
        "Creating", *["ActivatingTraffic", "Baking"] * 2, "Deleting", ""
    ]  # fmt: skip
    assert [server.running for server in plane.fakes.servers] == [False, False, True, True]


@pytest.mark.contract("D12", "D14")
def test_a_failure_reason_stays_until_the_next_update_and_a_rollback_is_a_modification(plane: Plane) -> None:
    update(plane, None, before=1, after=1, key="broken.tar.gz")
    reason = "AllTraffic did not pass the ping health check."
    assert plane.endpoint()["FailureReason"] == reason
    plane.fakes.gate.clear()
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    plane.fakes.clock.now = 2000.0
    plane.fakes.gate.set()
    rolled_back = plane.endpoint()
    assert (rolled_back["LastModifiedTime"], rolled_back["CreationTime"]) == (2000.0, 1000.0)
    plane.fakes.gate.clear()
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    assert "FailureReason" not in plane("DescribeEndpoint", EndpointName="ep")
    plane.fakes.gate.set()
    assert "FailureReason" not in plane.endpoint()


@pytest.mark.contract("D05", "E02", "E03", "E04", "E05", "E06")
def test_the_events_details_have_the_members_of_awss_samples(plane: Plane) -> None:
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=3, after=3)
    plane.endpoint()
    state = plane.fakes.events[0]
    assert state == (
        "SageMaker Endpoint State Change",
        "arn:aws:sagemaker:us-east-1:111122223333:endpoint/ep",
        {
            "EndpointName": "ep",
            "EndpointArn": "arn:aws:sagemaker:us-east-1:111122223333:endpoint/ep",
            "EndpointConfigName": "c1",
            "ProductionVariants": [{"DesiredWeight": 1.0, "DesiredInstanceCount": 3}],
            "EndpointStatus": "UPDATING",
            "CreationTime": 1_000_000,
            "LastModifiedTime": 1_000_000,
            "Tags": {},
        },
    )
    (kind, _, detail) = plane.fakes.events[3]
    assert kind == "SageMaker Endpoint Deployment State Change"
    counts = {"CurrentWeight": 1.0, "DesiredWeight": 1.0, "DesiredInstanceCount": 3}
    assert detail["ProductionVariants"] == [{"VariantName": VARIANT, **counts, "CurrentInstanceCount": 3}]
    assert detail["PendingDeploymentSummary"] == {
        "EndpointConfigName": "c2",
        "StartTime": 1_000_000,
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                **counts,
                "CurrentInstanceCount": 1,
                "VariantStatus": [
                    {"Status": "Baking", "StatusMessage": BAKING_CANARY[5], "StartTime": 1_000_000},
                ],
            }
        ],
    }


@pytest.mark.contract("D03", "D07", "E04")
def test_a_change_of_capacity_starts_and_stops_instances_without_a_deployment(plane: Plane) -> None:
    serve(plane, instances=2)
    plane.fakes.events.clear()
    for count in (4, 1):
        plane.fakes.gate.clear()
        wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": count}]
        plane("UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=wanted)
        (shown,) = plane("DescribeEndpoint", EndpointName="ep")["ProductionVariants"]
        assert shown["DesiredInstanceCount"] == count
        plane.fakes.gate.set()
        endpoint = plane.endpoint()
        assert "PendingDeploymentSummary" not in endpoint
        assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == count
        assert sum(server.running for server in plane.fakes.servers) == count
    assert [(row[0], *row[2:]) for row in rows(plane.fakes.events)] == [
        ("UPDATING", None, "old", "Updating", "Scaling out desired instance count to 4."),
        ("UPDATING", None, "old", "Updating", "Launching 2 instance(s)."),
        ("IN_SERVICE", None, "", "", ""),
        ("UPDATING", None, "old", "Deleting", "Terminating 3 instance(s)."),
        ("IN_SERVICE", None, "", "", ""),
    ]


@pytest.mark.contract("D02", "D01")
def test_a_change_of_capacity_that_fails_rolls_back(plane: Plane) -> None:
    serve(plane, instances=2)
    plane.fakes.events.clear()
    plane.fakes.environment = lambda *_: (_ for _ in ()).throw(HostingError("No role."))  # type: ignore[method-assign]
    wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": 4}]
    plane("UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=wanted)
    endpoint = plane.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["FailureReason"]) == ("InService", "No role.")
    shown = endpoint["ProductionVariants"][0]
    assert (shown["CurrentInstanceCount"], shown["DesiredInstanceCount"]) == (2, 2)
    statuses = [detail["EndpointStatus"] for kind, _, detail in plane.fakes.events if "Deployment" not in kind]
    assert statuses == ["UPDATING", "ROLLING_BACK", "IN_SERVICE"]


def test_what_a_change_of_capacity_may_not_ask_for(plane: Plane) -> None:
    plane.host("c", ("a", "a.tar.gz", 1.0), ("b", "b.tar.gz", 1.0))
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c")
    plane.endpoint()

    def refused(*wanted: dict[str, Any]) -> str:
        request = {"EndpointName": "ep", "DesiredWeightsAndCapacities": list(wanted)}
        return refusal(plane, "UpdateEndpointWeightsAndCapacities", **request)

    a, b = ({"VariantName": name} for name in "ab")
    assert "must be at least 1, found 0" in refused({**a, "DesiredInstanceCount": 0})
    assert "one production variant can be changed at a time" in refused(
        {**a, "DesiredInstanceCount": 2}, {**b, "DesiredInstanceCount": 2}
    )
    assert "weight greater than 0" in refused({**a, "DesiredWeight": 0.0}, {**b, "DesiredWeight": 0.0})
    assert "could not be found" in refused({"VariantName": "z"})


@pytest.mark.contract("P05", "U16")
def test_the_retained_count_is_the_capacity_that_steps_are_measured_by(plane: Plane, alarms: Alarms) -> None:
    serve(plane, instances=2)
    wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": 4}]
    plane("UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=wanted)
    plane.endpoint()
    plane.host("c2", (VARIANT, "two.tar.gz", 1.0), instances=2)
    request = {
        "EndpointName": "ep",
        "EndpointConfigName": "c2",
        "DeploymentConfig": blue_green("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 50}),
    }
    plane("UpdateEndpoint", **request, RetainAllVariantProperties=True)
    endpoint = plane.endpoint()
    assert alarms.bakes[0] == (f"{BAKING} canary capacity of 2 instance(s).", 6)
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 4


@pytest.mark.contract("U24")
def test_a_configuration_that_was_deleted_ruins_the_next_update_to_it(plane: Plane) -> None:
    serve(plane)
    plane("DeleteEndpointConfig", EndpointConfigName="c1")
    assert refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1") == (
        "ValidationException: Could not find endpoint configuration "
        '"arn:aws:sagemaker:us-east-1:111122223333:endpoint-config/c1".'
    )


def test_a_stop_in_a_bake_leaves_the_old_configuration(tmp_path: Path) -> None:
    """Given a deployment that bakes with all traffic on the new fleet; the next start has the old one, and says so."""
    reached, stopped = threading.Event(), threading.Event()

    class Waiting(Alarms):
        def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
            reached.set()
            stopped.wait(10)
            return ()

    alarms = Waiting()
    plane = alarms.plane = make_plane(tmp_path, alarms=alarms)
    update(plane, blue_green("ALL_AT_ONCE"), before=2, after=2)
    assert reached.wait(10)
    plane.control.shutdown()
    stopped.set()
    assert [server.running for server in plane.fakes.servers] == [False] * 4
    again = make_plane(tmp_path / "again", Fakes(), plane.rows)
    again.control.resume()
    assert {invoke(again).body for _ in range(4)} == {b"s3://b/one.tar.gz"}
    endpoint = again.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c1")
    assert endpoint["FailureReason"].endswith("Endpoint configuration c1 serves, not c2.")
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert len(again.fakes.servers) == 2


def test_an_instance_that_does_not_end_as_it_should_keeps_no_endpoint_in_progress(
    plane: Plane, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Server) -> None:
        raise OSError("Bad file descriptor")

    alarms.from_bake["errors"] = 1
    monkeypatch.setattr(Server, "stop", stop)
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=2, after=2)
    endpoint = plane.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c1")
    assert endpoint["FailureReason"] == TRIPPED


def test_a_rollback_that_meets_a_fault_of_the_local_clouds_own_ends(
    plane: Plane, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def terminate_new(self: Course) -> None:
        raise RuntimeError("a fault")

    alarms.from_bake["errors"] = 1
    monkeypatch.setattr(Course, "terminate_new", terminate_new)
    update(plane, blue_green("CANARY", CanarySize=instances(1)), before=2, after=2)
    endpoint = plane.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("UpdateRollbackFailed", "c1")
    assert endpoint["FailureReason"] == f"{TRIPPED} The rollback failed: a fault"
