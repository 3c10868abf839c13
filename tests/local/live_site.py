"""A local cloud whose waits are short, with endpoints of several instances and two models that can be told apart."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from killed_server import programs_of
from live_traffic import invoke, put_config, put_model
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
        return programs_of(self.site.cloud, self.name)


def blue_green(kind: str, wait: int = 300, termination_wait: int = 30, **more: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **more}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination_wait,
        }
    }


ONE = {"Type": "INSTANCE_COUNT", "Value": 1}
