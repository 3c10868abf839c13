"""What a step works with: the run's project, opened in its accounts, its commands, and what was observed so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from acceptance.commands import Commands
from acceptance.estimate import Used
from acceptance.project import SOURCE, Plan, write_project
from kickstand.commands.context import REPOSITORY, Root
from kickstand.commands.places import open_place
from kickstand.config.load import load_project
from promotion.place import Place


def assembly_folder(plan: Plan, name: str) -> Path:
    """Where Kickstand puts an environment's cloud assembly."""
    return REPOSITORY / "cdk.out" / f"{plan.name}-{name}"


@dataclass
class World:
    """One run at work."""

    plan: Plan
    commands: Commands
    keys: dict[str, str]
    """The ARN of each environment's KMS key."""
    began: datetime
    places: dict[str, Place] = field(default_factory=dict)
    returned_logs: list[bool] = field(default_factory=list)
    """Of each time that the endpoint's stack was deleted: whether its log group was there again afterwards."""
    endpoints: dict[str, datetime] = field(default_factory=dict)
    """The endpoints that run, and since when."""
    hosted_seconds: float = 0.0

    @property
    def secret(self) -> str:
        """The external id of the roles that stand for people."""
        return f"acceptance-{self.plan.run}"

    @property
    def file(self) -> Path:
        return self.commands.folder / "kickstand.toml"

    def write(self, **changes: Any) -> None:
        """Write the project file anew: `rounds`, `probe`."""
        write_project(self.commands.folder, self.plan, self.keys, **changes)
        self.places.clear()

    def assembled(self, name: str) -> tuple[str, str]:
        """The option that takes what an environment's last command has synthesised, as it is."""
        return "--assembly", str(assembly_folder(self.plan, name))

    def place(self, name: str = SOURCE) -> Place:
        """An environment of the run's project, with a session of its own credentials."""
        if name not in self.places:
            self.places[name] = open_place(Root(self.file, local=False), load_project(self.file), name)
        return self.places[name]

    def client(self, service: str, name: str = SOURCE) -> Any:
        return self.place(name).session.client(service)

    def host(self, name: str) -> None:
        """Count an endpoint's time from here on: a deployment that fails may have started one, too."""
        self.endpoints.setdefault(name, datetime.now(UTC))

    def unhost(self, *names: str) -> None:
        for name in names:
            since = self.endpoints.pop(name, None)
            if since is not None:
                self.hosted_seconds += (datetime.now(UTC) - since).total_seconds()

    def used(self) -> tuple[Used, ...]:
        """What has run so far and is paid by the time."""
        self.unhost(*list(self.endpoints))
        prefix, sagemaker = f"{self.plan.name}-", self.client("sagemaker")
        trained = transformed = 0.0
        for page in sagemaker.get_paginator("list_training_jobs").paginate(
            NameContains=prefix, CreationTimeAfter=self.began
        ):
            for job in page["TrainingJobSummaries"]:
                described = sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])
                trained += described.get("BillableTimeInSeconds") or described.get("TrainingTimeInSeconds") or 0
        for page in sagemaker.get_paginator("list_transform_jobs").paginate(
            NameContains=prefix, CreationTimeAfter=self.began
        ):
            for job in page["TransformJobSummaries"]:
                ended = job.get("TransformEndTime")
                transformed += (ended - job["CreationTime"]).total_seconds() if ended else 0
        return (
            Used("hosting", self.plan.hosting, self.hosted_seconds),
            Used("training", self.plan.training, trained),
            Used("transform", self.plan.training, transformed),
        )
