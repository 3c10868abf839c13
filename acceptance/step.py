"""A step of the acceptance run, as a value, and the run that it works in.

A step has a question, the assumptions that it puts to AWS, and what came of it. The run is its project, opened in its
accounts, its commands, and what was observed so far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from acceptance.commands import Commands
from acceptance.estimate import Used
from acceptance.project import SOURCE, Plan, write_project
from cli.context import workspace_of
from cli.options import REPOSITORY, Root
from kickstand.config.load import load_project
from kickstand.workspace import Workspace


class Verdict(StrEnum):
    """What AWS said of the assumptions of a step."""

    PROVEN = "proven"
    CORRECTED = "corrected"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Assumption:
    """What a module takes for granted of AWS.

    module: its path in the repository, `kickstand/aws/s3.py`.
    sentence: what it assumes, so that AWS can contradict it.
    """

    module: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What a step observed. lines: a sentence each. wrong: the modules whose assumption AWS contradicted."""

    lines: tuple[str, ...]
    wrong: frozenset[str] = frozenset()


class NotRun(Exception):  # noqa: N818 - no error: a step says why it asks nothing here
    """A step cannot be run in this account or on this day; the message is the reason."""


class NotReady(NotRun):
    """The account lacks what the run needs; nothing that costs is made."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    key: a word by which later steps name it in `needs`.
    title, question: for the report.
    assumptions: what is put to AWS; at least one.
    work: does it and says what was seen. Raises NotRun; KickstandError or an AWS error where AWS refused.
    if_corrected: what to do where AWS contradicts an assumption.
    needs: keys of the steps that must be proven before.
    number: of the question among those that only an account can answer; None for the main job.
    """

    key: str
    title: str
    question: str
    assumptions: tuple[Assumption, ...]
    work: Callable[[World], Observed]
    if_corrected: str
    needs: tuple[str, ...] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step as it ended. lines: what was observed, or why it was not run. seconds: how long it took."""

    step: Step
    verdict: Verdict
    lines: tuple[str, ...]
    seconds: float = 0.0
    wrong: frozenset[str] = field(default_factory=frozenset)
    unanswered: bool = False
    """Whether it was not run although it is to be: what it needs is not proven, the time was over, the account is not
    ready, or the step itself failed."""

    def of(self, assumption: Assumption) -> Verdict:
        """The verdict on one assumption: a step that AWS refused altogether corrects all of its own."""
        if self.verdict is not Verdict.CORRECTED or not self.wrong or assumption.module in self.wrong:
            return self.verdict
        return Verdict.PROVEN


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
    workspaces: dict[str, Workspace] = field(default_factory=dict)
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
        self.workspaces.clear()

    def assembled(self, name: str) -> tuple[str, str]:
        """The option that takes what an environment's last command has synthesised, as it is."""
        return "--assembly", str(assembly_folder(self.plan, name))

    def workspace(self, name: str = SOURCE) -> Workspace:
        """An environment of the run's project, with a session of its own credentials."""
        if name not in self.workspaces:
            self.workspaces[name] = workspace_of(Root(self.file, local=False), load_project(self.file), name)
        return self.workspaces[name]

    def client(self, service: str, name: str = SOURCE) -> Any:
        return self.workspace(name).session.client(service)

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
