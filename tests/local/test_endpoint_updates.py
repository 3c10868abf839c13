"""Endpoints of several instances in a local cloud whose waits are short: hurt, rolled back, always answering.

What each kind of update does to requests: test_updates_under_traffic.py.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError
from killed_server import alive_after, kill, programs_of
from live_site import FACTOR, ONE, Site, blue_green
from live_traffic import VARIANT, Traffic, put_config, put_model
from printed_environment import printed_environment
from sagemaker_world import Client, wait_for
from topic_queue import messages, queue_for
from warm_server import AWS, shared_python


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, client_of: Client) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("live"), client_of)
    yield made
    made.cloud.stop()


@pytest.fixture(scope="module")
def answers(site: Site) -> dict[bytes, str]:
    """What the two models answer."""
    endpoint = site.endpoint(1)
    found = {endpoint.answer(): "a"}
    endpoint.update("b", 1, None)
    endpoint.settled()
    found[endpoint.answer()] = "b"
    assert len(found) == 2
    site.world.sagemaker.delete_endpoint(EndpointName=endpoint.name)
    return found


@pytest.mark.parametrize("instances", [2, 1])
def test_a_killed_process_fails_what_is_in_flight_on_it_at_most_and_is_replaced(
    site: Site, answers: dict[bytes, str], instances: int
) -> None:
    """Of four requests at a time, with one instance those that follow wait for it."""
    endpoint = site.endpoint(instances)
    before = endpoint.pids()
    assert len(before) == instances
    with Traffic(site.world.client, endpoint.name, answers) as traffic:
        traffic.following(12)
        os.kill(before[0], signal.SIGKILL)
        healed = wait_for(endpoint.pids, lambda pids: len(pids) == instances and before[0] not in pids, 30)
        assert set(before[1:]) < set(healed)
        assert set(traffic.following(60)) == {"a"}
    assert len(traffic.errors) <= 4 and all("ModelError" in error for error in traffic.errors), traffic.errors
    assert endpoint.settled()["EndpointStatus"] == "InService"


@pytest.mark.contract("A06", "G11", "G16")
def test_an_alarm_on_the_new_fleet_alone_takes_a_canary_back(site: Site, answers: dict[bytes, str]) -> None:
    """The new model has another number of features and refuses the rows that the old one answers."""
    endpoint, world = site.endpoint(2), site.world
    old = endpoint.settled()["EndpointConfigName"]
    new = put_config(world, f"narrow-{uuid.uuid4().hex[:8]}", put_model(world, "narrow", 1.0, features=1), 2)
    alarm = f"{new}-errors"
    dimensions = {"EndpointName": endpoint.name, "VariantName": VARIANT, "EndpointConfigName": new}
    world.client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/SageMaker",
        MetricName="InvocationModelErrors",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.01,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    course = {
        **blue_green("CANARY", 1800, CanarySize=ONE),
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }
    with Traffic(world.client, endpoint.name, answers) as traffic:
        endpoint.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=new, DeploymentConfig=course)
        shown = endpoint.settled()
        failed = len(traffic.errors)
        assert set(traffic.following(20)) == {"a"}
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", old)
    assert shown["FailureReason"].startswith(f"The alarm {alarm} is in ALARM. Threshold Crossed: ")
    assert len(traffic.errors) - failed == 0 and 0 < failed <= traffic.counts["a"]
    assert all("(ModelError)" in error for error in traffic.errors)


@pytest.mark.contract("D10", "G14", "G16", "W02")
def test_boto3s_waiter_takes_a_rolled_back_update_for_a_success(site: Site, answers: dict[bytes, str]) -> None:
    """A deployment that exceeds its maximum time goes back; only EndpointConfigName and FailureReason say so."""
    endpoint = site.endpoint(2)
    old = endpoint.settled()["EndpointConfigName"]
    course = blue_green("CANARY", 3600, CanarySize=ONE)
    course["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    with Traffic(site.world.client, endpoint.name, answers) as traffic:
        new = endpoint.update("b", 2, course)
        waiter = endpoint.sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=endpoint.name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600})
        assert set(traffic.following(12)) == {"a"}
    shown = endpoint.settled()
    assert (shown["EndpointConfigName"], shown["LastDeploymentConfig"]) == (old, course)
    assert shown["FailureReason"] == "The deployment did not complete within MaximumExecutionTimeoutInSeconds (600)."
    assert "PendingDeploymentSummary" not in shown
    assert endpoint.sagemaker.describe_endpoint_config(EndpointConfigName=new)["EndpointConfigName"] == new
    assert traffic.errors == []


@pytest.mark.contract("G15", "W03")
def test_a_rolling_update_and_its_rollback_can_both_fail(site: Site, answers: dict[bytes, str]) -> None:
    """The old model's artifact is gone when an instance of it has to be started again: a mix serves."""
    endpoint = site.endpoint(2)
    s3, world = site.world.client("s3"), site.world
    only = put_model(world, "only", 1.0)
    old = put_config(world, f"only-{uuid.uuid4().hex[:8]}", only, 2)
    endpoint.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=old)
    assert endpoint.settled()["EndpointConfigName"] == old
    course = {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": ONE,
            "WaitIntervalInSeconds": 420,
            "MaximumExecutionTimeoutInSeconds": 600,
        }
    }
    new = endpoint.update("b", 2, course)
    endpoint.step("Baking")
    s3.delete_object(Bucket=world.bucket, Key="models/only/model.tar.gz")
    shown = endpoint.settled()
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("UpdateRollbackFailed", old)
    assert (
        "MaximumExecutionTimeoutInSeconds (600). The rollback failed: Failed to download model data"
        in (shown["FailureReason"])
    )
    for name in ("endpoint_in_service", "endpoint_deleted"):
        with pytest.raises(WaiterError, match="Max attempts exceeded"):
            endpoint.sagemaker.get_waiter(name).wait(
                EndpointName=endpoint.name, WaiterConfig={"Delay": 0, "MaxAttempts": 2}
            )
    with Traffic(world.client, endpoint.name, answers) as traffic:
        traffic.following(20)
        assert set(traffic.counts) == {"a", "b"} and traffic.errors == []
        endpoint.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=new)
        assert endpoint.settled()["EndpointConfigName"] == new
    assert traffic.errors == [] and len(endpoint.pids()) == 2


