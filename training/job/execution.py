"""Executions of the training stack's state machine: one starts a training job and sees it through.

An execution has the name of its job. After a capacity or internal error the state machine tries again under
NAME-r1, then NAME-r2: the attempts of that job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_code, explained
from kickstand.config.model import Environment
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names

if TYPE_CHECKING:
    from kickstand.workspace import Workspace

_RETRIES = 2
_ATTEMPT = re.compile(r"-r([1-9])$")
_SETTINGS = {
    "algorithm.version": re.compile(r"/sagemaker-xgboost:([\w.-]+)"),
    "training.instance_type": re.compile(r'"InstanceType":\s*"([\w.-]+)"'),
    "training.instance_count": re.compile(r'"InstanceCount":\s*(\d+)'),
    "training.volume_size_gb": re.compile(r'"VolumeSizeInGB":\s*(\d+)'),
    "training.max_runtime_seconds": re.compile(r'"MaxRuntimeInSeconds":\s*(\d+)'),
    "training.max_wait_seconds": re.compile(r'"MaxWaitTimeInSeconds":\s*(\d+)'),
    "training.spot": re.compile(r'"EnableManagedSpotTraining":\s*(true|false)'),
    "training.encrypt_inter_container_traffic": re.compile(r'"EnableInterContainerTrafficEncryption":\s*(true)'),
}
"""What a deployed state machine's definition fixes for every job: the key in the configuration, and where it stands."""
_ABSENT = {"training.encrypt_inter_container_traffic": "false"}
"""What it means that a definition does not have a setting; of any other it says nothing."""
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""Of a training job: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html."""


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


def is_job_name(text: str) -> bool:
    """Whether a training job may have this name; asked for any other, AWS answers that the request is malformed."""
    return _NAME.fullmatch(text) is not None


def job_of(attempt: str) -> str:
    """The job (and execution) that an attempt belongs to: `NAME-r1` -> `NAME`."""
    return _ATTEMPT.sub("", attempt)


def attempts_of(job: str) -> tuple[str, ...]:
    """The training jobs that one execution may make, in order: NAME, NAME-r1, NAME-r2."""
    return (job, *(f"{job}-r{number}" for number in range(1, _RETRIES + 1)))


class Executions:
    """Executions of one of an environment's state machines, each named after its job.

    states: a Step Functions client. machine: the state machine's name. stack: the stack that makes it.
    what: what it is to people. deploy_command: what the user types to deploy the stack.
    """

    def __init__(self, states: Any, names: Names, *, machine: str, stack: str, what: str, deploy_command: str) -> None:
        self._states = states
        self._names = names
        self._machine, self._what = machine, what
        self._not_deployed = Problem(
            f"The stack {stack} is not deployed in account {names.environment.account}, "
            f"region {names.environment.region}: it has no state machine {machine}.",
            fix=f"Deploy it: {deploy_command}",
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
            self._states.stop_execution(executionArn=execution.arn, error="Stopped", cause=cause)
            return True

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

    def __init__(self, workspace: Workspace, states: Any = None) -> None:
        names, self._deploy_command = workspace.names, workspace.command("deploy")
        super().__init__(
            states or workspace.session.client("stepfunctions"),
            names,
            machine=names.state_machine,
            stack=names.training_stack,
            what="training",
            deploy_command=self._deploy_command,
        )

    def require_settings(self) -> None:
        """Raise KickstandError unless the stack is deployed and trains as the configuration says: image, instances and
        limits are the stack's, so those that were changed since it was deployed have no effect."""
        definition, environment = self.require_deployed(), self._names.environment
        problems = []
        for setting, deployed in _SETTINGS.items():
            match, chosen = deployed.search(definition), _written(environment, setting)
            found = match[1] if match else _ABSENT.get(setting)
            if found is not None and chosen is not None and found != chosen:
                what = "image" if setting == "algorithm.version" else setting.rpartition(".")[2]
                message = f"The training stack that is deployed trains with {what} {found}; {chosen} is chosen."
                problems.append(Problem(message, environment.where(setting)))
        if problems:
            fix = f"Deploy it: {self._deploy_command} --training"
            raise KickstandError(*problems[:-1], replace(problems[-1], fix=fix))

    def start(self, job: str, channels: Sequence[Mapping[str, Any]], hyperparameters: Mapping[str, str]) -> None:
        """Start one execution that trains."""
        self.begin(
            job,
            {"TrainingJobName": job, "InputDataConfig": list(channels), "HyperParameters": dict(hyperparameters)},
        )


def _written(environment: Environment, setting: str) -> str | None:
    """The value of a key as a state machine's definition writes it; None where it is not given."""
    table, _, key = setting.partition(".")
    value = getattr(getattr(environment, table), key)
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
