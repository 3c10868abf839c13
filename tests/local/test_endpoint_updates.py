"""Endpoints of several instances in a local cloud whose waits are short: updated, scaled, hurt, always answering."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from killed_server import alive_after, children_of, kill
from live_traffic import VARIANT, Traffic, invoke, put_config, put_model
from sagemaker_world import Client, World, make_world, wait_for

from localcloud.cloud import LocalCloud

FACTOR = 60.0


class Site:
    """A cloud with an endpoint of the model `a`, and configurations of `a` and `b`."""

    def __init__(self, state: Path, client_of: Client) -> None:
        self.cloud = LocalCloud(state)
        self.cloud.start(port=0, time_factor=FACTOR)
        try:
            self.world: World = make_world(
                lambda service, **place: client_of(self.cloud, service, **place), f"live-{uuid.uuid4().hex[:8]}"
            )
            self.artifacts = {name: put_model(self.world, name, slope) for name, slope in (("a", 1.0), ("b", 5.0))}
        except BaseException:
            self.cloud.stop()
            raise

    def config(self, model: str, instances: int, **variant: Any) -> str:
        """A new configuration; its name begins with the model's."""
        name = f"{model}-{uuid.uuid4().hex[:8]}"
        return put_config(self.world, name, self.artifacts[model], instances, **variant)

    def endpoint(self, instances: int, **variant: Any) -> Endpoint:
        """An endpoint of the model `a`, in service."""
        made = Endpoint(self, f"ep-{uuid.uuid4().hex[:8]}")
        config = self.config("a", instances, **variant)
        self.world.sagemaker.create_endpoint(EndpointName=made.name, EndpointConfigName=config)
        assert made.settled()["EndpointStatus"] == "InService"
        return made


class Endpoint:
    """One endpoint of a site."""

    def __init__(self, site: Site, name: str) -> None:
        self.site, self.name = site, name

    @property
    def sagemaker(self) -> Any:
        return self.site.world.sagemaker

    def settled(self, seconds: float = 120) -> dict[str, Any]:
        found: dict[str, Any] = wait_for(
            lambda: self.sagemaker.describe_endpoint(EndpointName=self.name),
            lambda shown: shown["EndpointStatus"] in ("InService", "Failed", "UpdateRollbackFailed"),
            seconds,
        )
        return found

    def update(self, model: str, instances: int, policy: dict[str, Any] | None, **more: Any) -> str:
        """Begin an update to a new configuration; its name."""
        config = self.site.config(model, instances)
        request = {"DeploymentConfig": policy} if policy else {}
        self.sagemaker.update_endpoint(EndpointName=self.name, EndpointConfigName=config, **request, **more)
        return config

    def answer(self) -> bytes:
        return invoke(self.site.world.client("sagemaker-runtime"), self.name)

    def step(self, status: str) -> dict[str, Any]:
        """The new variant's summary once it shows a status (and its text); AssertionError where the update ends."""

        def pending() -> dict[str, Any]:
            shown = self.sagemaker.describe_endpoint(EndpointName=self.name)
            assert shown["EndpointStatus"] == "Updating", shown
            variant: dict[str, Any] = shown["PendingDeploymentSummary"]["ProductionVariants"][0]
            return variant

        def reached(variant: dict[str, Any]) -> bool:
            return f"{variant.get('VariantStatus')}".find(status) >= 0

        found: dict[str, Any] = wait_for(pending, reached, 60)
        return found

    def pids(self) -> list[int]:
        """The processes of its instances: each works in the instance's own folder."""
        place = f"/{self.name}/"
        return [pid for pid in children_of(self.site.cloud.status().pid) if place in _folder(pid)]


def _folder(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


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


def blue_green(kind: str, wait: int = 300, termination_wait: int = 30, **more: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **more}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination_wait,
        }
    }