STEPS: list[tuple[str, str, int | None, str]] = [
    ("InService", "old", None, ""),
    ("Updating", "old", 0, "Creating"),
    ("Updating", "old", 0, "ActivatingTraffic"),
    ("Updating", "old", 1, "Baking"),
    ("Updating", "old", 1, "ActivatingTraffic"),
    ("Updating", "old", 2, "Baking"),
    ("Updating", "old", 2, "Deleting"),
    ("InService", "new", None, ""),
]
"""Of a canary of two: EndpointStatus, configuration, CurrentInstanceCount of the new instances and their status."""


@pytest.fixture(scope="module")
def shell(site: Site) -> dict[str, str]:
    """A shell pointed at the cloud; its `aws` need not import what it begins with, half a second of CPU a call."""
    place = site.cloud.folder.root / "programs"
    place.mkdir()
    (place / "aws").write_text(f'#!/bin/sh\nexec {shlex.join([*shared_python(*AWS), "-m", "awscli"])} "$@"\n')
    (place / "aws").chmod(0o755)
    found = printed_environment(site.cloud)
    return {**found, "PATH": f"{place}:{found['PATH']}"}


def documents(stream: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The JSON documents that a loop prints one below the other."""
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            yield json.loads(text)
            text = ""


@pytest.mark.contract("D15", "E01", "E03", "E07", "E08", "W05")
def test_the_aws_command_in_a_loop_shows_a_canary_step_by_step_and_so_does_the_event_bus(
    site: Site, shell: dict[str, str], tmp_path: Path
) -> None:
    endpoint, client = site.endpoint(2), site.world.client
    shown = endpoint.settled()
    queue, arn = queue_for(client, "events.amazonaws.com")
    pattern = {"source": ["aws.sagemaker"], "resources": [shown["EndpointArn"]]}
    client("events").put_rule(Name=endpoint.name, EventPattern=json.dumps(pattern))
    client("events").put_targets(Rule=endpoint.name, Targets=[{"Id": "queue", "Arn": arn}])
    command = f"aws sagemaker describe-endpoint --endpoint-name {endpoint.name} --output json"
    loop = ["/bin/bash", "-c", f"until [ -e {shlex.quote(str(tmp_path / 'end'))} ]; do {command}; sleep 1; done"]
    names = {shown["EndpointConfigName"]: "old"}
    seen: list[tuple[str, str, int | None, str]] = []
    with subprocess.Popen(loop, env=shell, stdout=subprocess.PIPE, encoding="utf-8") as looping:
        try:
            assert looping.stdout is not None
            for described in documents(looping.stdout):
                if not seen:
                    names[endpoint.update("b", 2, blue_green("CANARY", 360, 120, CanarySize=ONE))] = "new"
                pending = described.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])[0]
                (variant,) = described["ProductionVariants"]
                status = pending.get("VariantStatus") or variant.get("VariantStatus") or [{"Status": ""}]
                config, count = names[described["EndpointConfigName"]], pending.get("CurrentInstanceCount")
                seen.append((described["EndpointStatus"], config, count, status[0]["Status"]))
                if seen[-1] == STEPS[-1]:
                    break
        finally:
            (tmp_path / "end").touch()
            looping.communicate()
    # Which steps it sees depends on the moment; those that it sees are in order.
    order = [STEPS.index(step) for step in seen]
    assert order == sorted(order) and order[0] == 0 and len(set(order)) > 2
    events = messages(client, queue, 9)
    assert Counter(event["detail-type"] for event in events) == {
        "SageMaker Endpoint State Change": 2,
        "SageMaker Endpoint Deployment State Change": 7,
    }
    assert Counter(event["detail"]["EndpointStatus"] for event in events) == {"UPDATING": 7, "IN_SERVICE": 2}
    assert {(event["source"], *event["resources"]) for event in events} == {("aws.sagemaker", shown["EndpointArn"])}
    assert all(datetime.fromisoformat(event["time"]).tzinfo is not None for event in events)


@pytest.mark.contract("G17")
def test_a_cloud_that_is_killed_in_a_bake_has_the_old_configuration_at_the_next_start(
    tmp_path: Path, client_of: Client
) -> None:
    site = Site(tmp_path, client_of)
    try:
        endpoint = site.endpoint(2)
        old, before = endpoint.settled()["EndpointConfigName"], endpoint.answer()
        new = endpoint.update("b", 2, blue_green("CANARY", 3600, CanarySize=ONE))
        endpoint.step("Baking")
        programs = programs_of(site.cloud)
        assert len(endpoint.pids()) == 4
        kill(site.cloud)
        assert alive_after(programs, 10) == []
        site.cloud.start(port=0, time_factor=FACTOR)
        assert {endpoint.answer() for _ in range(6)} == {before}
        shown = endpoint.settled()
        assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", old)
        assert shown["FailureReason"] == (
            f"The update was interrupted: the local cloud was stopped. Endpoint configuration {old} serves, not {new}."
        )
        assert shown["ProductionVariants"][0]["CurrentInstanceCount"] == 2
        time.sleep(0.5)
        assert len(endpoint.pids()) == 2
    finally:
        site.cloud.stop(discard=True)
