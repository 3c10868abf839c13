"""Endpoints after a restart: what the machine had no room for is tried again, without anybody making it anew."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict

from localcloud.jobs.events import is_exhausted
from localcloud.jobs.hosting.model_process import HostingError
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.hosting.live_endpoints import Hosting
from localcloud.sagemaker.store import TABLES, Events, Stores

SCOPE = Scope("111122223333", "us-east-1")
DEPLOYMENT = {
    "config": "c",
    "variants": [
        {"VariantName": "a", "InitialVariantWeight": 1, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    ],
    "models": {"a": {"Image": "i", "ModelDataUrl": "s3://b/k", "Environment": {}, "ExecutionRoleArn": "r"}},
    "deployment_config": None,
    "retained": [],
}
FULL = OSError(28, "No space left on device")


class Servers:
    """Model servers that start unless `error` says why not."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.starts = 0

    def hosting(self, order: Any) -> Servers:
        return self

    ready = True
    pid = None

    def start(self) -> None:
        self.starts += 1
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        pass


class Told(Events):
    def __init__(self) -> None:
        super().__init__(None)
        self.statuses: list[str] = []

    def endpoint(self, scope: Scope, record: Mapping[str, Any]) -> None:
        self.statuses.append(record["EndpointStatus"])


class World:
    """One endpoint that a restart found."""

    def __init__(self, folder: Path) -> None:
        self.stores = Stores({name: AccountRegionScopedDict() for name in TABLES})
        self.servers, self.events, self.folder = Servers(), Told(), folder
        self.hosting = self.started()

    def started(self) -> Hosting:
        """The hosting of the next start."""
        return Hosting(
            self.stores,
            self.servers,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            self.events,
            folder=self.folder,
            clock=lambda: 1.0,
        )

    def put(self, status: str, **more: Any) -> None:
        record = {"EndpointName": "ep", "EndpointArn": "arn", "EndpointStatus": status, **more}
        self.stores.endpoints.put(SCOPE, "ep", record)

    @property
    def record(self) -> dict[str, Any]:
        found = self.stores.endpoints.get(SCOPE, "ep")
        assert found is not None
        return found

    def wait(self, reached: Callable[[], bool]) -> None:
        done = threading.Event()
        for _ in range(1000):
            if reached():
                return
            done.wait(0.01)
        raise AssertionError(self.record)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("localcloud.sagemaker.hosting.rehosting._RETRY_SECONDS", 0.05)
    made = World(tmp_path)
    yield made
    made.hosting.shutdown()


@pytest.mark.parametrize(
    "found",
    [
        {"status": "InService", "_hosted": DEPLOYMENT, "_pending": None},
        {"status": "Creating", "_pending": DEPLOYMENT},
        {"status": "Failed", "_hosted": DEPLOYMENT, "_pending": None, "FailureReason": "of the start before"},
        {"status": "Failed", "_pending": DEPLOYMENT, "FailureReason": "of the start before"},
    ],
)
def test_a_full_disk_at_a_restart_is_over_when_there_is_room(world: World, found: dict[str, Any]) -> None:
    world.put(**found)
    world.servers.error = FULL
    world.hosting.resume()
    world.wait(lambda: world.servers.starts > 2)
    assert world.record["EndpointStatus"] == "Failed"
    assert world.record["FailureReason"] == (
        "The endpoint could not be hosted again after a restart: [Errno 28] No space left on device It is tried again "
        "every 0.05 seconds: make room in memory and on the disk of the local cloud's state folder."
    )
    assert world.events.statuses == ["Failed"]
    world.servers.error = None
    world.wait(lambda: world.record["EndpointStatus"] == "InService")
    assert world.record["FailureReason"] is None
    assert world.hosting.fleet(SCOPE, "ep", 0) is not None


def test_an_interrupted_update_is_still_told_after_the_disk_was_full(world: World) -> None:
    world.put("Updating", _hosted=DEPLOYMENT, _pending={**DEPLOYMENT, "config": "d"})
    world.servers.error = FULL
    world.hosting.resume()
    world.wait(lambda: world.record["EndpointStatus"] == "Failed")
    world.servers.error = None
    world.wait(lambda: world.record["EndpointStatus"] == "InService")
    assert world.record["FailureReason"] == (
        "The update was interrupted: the local cloud was stopped. Endpoint configuration c serves, not d."
    )


def test_an_update_whose_rollback_failed_is_on_one_configuration_after_a_restart(world: World) -> None:
    world.put("UpdateRollbackFailed", _hosted=DEPLOYMENT, _pending=None, FailureReason="No instance.")
    world.hosting.resume()
    world.wait(lambda: world.record["EndpointStatus"] == "InService")
    assert world.record["EndpointConfigName"] == "c"
    assert world.record["FailureReason"] == (
        "No instance. The local cloud was started again: Endpoint configuration c serves alone."
    )


def test_another_reason_is_tried_again_at_the_next_start_only(world: World) -> None:
    world.put("InService", _hosted=DEPLOYMENT, _pending=None)
    world.servers.error = HostingError("The model is not one.")
    world.hosting.resume()
    world.wait(lambda: world.record["EndpointStatus"] == "Failed")
    assert world.record["FailureReason"].endswith(
        "The model is not one. It is tried again at the next start: kickstand local stop, then kickstand local start."
    )
    threading.Event().wait(0.2)
    assert world.servers.starts == 1
    world.hosting.shutdown()
    world.servers.error = None
    world.hosting = world.started()
    world.hosting.resume()
    world.wait(lambda: world.record["EndpointStatus"] == "InService")


def test_an_endpoint_that_was_deleted_meanwhile_is_left_alone(world: World) -> None:
    world.put("InService", _hosted=DEPLOYMENT, _pending=None)
    world.servers.error = FULL
    world.hosting.resume()
    world.wait(lambda: world.record["EndpointStatus"] == "Failed")
    world.stores.endpoints.remove(SCOPE, "ep")
    threading.Event().wait(0.1)
    starts = world.servers.starts
    threading.Event().wait(0.2)
    assert world.servers.starts == starts


def test_a_first_deployment_that_fails_stays_failed(world: World) -> None:
    world.put("Creating", _pending=DEPLOYMENT)
    world.servers.error = FULL
    world.hosting.deploy(SCOPE, "ep", DEPLOYMENT)
    world.wait(lambda: world.record["EndpointStatus"] == "Failed")
    world.servers.error = None
    world.started().resume()
    assert world.record["EndpointStatus"] == "Failed"


def test_what_a_machine_has_too_little_of() -> None:
    def caused() -> Exception:
        try:
            try:
                raise FULL
            except OSError:
                raise HostingError("Failed to extract the archive.") from None
        except HostingError as error:
            return error

    for error in (
        FULL,
        OSError(12, "x"),
        MemoryError(),
        caused(),
        HostingError("exit code 1. [Errno 24] Too many open files"),
    ):
        assert is_exhausted(error)
    for error in (OSError(2, "No such file"), HostingError("The model is not one."), ValueError("28")):
        assert not is_exhausted(error)
