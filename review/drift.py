"""Whether AWS still is as it was deployed: the drift of each live stack, asked of CloudFormation, or recorded before.

Resources that CloudFormation does not compare and that decide who may do what are compared in `role_policies.py`.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kickstand.aws.deployed import is_deployed
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json, read_bounded
from kickstand.names import Names
from review.reports import DriftedResource, DriftReport, Headline, StackDrift
from review.role_drift import role_drift

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceDriftTypeDef

POLL_SECONDS = 2.0
LONGEST_SECONDS = 900.0
"""CloudFormation takes "up to several minutes"."""

NOT_DEPLOYED = "NOT_DEPLOYED"
"""Status of a stack that holds nothing."""


def detect_drift(
    session: boto3.Session, names: Names, *, now: datetime, sleep: Callable[[float], None] = time.sleep
) -> DriftReport:
    """Ask CloudFormation for the drift of both stacks; it only reads.

    What cannot be asked (a stack at work, a permission that is missing) is told in the report, not raised. botocore's
    errors of the calls themselves are.
    """
    found = [_of_stack(session, stack, sleep) for stack in (names.training_stack, names.hosting_stack)]
    return drift_report(
        [stack for stack, _ in found], f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", [n for _, n in found]
    )


def drift_report(stacks: Sequence[StackDrift], detected_at: str, notes: Sequence[str] = ()) -> DriftReport:
    """The report with its headlines. notes: what could not be asked, a sentence each; empty ones are left out."""
    headlines = [
        *(headline for stack in stacks for headline in _headlines(stack)),
        *(Headline(level="warning", sentence=note) for note in notes if note),
    ]
    return DriftReport(detected_at=detected_at, stacks=tuple(stacks), headlines=tuple(headlines))


def read_drift(file: Path) -> DriftReport:
    """A drift that was recorded: the drift part of a `review.json`, or a file of its own.

    Raises InputError where it is neither.
    """
    try:
        fields = parse_json(read_bounded(file))
        recorded = fields.get("drift", fields) if isinstance(fields, dict) else fields
        return DriftReport.model_validate(recorded)
    except OSError as error:
        raise InputError(Problem(f"The recorded drift cannot be read: {error.strerror or error}.", str(file))) from None
    except (ValueError, ValidationError):
        fix = "Give the review.json of an earlier review, or leave --drift out: then drift is detected now."
        raise InputError(Problem("The file holds no recorded drift.", str(file), fix)) from None


def moved_since(recorded: DriftReport, now: DriftReport) -> tuple[str, ...]:
    """What drifted since a report was recorded, or came back, a sentence each; empty where nothing did."""
    before, after = ({one.stack: one for one in report.stacks} for report in (recorded, now))
    found = []
    for stack in sorted(before.keys() | after.keys()):
        old, new = (_changes(side.get(stack)) for side in (before, after))
        found += [f"{one} of {stack}, since the review" for one in sorted(new - old)]
        found += [f"{one} of {stack} no more, as the review has it" for one in sorted(old - new)]
    return tuple(found)


def _changes(stack: StackDrift | None) -> set[str]:
    if stack is None:
        return set()
    return {f"{one.logical_id} is {one.status} ({'; '.join(one.differences) or one.type})" for one in stack.resources}


def _headlines(stack: StackDrift) -> Iterator[Headline]:
    for one in stack.resources:
        what = "was deleted by hand" if one.status == "DELETED" else "was changed by hand"
        said = f": {'; '.join(one.differences)}" if one.differences else ""
        yield Headline(level="danger", sentence=f"{one.logical_id} ({one.type}) of {stack.stack} {what}{said}.")


def _of_stack(session: boto3.Session, stack: str, sleep: Callable[[float], None]) -> tuple[StackDrift, str]:
    """The drift of one stack, and what could not be asked of it."""
    from botocore.exceptions import ClientError

    cloudformation = session.client("cloudformation")
    if not is_deployed(cloudformation, stack):
        return StackDrift(stack=stack, status=NOT_DEPLOYED), ""
    try:
        detection = cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        reason = error.response["Error"]["Message"]
        return StackDrift(stack=stack, status="NOT_CHECKED"), f"Drift of {stack} could not be asked: {reason}."
    ended = _ended(cloudformation, detection, stack, sleep)
    drifts = _drifts(cloudformation, stack)
    resources = [_resource(one) for one in drifts if one["StackResourceDriftStatus"] in ("MODIFIED", "DELETED")]
    roles, notes = role_drift(session, stack, checked={one.logical_id for one in resources})
    resources = sorted([*resources, *roles], key=lambda one: one.logical_id)
    status = "DRIFTED" if resources else str(ended["StackDriftStatus"])
    if ended["DetectionStatus"] == "DETECTION_FAILED":
        notes = [f"Drift detection of {stack} failed: {ended.get('DetectionStatusReason', 'no reason given')}.", *notes]
    return StackDrift(stack=stack, status=status, resources=tuple(resources)), " ".join(notes)


def _ended(
    cloudformation: CloudFormationClient, detection: str, stack: str, sleep: Callable[[float], None]
) -> Mapping[str, Any]:
    waited = 0.0
    while True:
        status = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return status
        if waited >= LONGEST_SECONDS:
            message = f"CloudFormation has not come to an end with drift detection in {waited / 60:.0f} minutes."
            raise KickstandError(Problem(message, f"stack {stack}", "Run the same command again later."))
        sleep(POLL_SECONDS)
        waited += POLL_SECONDS


def _drifts(cloudformation: CloudFormationClient, stack: str) -> Iterator[StackResourceDriftTypeDef]:
    token: dict[str, Any] = {}
    while True:
        page = cloudformation.describe_stack_resource_drifts(StackName=stack, **token)
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _resource(drift: StackResourceDriftTypeDef) -> DriftedResource:
    return DriftedResource(
        logical_id=drift["LogicalResourceId"],
        type=drift["ResourceType"],
        status=drift["StackResourceDriftStatus"],
        differences=tuple(sorted(_sentence(one) for one in drift.get("PropertyDifferences", []))),
    )


def _sentence(difference: Mapping[str, Any]) -> str:
    """`Tags[0].Value: expected "a", found "b"`; CloudFormation writes the path as `/Tags/0/Value`."""
    path = re.sub(r"/(\d+)(?=/|$)", r"[\1]", difference["PropertyPath"]).strip("/").replace("/", ".")
    expected, found = (_quoted(difference[side]) for side in ("ExpectedValue", "ActualValue"))
    if difference["DifferenceType"] == "ADD":
        return f"{path}: expected nothing, found {found}"
    if difference["DifferenceType"] == "REMOVE":
        return f"{path}: expected {expected}, found nothing"
    return f"{path}: expected {expected}, found {found}"


def _quoted(value: str) -> str:
    """A value as JSON; CloudFormation writes objects as JSON and strings without quotes."""
    return value if value[:1] in "{[" and value[:1] else json.dumps(value, ensure_ascii=False)
