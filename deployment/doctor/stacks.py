"""The environment's stacks and its endpoint: none of them stuck where the next deployment would be refused."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deployment.doctor.finding import Finding, Status
from kickstand.aws.deployed import find_endpoint, stack_status
from kickstand.aws.errors import error_code
from kickstand.config.model import Environment
from kickstand.names import SCALING_ROLE
from kickstand.workspace import Workspace

_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "DELETE_COMPLETE"})
_DELETE = "Run: aws cloudformation delete-stack --stack-name {stack} {place}; then deploy again"
_STUCK = {
    "CREATE_FAILED": _DELETE,
    "ROLLBACK_COMPLETE": _DELETE,
    "ROLLBACK_FAILED": _DELETE,
    "DELETE_FAILED": "Its events say what is in the way: empty or detach that, then: {destroy}",
    "UPDATE_ROLLBACK_FAILED": (
        "Fix what its events name, then: aws cloudformation continue-update-rollback --stack-name {stack} {place}"
    ),
    "IMPORT_ROLLBACK_FAILED": (
        "Fix what its events name, then: aws cloudformation continue-update-rollback --stack-name {stack} {place}"
    ),
    "UPDATE_FAILED": "Run: aws cloudformation rollback-stack --stack-name {stack} {place}",
}
"""What ends each state that refuses an update.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""


def stack_findings(workspace: Workspace) -> Iterator[Finding]:
    """The training and the hosting stack."""
    destroy = workspace.typed(f"destroy {workspace.environment.name}")
    cloudformation = workspace.session.client("cloudformation")
    for name in (workspace.names.training_stack, workspace.names.hosting_stack):
        yield stack_verdict(name, stack_status(cloudformation, name), workspace.aws_options, destroy)


def stack_verdict(stack: str, status: str | None, place: str, destroy: str) -> Finding:
    """status: CloudFormation's; None where there is no such stack. destroy: the command for the environment."""
    name = f"stack {stack}"
    if status is None:
        return Finding(name, "ok", "Not deployed yet.")
    if status in _STUCK:
        fix = _STUCK[status].format(stack=stack, place=place, destroy=destroy)
        return Finding(name, "problem", f"Stuck in {status}.", fix)
    if status == "REVIEW_IN_PROGRESS":
        return Finding(name, "ok", "A change set waits; nothing is deployed yet.")
    if status.endswith("_IN_PROGRESS"):
        return Finding(name, "warning", f"{status}: another deployment is under way.", "Wait for its end.")
    if status in _GOOD:
        return Finding(name, "ok", f"{status}.")
    events = f"Its events say why: aws cloudformation describe-stack-events --stack-name {stack} {place}"
    return Finding(name, "warning", f"{status}: the last change was rolled back.", events)


def alert_finding(environment: Environment) -> Finding:
    """Whether somebody is notified of alarms."""
    alerts = environment.alerts
    if alerts.topic_arn:
        return Finding("alerts", "ok", f"Alarms notify {alerts.topic_arn}.")
    if alerts.emails:
        return Finding("alerts", "ok", f"Alarms notify {', '.join(alerts.emails)}, once each address has confirmed.")
    fix = f"Write emails or topic_arn in [environments.{environment.name}.alerts]."
    if environment.lifetime is not None:
        return Finding("alerts", "warning", "Alarms notify nobody, nor does anybody hear that the endpoint stops.", fix)
    status: Status = "warning" if environment.retain else "ok"
    return Finding("alerts", status, "Alarms notify nobody.", fix if environment.retain else "")


def stop_findings(workspace: Workspace) -> Iterator[Finding]:
    """The roles of the schedules that stop the endpoint. With its role a schedule loses the dead-letter queue too."""
    names, lifetime = workspace.names, workspace.environment.lifetime
    if lifetime is None:
        return
    scheduler, iam = workspace.session.client("scheduler"), workspace.session.client("iam")
    chosen = {"watch": lifetime.watched, "awake": lifetime.awake is not None}
    for name in (names.stop_schedule(reason) for reason, there in chosen.items() if there):
        try:
            role = scheduler.get_schedule(Name=name)["Target"]["RoleArn"].rpartition("/")[2]
            iam.get_role(RoleName=role)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                yield Finding(f"schedule {name}", "ok", "Not deployed yet.")
                continue
            if error_code(error) != "NoSuchEntity":
                raise
            found = f"Its role {role} is gone: nothing is started, and nothing reaches the dead-letter queue either."
            fix = f"Make a role of that name as the template of {names.training_stack} has it."
            yield Finding(f"schedule {name}", "problem", found, fix)
        else:
            yield Finding(f"schedule {name}", "ok", "It may start what stops the endpoint.")


def scaling_findings(workspace: Workspace) -> Iterator[Finding]:
    """The service-linked role of Application Auto Scaling, where the endpoint scales."""
    if not workspace.environment.hosting.scaled:
        return
    try:
        workspace.session.client("iam").get_role(RoleName=SCALING_ROLE)
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
        yield scaling_verdict(workspace.aws_options, made=False)
    else:
        yield scaling_verdict(workspace.aws_options, made=True)


def scaling_verdict(place: str, *, made: bool) -> Finding:
    """made: whether the account has the role."""
    if made:
        return Finding("autoscaling", "ok", f"{SCALING_ROLE} is there.")
    found = (
        f"{SCALING_ROLE} is not there yet. The first deployment makes it, if the role that CloudFormation works with "
        "may (iam:CreateServiceLinkedRole)."
    )
    make = "aws iam create-service-linked-role --aws-service-name sagemaker.application-autoscaling.amazonaws.com"
    return Finding("autoscaling", "warning", found, f"Where it may not, somebody who may: {make} {place}")


def endpoint_finding(workspace: Workspace) -> Finding:
    """Its state now; `deploy` proves that it serves the release."""
    if stack_status(workspace.session.client("cloudformation"), workspace.names.hosting_stack) is None:
        needed = f"a release ({workspace.typed(f'fit {workspace.environment.name}')})"
        if workspace.release_file.exists():
            needed = f"a deployment ({workspace.command('deploy')})"
        return Finding("endpoint", "skipped", f"There is none before the hosting stack, which needs {needed}.")
    found = find_endpoint(workspace.session.client("sagemaker"), workspace.names.endpoint)
    return endpoint_verdict(
        workspace.names.endpoint,
        None if found is None else found["EndpointStatus"],
        "" if found is None else found.get("FailureReason", ""),
        workspace.command("deploy"),
        workspace.typed(f"destroy {workspace.environment.name} --hosting"),
    )


def endpoint_verdict(endpoint: str, status: str | None, reason: str, deploy: str, destroy: str) -> Finding:
    """status: SageMaker's; None where there is no such endpoint. reason: why it failed, in SageMaker's words.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
    """
    again = f"Run: {destroy}; then: {deploy}"
    if status is None:
        return Finding("endpoint", "problem", f"{endpoint} was deleted behind its stack's back.", again)
    if status == "InService":
        return Finding("endpoint", "ok", f"{endpoint} is InService.")
    sentence = f"{endpoint} is {status}. {reason}".strip()
    if status in ("Failed", "UpdateRollbackFailed"):
        return Finding("endpoint", "problem", sentence, again)
    if status == "OutOfService":
        return Finding("endpoint", "problem", sentence, f"Run: {deploy}")
    return Finding("endpoint", "warning", sentence, "Wait until it is InService.")
