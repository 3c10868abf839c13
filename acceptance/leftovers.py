"""What a run has made and what is still there of it, found by name; its removal, and the commands to do it by hand."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acceptance.own_stacks import key_stack, personas_stack
from acceptance.project import RUN_TAG
from acceptance.waiting import Deadline
from deployment.destroy import DeletionPlan, delete_stack, deletion_plan, empty
from deployment.leftovers import find_leftovers
from kickstand.aws.deployed import find_stack, live_template
from kickstand.aws.errors import AWS_FAILURES
from kickstand.errors import KickstandError
from kickstand.workspace import Workspace

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient

STACK_SECONDS = 1500.0
"""Longest wait for one stack: an endpoint that is being made is waited for before it is deleted."""
_JOB_LOGS = {"training logs": "/aws/sagemaker/TrainingJobs", "transform logs": "/aws/sagemaker/TransformJobs"}


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that is still there. command: removes it by hand."""

    what: str
    name: str
    where: str
    command: str
    run: str = ""
    """The run that made it, where that is known."""

    def line(self) -> str:
        return f"{self.what} {self.name} ({self.where})"


def stacks(workspace: Workspace) -> tuple[str, ...]:
    """An environment's stacks, in the order in which they can be deleted."""
    names = workspace.names
    return (personas_stack(names.prefix), names.hosting_stack, names.training_stack, key_stack(names.prefix))


def find(workspace: Workspace) -> list[Leftover]:
    """All that is there of an environment of a run. botocore's errors are raised: what cannot be seen is not gone."""
    environment = workspace.environment
    where = f"account …{environment.account[-4:]}, {environment.region}"
    options = f" --region {environment.region}"
    options += f" --profile {shlex.quote(environment.profile)}" if environment.profile else ""

    def left(what: str, name: str, command: str, run: str = "") -> Leftover:
        return Leftover(what, name, where, f"{command}{options}", run)

    found = []
    cloudformation = workspace.session.client("cloudformation")
    for stack in stacks(workspace):
        described = _described(cloudformation, stack)
        if described is not None:
            run = next((tag["Value"] for tag in described.get("Tags", ()) if tag["Key"] == RUN_TAG), "")
            found.append(left("stack", stack, f"aws cloudformation delete-stack --stack-name {stack}", run))
    for one in find_leftovers(workspace.session, workspace.names):
        command = _COMMANDS[one.what].format(name=one.name, prefix=workspace.names.prefix)
        found.append(left(one.what, one.name, command))
    return found


_COMMANDS = {
    "endpoint": "aws sagemaker delete-endpoint --endpoint-name {name}",
    "training job": "aws sagemaker stop-training-job --training-job-name {name}",
    "transform job": "aws sagemaker stop-transform-job --transform-job-name {name}",
    "schedule": "aws scheduler delete-schedule --name {name}",
    "artifact bucket": "aws s3 rb s3://{name} --force",
    "endpoint log": "aws logs delete-log-group --log-group-name {name}",
    "trigger log": "aws logs delete-log-group --log-group-name {name}",
    "transform log": "aws logs delete-log-group --log-group-name {name}",
    "training logs": "aws logs describe-log-streams --log-group-name {name} --log-stream-name-prefix {prefix}",
    "transform logs": "aws logs describe-log-streams --log-group-name {name} --log-stream-name-prefix {prefix}",
    "packages": "aws sagemaker list-model-packages --model-package-group-name {name}",
}


def remove(workspace: Workspace, say: Callable[[str], None]) -> list[str]:
    """Remove all that is there of an environment of a run; what went wrong on the way, a sentence each.

    Can be done again and again. What cannot be removed does not keep the rest from being removed.
    """
    problems: list[str] = []

    def attempt(doing: str, work: Callable[[], object]) -> None:
        try:
            work()
        except (KickstandError, *AWS_FAILURES) as error:
            problems.append(f"{doing}: {error}")

    attempt("stopping jobs", lambda: _stop_jobs(workspace))
    for stack in stacks(workspace):
        attempt(f"deleting the stack {stack}", lambda stack=stack: _delete_stack(workspace, stack, say))  # type: ignore[misc]
    attempt("deleting the rest", lambda: _delete_rest(workspace, say))
    return problems


def _described(cloudformation: CloudFormationClient, stack: str) -> StackTypeDef | None:
    found = find_stack(cloudformation, stack)
    return None if found is None or found["StackStatus"] == "DELETE_COMPLETE" else found


def _delete_stack(workspace: Workspace, stack: str, say: Callable[[str], None]) -> None:
    cloudformation = workspace.session.client("cloudformation")
    patience = Deadline(f"The stack {stack}", STACK_SECONDS)
    while True:
        described = _described(cloudformation, stack)
        if described is None:
            return
        status = str(described["StackStatus"])
        if not status.endswith("_IN_PROGRESS") or status in ("REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS"):
            break
        patience.sleep(3)  # CloudFormation refuses to delete a stack at work
    say(f"deleting the stack {stack}")
    if stack == workspace.names.training_stack:
        template = live_template(workspace.session, stack) if status != "REVIEW_IN_PROGRESS" else None
        empty(workspace.session, deletion_plan(template or {}, workspace.names))
    delete_stack(workspace.session, stack, show=lambda line: None, sleep=patience.sleep)


def _stop_jobs(workspace: Workspace) -> None:
    sagemaker = workspace.session.client("sagemaker")
    for one in find_leftovers(workspace.session, workspace.names):
        if one.what == "training job":
            sagemaker.stop_training_job(TrainingJobName=one.name)
        if one.what == "transform job":
            sagemaker.stop_transform_job(TransformJobName=one.name)


def _delete_rest(workspace: Workspace, say: Callable[[str], None]) -> None:
    """What no stack owns: job logs, and what a stack has left that could not be deleted whole."""
    session, names = workspace.session, workspace.names
    for one in find_leftovers(session, names):
        if one.what in _JOB_LOGS:
            for stream in list(_streams(session.client("logs"), one.name, f"{names.prefix}-")):
                session.client("logs").delete_log_stream(logGroupName=one.name, logStreamName=stream)
            continue
        if one.what not in ("endpoint", "artifact bucket", "packages") and not one.what.endswith(" log"):
            continue
        say(f"deleting the {one.what} {one.name}")
        if one.what == "endpoint":
            session.client("sagemaker").delete_endpoint(EndpointName=one.name)
        elif one.what == "artifact bucket":
            empty(session, DeletionPlan(bucket=names.bucket, model_package_group=None))
            session.client("s3").delete_bucket(Bucket=names.bucket)
        elif one.what == "packages":
            empty(session, DeletionPlan(bucket=None, model_package_group=names.model_package_group))
        else:
            session.client("logs").delete_log_group(logGroupName=one.name)


def _streams(logs: CloudWatchLogsClient, group: str, prefix: str) -> Iterator[str]:
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, logStreamNamePrefix=prefix)
    for page in pages:
        for stream in page["logStreams"]:
            yield stream["logStreamName"]
