"""Executions of the state machines that start jobs: one starts a job, has its name, and sees it through."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kickstand.aws.deployed import stop_execution
from kickstand.aws.errors import AWS_FAILURES, aws_error, error_code, explained
from kickstand.config.model import Environment
from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json
from training.job.kind import TRAINING, JobKind, is_job_name

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from kickstand.workspace import Workspace

_SETTINGS = {
    "algorithm.version": ("AlgorithmSpecification", "TrainingImage"),
    "training.instance_type": ("ResourceConfig", "InstanceType"),
    "training.instance_count": ("ResourceConfig", "InstanceCount"),
    "training.volume_size_gb": ("ResourceConfig", "VolumeSizeInGB"),
    "training.max_runtime_seconds": ("StoppingCondition", "MaxRuntimeInSeconds"),
    "training.max_wait_seconds": ("StoppingCondition", "MaxWaitTimeInSeconds"),
    "training.spot": ("EnableManagedSpotTraining",),
    "training.encrypt_inter_container_traffic": ("EnableInterContainerTrafficEncryption",),
}
"""What a deployed state machine fixes for every job: the key in the configuration, and the place in the request."""
_ABSENT = {"training.encrypt_inter_container_traffic": False}
"""What it means that the request does not have a setting; of any other it says nothing."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What DescribeExecution tells. status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE."""

    arn: str
    status: str
    error: str
    cause: str

    @property
    def running(self) -> bool:
        return self.status in ("RUNNING", "PENDING_REDRIVE")


class Executions:
    """Executions of one of an environment's state machines, each named after its job.

    states: a Step Functions client; None: the session's usual one.
    """

    def __init__(self, kind: JobKind[Any], workspace: Workspace, states: SFNClient | None = None) -> None:
        names = workspace.names
        self._states = states or workspace.session.client("stepfunctions")
        self._names, self._what, self._machine = names, kind.word, kind.machine(names)
        self._not_deployed = Problem(
            f"The stack {kind.stack(names)} is not deployed in account {names.environment.account}, "
            f"region {names.environment.region}: it has no state machine {self._machine}.",
            fix=f"Deploy it: {workspace.command('deploy')}",
        )

    def require_deployed(self) -> str:
        """The state machine's definition. Raise KickstandError unless it is there, so that nothing is uploaded for
        nobody."""
        try:
            return str(self._states.describe_state_machine(stateMachineArn=self._machine_arn)["definition"])
        except AWS_FAILURES as error:
            raise self._error(error, f"looking at the {self._what} trigger") from error

    def begin(self, job: str, given: Mapping[str, Any]) -> None:
        """Start one execution. Starting the same one twice is one execution (its name is the job's)."""
        try:
            self._states.start_execution(
                stateMachineArn=self._machine_arn, name=job, input=json.dumps(given, sort_keys=True)
            )
        except AWS_FAILURES as error:
            raise self._error(error, f"starting {self._what} job {job}") from error

    def find(self, job: str) -> Execution | None:
        """The execution of a job; None where this trigger never had one of that name (or 90 days ago).

        Raises botocore's errors: who follows a job goes on through throttling.
        """
        if not is_job_name(job):
            return None
        try:
            answer = self._states.describe_execution(executionArn=self.execution_arn(job))
        except ClientError as error:
            if error_code(error) in ("ExecutionDoesNotExist", "StateMachineDoesNotExist"):
                return None
            raise
        return Execution(
            arn=answer["executionArn"],
            status=answer["status"],
            error=answer.get("error", ""),
            cause=answer.get("cause", ""),
        )

    def stop(self, job: str, cause: str) -> bool:
        """Stop a running execution, so that no further attempt is made. False where none is running."""
        with explained(f"stopping the execution of {job}"):
            execution = self.find(job)
            if execution is None or not execution.running:
                return False
            return stop_execution(self._states, execution.arn, error="Stopped", cause=cause)

    def execution_arn(self, job: str) -> str:
        """The ARN of the execution that has the job's name."""
        return self._names.arn("states", f"execution:{self._machine}:{job}")

    @property
    def _machine_arn(self) -> str:
        return self._names.arn("states", f"stateMachine:{self._machine}")

    def _error(self, error: Exception, doing: str) -> KickstandError:
        if error_code(error) == "StateMachineDoesNotExist":
            return KickstandError(self._not_deployed)
        return aws_error(error, doing)


class Trigger(Executions):
    """The training stack's state machine of one environment.

    states: a Step Functions client; None: the session's usual one.
    """

    def __init__(self, workspace: Workspace, states: SFNClient | None = None) -> None:
        super().__init__(TRAINING, workspace, states)
        self._deploy_command = workspace.command("deploy", "--training")

    def require_settings(self) -> None:
        """Raise KickstandError unless the stack is deployed and trains as the configuration says: image, instances and
        limits are the stack's, so those that were changed since it was deployed have no effect."""
        request, environment = _train_request(self.require_deployed()), self._names.environment
        problems = []
        for setting in _SETTINGS:
            found, chosen = _written(_deployed(request, setting)), _written(_chosen(environment, setting))
            if found is not None and chosen is not None and found != chosen:
                what = "image" if setting == "algorithm.version" else setting.rpartition(".")[2]
                message = f"The training stack that is deployed trains with {what} {found}; {chosen} is chosen."
                problems.append(Problem(message, environment.where(setting)))
        if problems:
            fix = f"Deploy it: {self._deploy_command}"
            raise KickstandError(*problems[:-1], replace(problems[-1], fix=fix))

    def start(self, job: str, channels: Sequence[Mapping[str, Any]], hyperparameters: Mapping[str, str]) -> None:
        """Start one execution that trains."""
        self.begin(
            job,
            {"TrainingJobName": job, "InputDataConfig": list(channels), "HyperParameters": dict(hyperparameters)},
        )


def _train_request(definition: str) -> Any:
    """The part of CreateTrainingJob's request that a state machine fixes; nothing of one that is not Kickstand's."""
    try:
        return parse_json(definition)["States"]["Train"]["Arguments"]
    except (ValueError, LookupError, TypeError):
        return {}


def _deployed(request: Any, setting: str) -> Any:
    """The value that a request has for a key of the configuration; None where it says nothing of it."""
    for name in _SETTINGS[setting]:
        request = request.get(name) if isinstance(request, Mapping) else None
    if request is None:
        return _ABSENT.get(setting)
    if setting == "algorithm.version":
        return str(request).rpartition("/sagemaker-xgboost:")[2] if "/sagemaker-xgboost:" in str(request) else None
    return request


def _chosen(environment: Environment, setting: str) -> Any:
    table, _, key = setting.partition(".")
    return getattr(getattr(environment, table), key)


def _written(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
