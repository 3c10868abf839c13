"""boto3's waiters `endpoint_in_service` and `endpoint_deleted` over all that becomes of an endpoint.

The waiters are botocore's own, with its definitions; what they call is the control plane, without HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, WaiterError
from botocore.waiter import NormalizedOperationMethod, Waiter
from sagemaker_fakes import SCOPE, Plane, make_plane, serve

from localcloud.jobs.hosting.model_process import HostingError
from localcloud.sagemaker.api.call import Scope, ServiceError

MODEL = botocore.session.get_session().get_waiter_model("sagemaker")
IN_SERVICE, DELETED = MODEL.get_waiter("EndpointInService"), MODEL.get_waiter("EndpointDeleted")
ONE = {"Type": "INSTANCE_COUNT", "Value": 1}
ROLLING = {
    "RollingUpdatePolicy": {"MaximumBatchSize": ONE, "WaitIntervalInSeconds": 60},
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}


class Alarms:
    """Every alarm is in ALARM once so many new instances have traffic."""

    def __init__(self) -> None:
        self.plane: Plane
        self.from_instances = 1

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        pending = self.plane("DescribeEndpoint", EndpointName="ep")["PendingDeploymentSummary"]
        return tuple(names) if pending["ProductionVariants"][0]["CurrentInstanceCount"] >= self.from_instances else ()

    def missing(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        return ()

    def reason(self, scope: Scope, name: str) -> str:
        return ""


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture
def plane(tmp_path: Path, alarms: Alarms) -> Plane:
    alarms.plane = make_plane(tmp_path, alarms=alarms)
    return alarms.plane


class Described:
    """DescribeEndpoint as a client calls it. statuses: what it answered, an error's code among them.

    between: done after each answer.
    """

    def __init__(self, plane: Plane, between: Any = None) -> None:
        self._plane, self._between = plane, between
        self.statuses: list[str] = []

    def __call__(self, **request: Any) -> dict[str, Any]:
        try:
            answer = self._plane("DescribeEndpoint", **request)
        except ServiceError as error:
            self.statuses.append(error.code)
            raise ClientError({"Error": {"Code": error.code, "Message": error.message}}, "DescribeEndpoint") from error
        self.statuses.append(answer["EndpointStatus"])
        if self._between is not None:
            self._between()
        return answer


def wait(config: Any, described: Described, attempts: int = 3) -> None:
    method: Any = NormalizedOperationMethod
    waiter = Waiter("endpoint", config, method(described))
    waiter.wait(EndpointName="ep", WaiterConfig={"Delay": 0, "MaxAttempts": attempts})


def settle(plane: Plane) -> None:
    """Let the servers start, and the update end."""
    plane.fakes.gate.set()
    plane.endpoint()


@pytest.mark.contract("W01", "W04")
def test_how_long_they_wait() -> None:
    assert [(each.delay, each.max_attempts) for each in (IN_SERVICE, DELETED)] == [(30, 120), (30, 60)]


@pytest.mark.contract("W01")
def test_an_update_is_waited_for_until_it_is_in_service(plane: Plane) -> None:
    serve(plane)
    plane.host("c2", ("AllTraffic", "two.tar.gz", 1.0))
    plane.fakes.gate.clear()
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    described = Described(plane, lambda: settle(plane))
    wait(IN_SERVICE, described)
    assert described.statuses == ["Updating", "InService"]
    assert plane.endpoint()["EndpointConfigName"] == "c2"


@pytest.mark.contract("W01")
@pytest.mark.parametrize("key", ["broken.tar.gz", None], ids=["failed", "not there"])
def test_a_failed_endpoint_and_one_that_is_not_there_fail_the_waiter(plane: Plane, key: str | None) -> None:
    if key:
        serve(plane, key=key)
    described = Described(plane)
    with pytest.raises(WaiterError, match=r"terminal failure state|ValidationException"):
        wait(IN_SERVICE, described)
    assert described.statuses == ["Failed" if key else "ValidationException"]


@pytest.mark.contract("W02")
@pytest.mark.parametrize("cause", ["alarm", "health check"])
def test_an_update_that_was_rolled_back_is_a_success_to_the_waiter(plane: Plane, cause: str) -> None:
    serve(plane, instances=2)
    plane.host("c2", ("AllTraffic", "two.tar.gz" if cause == "alarm" else "broken.tar.gz", 1.0), instances=2)
    plane.fakes.gate.clear()
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", DeploymentConfig=ROLLING)
    described = Described(plane, lambda: settle(plane))
    wait(IN_SERVICE, described)
    assert described.statuses == ["Updating", "InService"]
    endpoint = plane.endpoint()
    assert endpoint["EndpointConfigName"] == "c1" and endpoint["FailureReason"]


@pytest.mark.contract("W03", "W04")
def test_an_update_whose_rollback_failed_is_waited_for_in_vain_and_its_deletion_is_not(
    plane: Plane, alarms: Alarms
) -> None:
    alarms.from_instances = 2  # an instance of the old model has been removed by then
    serve(plane, instances=2)
    plane.host("c2", ("AllTraffic", "two.tar.gz", 1.0), instances=2)
    hosting = plane.fakes.hosting

    def without_old_models(order: Any) -> Any:
        if "one.tar.gz" in order.model_data_url:
            raise HostingError("Failed to download model data.")
        return hosting(order)

    plane.fakes.hosting = without_old_models  # type: ignore[method-assign]
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", DeploymentConfig=ROLLING)
    plane.endpoint()
    for waiter in (IN_SERVICE, DELETED):
        described = Described(plane)
        with pytest.raises(WaiterError, match="Max attempts exceeded"):
            wait(waiter, described)
        assert described.statuses == ["UpdateRollbackFailed"] * 3
    plane("DeleteEndpoint", EndpointName="ep")
    plane.control.hosting.wait_gone(SCOPE, "ep", 5)
    wait(DELETED, described)
    assert described.statuses[3:] == ["ValidationException"]


@pytest.mark.contract("W04")
def test_a_deletion_is_waited_for_until_the_endpoint_is_gone(plane: Plane) -> None:
    serve(plane)
    fleet = plane.control.hosting.fleet(SCOPE, "ep", 1)
    assert fleet is not None
    with fleet.lease("AllTraffic"):  # a request in flight
        plane("DeleteEndpoint", EndpointName="ep")
        described = Described(plane)
        with pytest.raises(WaiterError, match="Max attempts exceeded"):
            wait(DELETED, described, attempts=2)
    described = Described(plane, lambda: plane.control.hosting.wait_gone(SCOPE, "ep", 5))
    wait(DELETED, described)
    assert described.statuses[-1] == "ValidationException"


@pytest.mark.contract("W04")
def test_an_endpoint_that_failed_fails_the_waiter_for_its_deletion(plane: Plane) -> None:
    serve(plane, key="broken.tar.gz")
    with pytest.raises(WaiterError, match="terminal failure state"):
        wait(DELETED, Described(plane))