ONE = {"Type": "INSTANCE_COUNT", "Value": 1}
CANARY = blue_green("CANARY", CanarySize=ONE)
COURSES = [
    blue_green("ALL_AT_ONCE"),
    CANARY,
    blue_green("LINEAR", LinearStepSize=ONE),
    {"RollingUpdatePolicy": {"MaximumBatchSize": ONE, "WaitIntervalInSeconds": 180}},
]


def test_no_request_fails_through_each_course_and_half_of_them_meet_the_new_model_meanwhile(
    site: Site, answers: dict[bytes, str]
) -> None:
    """An update costs no availability; a share is of the requests; a fleet of two is two processes."""
    endpoint = site.endpoint(2)
    models = "ba" * 2
    with Traffic(site.world.client, endpoint.name, answers) as traffic:
        for model, course in zip(models, COURSES, strict=True):
            config = endpoint.update(model, 2, course)
            endpoint.step("Baking")
            if course is not COURSES[0]:
                during = traffic.following(20)
                assert 0.4 < during[model] / during.total() < 0.6, during
            shown = endpoint.settled()
            assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", config), shown
            assert shown["LastDeploymentConfig"] == course
            assert set(traffic.following(12)) <= {model, "ab"[model == "a"]}
            assert set(traffic.following(12)) == {model}  # what the old one had accepted has been answered
            assert len(endpoint.pids()) == 2
    assert traffic.errors == []
    assert traffic.counts["?"] == 0


def test_capacity_follows_in_processes_and_no_request_fails(site: Site, answers: dict[bytes, str]) -> None:
    endpoint = site.endpoint(2, RoutingConfig={"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"})
    with Traffic(site.world.client, endpoint.name, answers) as traffic:
        for count in (4, 2):
            wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": count}]
            endpoint.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=endpoint.name, DesiredWeightsAndCapacities=wanted
            )
            (variant,) = endpoint.settled()["ProductionVariants"]
            assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (count, count)
            assert len(endpoint.pids()) == count
    assert traffic.errors == [] and set(traffic.counts) == {"a"}


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


def test_boto3s_waiter_takes_a_rolled_back_update_for_a_success(site: Site, answers: dict[bytes, str]) -> None:
    """A deployment that exceeds its maximum time goes back; only EndpointConfigName and FailureReason say so."""
    endpoint = site.endpoint(2)
    old = endpoint.settled()["EndpointConfigName"]
    course = blue_green("CANARY", 3600, CanarySize=ONE)
    course["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    with Traffic(site.world.client, endpoint.name, answers) as traffic:
        new = endpoint.update("b", 2, course)
        waiter = endpoint.sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=endpoint.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        assert set(traffic.following(12)) == {"a"}
    shown = endpoint.settled()
    assert (shown["EndpointConfigName"], shown["LastDeploymentConfig"]) == (old, course)
    assert shown["FailureReason"] == "The deployment did not complete within MaximumExecutionTimeoutInSeconds (600)."
    assert "PendingDeploymentSummary" not in shown
    assert endpoint.sagemaker.describe_endpoint_config(EndpointConfigName=new)["EndpointConfigName"] == new
    assert traffic.errors == []


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
    with Traffic(world.client, endpoint.name, answers) as traffic:
        traffic.following(20)
        assert set(traffic.counts) == {"a", "b"} and traffic.errors == []
        endpoint.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=new)
        assert endpoint.settled()["EndpointConfigName"] == new
    assert traffic.errors == [] and len(endpoint.pids()) == 2


def test_a_cloud_that_is_killed_in_a_bake_has_the_old_configuration_at_the_next_start(
    tmp_path: Path, client_of: Client
) -> None:
    site = Site(tmp_path, client_of)
    try:
        endpoint = site.endpoint(2)
        old, before = endpoint.settled()["EndpointConfigName"], endpoint.answer()
        new = endpoint.update("b", 2, blue_green("CANARY", 3600, CanarySize=ONE))
        endpoint.step("Baking")
        children = children_of(site.cloud.status().pid)
        assert len(endpoint.pids()) == 4
        kill(site.cloud)
        assert alive_after(children, 10) == []
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
