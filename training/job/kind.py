"""Kinds of SageMaker jobs: what training and transform jobs have in common, and the few words in which they differ.

Each is started by an execution of a state machine of its stack, which has the name of the job. After a capacity or
internal error the state machine tries again under NAME-r1, then NAME-r2: the attempts of that job.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from botocore.exceptions import ClientError

from kickstand.aws.errors import error_code, error_message, explained
from kickstand.names import Names
from training.job.jobs import ENDED, JobDescription, TransformDescription, parse_job, parse_transform

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class Job(Protocol):
    """What is known of a job of any kind."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def failure_reason(self) -> str: ...


J = TypeVar("J", bound=Job)


@dataclass(frozen=True, slots=True)
class JobKind(Generic[J]):
    """One kind of job.

    word: before "job", also in boto3's operations (`describe_training_job`). noun: in the API (`TrainingJobName`).
    parse: makes the job of a description. command: of `kickstand`. lost: what there is not where it was stopped.
    machine, stack: the names of the state machine that starts it, and of its stack.
    """

    word: str
    noun: str
    parse: Callable[[Mapping[str, Any]], J]
    command: str
    lost: str
    machine: Callable[[Names], str]
    stack: Callable[[Names], str]

    @property
    def list_command(self) -> str:
        """What lists the jobs of the account."""
        return f"aws sagemaker list-{self.word}-jobs --sort-by CreationTime"


TRAINING: JobKind[JobDescription] = JobKind(
    word="training",
    noun="TrainingJob",
    parse=parse_job,
    command="fit",
    lost="no release was written",
    machine=lambda names: names.state_machine,
    stack=lambda names: names.training_stack,
)
TRANSFORM: JobKind[TransformDescription] = JobKind(
    word="transform",
    noun="TransformJob",
    parse=parse_transform,
    command="transform",
    lost="it left no results",
    machine=lambda names: names.transform_machine,
    stack=lambda names: names.hosting_stack,
)


class Jobs(Generic[J]):
    """SageMaker's jobs of one kind. sagemaker: a SageMaker client."""

    def __init__(self, kind: JobKind[J], sagemaker: SageMakerClient) -> None:
        self._kind, self._sagemaker = kind, sagemaker

    def find(self, name: str) -> J | None:
        """A job; None where there is none of that name.

        Raises botocore's errors: who follows a job goes on through throttling.
        """
        if not is_job_name(name):
            return None
        try:
            return self._kind.parse(self._call("describe", name))
        except ClientError as error:
            if error_code(error) in ("ValidationException", "ResourceNotFound") and _absent(error):
                return None
            raise

    def stop(self, name: str) -> bool:
        """Ask SageMaker to stop a job. False where there is none, or it has ended, or is stopping already."""
        with explained(f"stopping {self._kind.word} job {name}"):
            job = self.find(name)
            if job is None or job.status in (*ENDED, "Stopping"):
                return False
            try:
                self._call("stop", name)
            except ClientError as error:
                # It ended between the two calls; SageMaker then names its status.
                if error_code(error) == "ValidationException":
                    return False
                raise
            return True

    def _call(self, verb: str, name: str) -> Mapping[str, Any]:
        operation = getattr(self._sagemaker, f"{verb}_{self._kind.word}_job")
        answer: Mapping[str, Any] = operation(**{f"{self._kind.noun}Name": name})
        return answer


def _absent(error: ClientError) -> bool:
    """SageMaker answers `ValidationException` with `Requested resource not found.` for an unknown job."""
    message = error_message(error).lower()
    return "not found" in message or "could not find" in message or "does not exist" in message


_RETRIES = 2
_ATTEMPT = re.compile(r"-r([1-9])$")
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""Of a job: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html."""


def is_job_name(text: str) -> bool:
    """Whether a job may have this name; for any other AWS answers that the request is malformed."""
    return _NAME.fullmatch(text) is not None


def job_of(attempt: str) -> str:
    """The job (and execution) that an attempt belongs to: `NAME-r1` -> `NAME`."""
    return _ATTEMPT.sub("", attempt)


def attempts_of(job: str) -> tuple[str, ...]:
    """The jobs that one execution may make, in order: NAME, NAME-r1, NAME-r2."""
    return (job, *(f"{job}-r{number}" for number in range(1, _RETRIES + 1)))
