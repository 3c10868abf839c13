"""Destroy an environment: what is deleted with it, in which order, and what has to be emptied first."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deployment.failures import wait_for_others
from kickstand.aws.deployed import find_endpoint, find_stack, live_template, stack_events
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names

if TYPE_CHECKING:
    import boto3


_CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html"""
DELETE_BATCH = 1000
"""Objects that one DeleteObjects request takes."""


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What the training stack deletes with itself, read from its live template.

    An artifact bucket and model packages hold every model and all data: CloudFormation refuses to delete
    them while they hold something, so they are emptied first, and only where the template says Delete.
    """

    bucket: str | None
    model_package_group: str | None


def deletion_plan(template: Mapping[str, Any], names: Names) -> DeletionPlan:
    """What a template's deletion would take along; a resource with DeletionPolicy Retain stays."""
    deleted = {
        resource["Type"]
        for resource in template.get("Resources", {}).values()
        if not str(resource.get("DeletionPolicy", "Delete")).startswith("Retain")
    }
    return DeletionPlan(
        bucket=names.bucket if "AWS::S3::Bucket" in deleted else None,
        model_package_group=names.model_package_group if "AWS::SageMaker::ModelPackageGroup" in deleted else None,
    )


def empty(session: boto3.Session, plan: DeletionPlan) -> None:
    """Delete what keeps the training stack from being deleted; nothing that its template retains."""
    if plan.bucket is not None:
        _empty_bucket(session, plan.bucket)
    if plan.model_package_group is not None:
        _empty_group(session, plan.model_package_group)


def left_log_groups(session: boto3.Session, names: Names, *, hosting_only: bool) -> list[str]:
    """Log groups of an environment that are there although their stack is not, and that nothing may write to again.

    They came back after the stack was gone: SageMaker's log agent makes the endpoint's where the endpoint's role may.
    None of prod, whose stacks leave them on purpose; not the endpoint's while an endpoint of that name is there.
    """
    if names.environment.retain:
        return []
    groups = []
    if live_template(session, names.hosting_stack) is None:
        groups.append(names.transform_machine_log_group)
        if find_endpoint(session.client("sagemaker"), names.endpoint) is None:
            groups.append(names.endpoint_log_group)
    if not hosting_only and live_template(session, names.training_stack) is None:
        groups += [names.state_machine_log_group, names.stop_machine_log_group]
    pages = session.client("logs").get_paginator("describe_log_groups")
    return sorted(
        found["logGroupName"]
        for group in groups
        for page in pages.paginate(logGroupNamePrefix=group)
        for found in page["logGroups"]
        if found["logGroupName"] == group
    )


def delete_log_groups(session: boto3.Session, groups: Sequence[str]) -> None:
    """Delete log groups; one that is gone meanwhile is no error."""
    logs = session.client("logs")
    for group in groups:
        try:
            logs.delete_log_group(logGroupName=group)
        except logs.exceptions.ResourceNotFoundException:
            continue


def _empty_bucket(session: boto3.Session, bucket: str) -> None:

    s3 = session.client("s3")
    try:
        for page in s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": DELETE_BATCH}
        ):
            objects = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for kind in ("Versions", "DeleteMarkers")
                for one in page.get(kind, [])
            ]
            if objects:
                answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                _refuse_errors(answer.get("Errors", []), bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def _refuse_errors(errors: Sequence[Mapping[str, str]], bucket: str) -> None:
    """Raise KickstandError for what DeleteObjects could not delete: it answers 200 all the same.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html. The first five objects are named.
    """
    if not errors:
        return
    problems = [
        Problem(
            f"S3 did not delete an object: {one.get('Code', 'no code given')}: {one.get('Message', '')}".rstrip(": "),
            f"s3://{bucket}/{one.get('Key', '')} (version {one.get('VersionId', 'null')})",
            "Allow s3:DeleteObject and s3:DeleteObjectVersion there, or end the object's lock; then run it again.",
        )
        for one in errors[:5]
    ]
    if len(errors) > 5:
        problems.append(Problem(f"S3 did not delete {len(errors) - 5} more objects of this request.", f"s3://{bucket}"))
    raise KickstandError(*problems)


def _empty_group(session: boto3.Session, group: str) -> None:

    sagemaker = session.client("sagemaker")
    try:
        # All of the list before the first deletion: NextToken is a place in the list, and what is deleted moves it.
        pages = list(sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group))
        for package in (one for page in pages for one in page["ModelPackageSummaryList"]):
            sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
    except ClientError as error:
        if "does not exist" not in str(error) and "Could not find" not in str(error):
            raise


POLL_SECONDS = 1.5


def wait_for_endpoint(
    session: boto3.Session, names: Names, *, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when no operation runs on the hosting stack and the endpoint is not changing.

    SageMaker refuses to delete an endpoint in an update, and the deletion of its stack then fails. say: prints a line.
    """
    wait_for_others(session.client("cloudformation"), (names.hosting_stack,), say, sleep=sleep)
    said = ""
    while True:
        described = find_endpoint(session.client("sagemaker"), names.endpoint)
        status = described["EndpointStatus"] if described is not None else ""
        if status not in _CHANGING:
            return
        if status != said:
            say(f"{names.endpoint} is {status} and cannot be deleted yet. Waiting for it; Ctrl-C ends the waiting.")
            said = status
        sleep(POLL_SECONDS)


def delete_stack(
    session: boto3.Session, stack: str, *, show: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Delete a stack; show each resource as it goes. Its termination protection, as prod has it, is ended first.

    Raises KickstandError with CloudFormation's own reason for every resource that could not be deleted.
    """
    cloudformation = session.client("cloudformation")
    found = find_stack(cloudformation, stack)
    if found is None:
        return  # an earlier deletion, interrupted here, has come to its end
    stack_id = found["StackId"]  # by which it can be described when it is gone
    known = {event["EventId"] for event in stack_events(cloudformation, stack_id)}
    if found.get("EnableTerminationProtection"):
        cloudformation.update_termination_protection(StackName=stack_id, EnableTerminationProtection=False)
        show(f"termination protection of {stack} is off")
    cloudformation.delete_stack(StackName=stack_id)
    failures: list[Problem] = []
    while True:
        for event in reversed([one for one in stack_events(cloudformation, stack_id) if one["EventId"] not in known]):
            known.add(event["EventId"])
            if event["ResourceStatus"] in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                kept = "kept " if event["ResourceStatus"] == "DELETE_SKIPPED" else ""
                show(f"{kept}{event['ResourceType']} {event.get('PhysicalResourceId', '').rsplit('/', 1)[-1]}")
            if event["ResourceStatus"] == "DELETE_FAILED":
                failures.append(
                    Problem(
                        event.get("ResourceStatusReason", "no reason given"), f"{event['LogicalResourceId']} of {stack}"
                    )
                )
        status = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        if status == "DELETE_COMPLETE":
            return
        if status != "DELETE_IN_PROGRESS":
            raise KickstandError(*(failures or [Problem(f"The stack ended as {status}.", f"stack {stack}")]))
        sleep(POLL_SECONDS)
