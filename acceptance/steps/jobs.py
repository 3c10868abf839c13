"""What Step Functions makes of a training job that is stopped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance.step import Assumption, NotRun, Observed, Step, World
from acceptance.waiting import Deadline
from kickstand.aws.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_stepfunctions import SFNClient

JOB_SECONDS = 900.0
_MANY_ROUNDS = "500000"
"""More than any job finishes before it is stopped."""

DEFINITION = "infra/state_machines/training_definition.py"
EMULATED = "localcloud/sagemaker/jobs/stepfunctions.py"


def stop(world: World) -> Observed:
    """Start a job by the training trigger, stop it as soon as SageMaker knows it, and read how the task ended."""
    workspace, states, sagemaker = world.workspace(), world.client("stepfunctions"), world.client("sagemaker")
    trained = sagemaker.describe_training_job(TrainingJobName=workspace.release().training_job.name)
    name = f"{workspace.names.prefix}-stopped-{world.plan.run.lower()}"
    request = {
        "TrainingJobName": name,
        "InputDataConfig": [
            {key: channel[key] for key in ("ChannelName", "ContentType", "InputMode", "DataSource") if channel.get(key)}
            for channel in trained["InputDataConfig"]
        ],
        "HyperParameters": {**trained["HyperParameters"], "num_round": _MANY_ROUNDS},
    }
    execution = states.start_execution(stateMachineArn=workspace.names.state_machine_arn, input=json.dumps(request))
    arn = execution["executionArn"]
    patience = Deadline(f"The execution {arn}", JOB_SECONDS)
    while not _stopped(sagemaker, name):
        if states.describe_execution(executionArn=arn)["status"] != "RUNNING":
            break
        patience.sleep(1)
    while (ended := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        patience.sleep(2)
    job = sagemaker.describe_training_job(TrainingJobName=name)
    return evaluate_stop(job["TrainingJobStatus"], ended, task_end(states, arn))


def _stopped(sagemaker: SageMakerClient, name: str) -> bool:
    """Stop the job; whether it was there."""
    try:
        sagemaker.stop_training_job(TrainingJobName=name)
    except ClientError as error:
        if error_code(error) in ("ValidationException", "ResourceNotFound"):
            return False
        raise
    return True


def task_end(states: SFNClient, arn: str) -> str:
    """How the task of the job ended in the execution's history: `TaskSucceeded`, `TaskFailed`, … Empty: not at all."""
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    for event in (event for page in pages for event in page["events"]):
        details: Any = next((value for key, value in event.items() if key.endswith("EventDetails")), None) or {}
        if (
            event["type"] in ("TaskSucceeded", "TaskFailed", "TaskTimedOut")
            and details.get("resourceType") == "sagemaker"
        ):
            return str(event["type"])
    return ""


def evaluate_stop(job: str, execution: dict[str, Any], task: str) -> Observed:
    """What a stopped job's execution says of both modules. NotRun: it had ended by itself."""
    if job != "Stopped":
        raise NotRun(f"The job ended as {job} before it could be stopped.")
    lines = (
        f"the job ended as {job}",
        f"the task createTrainingJob.sync ended with {task or 'no event'}",
        f"the execution ended as {execution['status']}"
        + (f" ({execution['error']})" if execution.get("error") else ""),
    )
    wrong = {
        *({DEFINITION} if execution["status"] == "SUCCEEDED" else ()),
        *({EMULATED} if task != "TaskFailed" else ()),
    }
    return Observed(lines, frozenset(wrong))


STOPPED = Step(
    "stopped-job",
    "A training job that is stopped",
    "What does `createTrainingJob.sync` do with a job that ends as Stopped?",
    (
        Assumption(DEFINITION, "A stopped job is reported as a failure, however Step Functions counts it."),
        Assumption(EMULATED, "Step Functions fails the task of a job that ends as Stopped."),
    ),
    stop,
    "If the task succeeded, the local cloud is to do the same by default; if the execution succeeded as well, the "
    "state machine reports a stopped job as completed and must look at TrainingJobStatus.",
    needs=("train",),
    number=2,
)
