"""The kinds of jobs: the names of each, and the rules in which they differ.

A further kind is one more JobKind, a JobRules of its own, the table of its records, and an agent below
`localcloud/jobs`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.jobs.events import JobEvent
    from localcloud.sagemaker.api.call import Call, Scope
    from localcloud.sagemaker.processes import JobOrder

Record = dict[str, Any]

INTERRUPT_TAG = "kickstand:interrupt"
"""Whoever may tag a spot job can interrupt it, with any client; on AWS it is a tag and no more."""

ENDED = ("Completed", "Failed", "Stopped")
REASON_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class JobKind:
    """The names of one kind of job.

    noun:          as it stands in operations and members: `TrainingJob`.
    title:         as it stands in sentences: `training job`.
    resource:      the kind in its ARN.
    table:         where its records are (`localcloud.sagemaker.store.TABLES`).
    folder:        where its jobs work, below the service's own.
    agent:         its folder below `localcloud/jobs`.
    announces_stop: whether the event bus hears that a job is stopping.
    """

    noun: str
    title: str
    resource: str
    table: str
    folder: str
    agent: str
    announces_stop: bool

    @property
    def name(self) -> str:
        return f"{self.noun}Name"

    @property
    def status(self) -> str:
        return f"{self.noun}Status"

    @property
    def arn(self) -> str:
        return f"{self.noun}Arn"

    def has_ended(self, record: Mapping[str, Any]) -> bool:
        """Whether a record is of a job that goes on no more."""
        return record[self.status] in ENDED


TRAINING = JobKind("TrainingJob", "training job", "training-job", "training_jobs", "jobs", "training", False)
TRANSFORM = JobKind("TransformJob", "transform job", "transform-job", "transform_jobs", "transforms", "transform", True)
KINDS = (TRAINING, TRANSFORM)


class JobRules(ABC):
    """What is a kind's own: which requests it takes, and how a record changes.

    Changes are pure: a record and a fact in, a record out.
    """

    kind: JobKind

    @abstractmethod
    def admit(self, call: Call) -> None:
        """Refuse a caller who may not make this job, before anything else is looked at. Raises ServiceError."""

    @abstractmethod
    def role(self, scope: Scope, request: Mapping[str, Any]) -> str:
        """The ARN of the role that a requested job works in; empty where it has none."""

    @abstractmethod
    def order(self, call: Call) -> JobOrder:
        """What a requested job is started from. Raises ServiceError for a request that SageMaker refuses."""

    @abstractmethod
    def taken(self, arn: str) -> str:
        """SageMaker's words for a name that is in use."""

    @abstractmethod
    def absent(self, name: str) -> str:
        """SageMaker's words for a job that is not there."""

    @abstractmethod
    def new(self, scope: Scope, request: Mapping[str, Any], now: float) -> Record:
        """The record of a job that was just accepted."""

    @abstractmethod
    def stopping(self, record: Record, final: str, now: float) -> Record:
        """The record of a job that was told to stop; `final` is the secondary status that it will end in."""

    @abstractmethod
    def after(self, record: Record, event: JobEvent) -> Record | None:
        """The record after a report of the run; None where nothing changes."""

    @abstractmethod
    def finished(self, record: Record, event: JobEvent) -> Record:
        """The record of a job that has ended, by the run's last report."""

    def limits(self, record: Record, event: JobEvent | None) -> Iterable[tuple[float, str]]:
        """Limits that begin with a report (None: with the start): seconds, and how a job that exceeds them ends."""
        return ()
