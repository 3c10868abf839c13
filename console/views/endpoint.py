"""The endpoint: whether it serves, which model, an update as it moves, and the alarms that can end that update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from console.reading import Part, Reads, View
from console.views.fleets import Fleet, Update, count_requests, read_fleets, read_update
from console.views.releases import release_command
from deployment.endpoint.alarms import rollback_alarms
from deployment.endpoint.expiry import EndpointEnd, end_lines, endpoint_ends
from kickstand.aws.deployed import SERVING, find_endpoint, find_stack, stack_events
from kickstand.names import Names
from review.pages.values import Tone

if TYPE_CHECKING:
    from kickstand.release.model import Release

OTHER_ALARMS = (
    *("4xx-rate", "overhead", "cpu", "memory", "disk"),
    *("training-failed", "transform-failed", "not-started", "stop-failed", "stop-lost"),
)
"""Alarms that notify and roll nothing back."""
_MOVING_SECONDS, _STILL_SECONDS = 2.0, 5.0
_EVENTS = 300
"""Of a stack, the newest, that are looked through."""
_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
_ALARM_TONES: Mapping[str, Tone] = {"OK": "calm", "ALARM": "danger", "INSUFFICIENT_DATA": "warning"}


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as it is. rolls_back: whether it ends an update."""

    name: str
    state: str
    tone: Tone
    reason: str
    since: datetime | None
    rolls_back: bool


@dataclass(frozen=True, slots=True)
class EndpointView:
    """What the template prints. notes: further sentences about the endpoint, one each."""

    name: str
    sentence: str
    tone: str
    notes: tuple[str, ...]
    exists: bool
    status: str
    config: str
    created: datetime | None
    modified: datetime | None
    fleets: tuple[Fleet, ...]
    update: Update | None
    alarms: Part[tuple[Alarm, ...]]
    release: Part[Release | None]

    @property
    def moving(self) -> bool:
        return self.update is not None or self.status in ("Creating", "Updating", "RollingBack", "Deleting")


def read_endpoint(reads: Reads) -> EndpointView:
    """The endpoint of the environment. Raises what AWS refuses of DescribeEndpoint."""
    names = reads.workspace.names
    described: Any = find_endpoint(reads.client("sagemaker"), names.endpoint)
    release = reads.part("reading the release", reads.workspace.release_or_none)
    stack = reads.part("looking at the hosting stack", lambda: _stack_status(reads, names))
    alarms = reads.part("looking at the alarms", lambda: read_alarms(reads, names))
    if described is None:
        return _absent(reads, names, release, stack, alarms)
    requests = reads.part("counting requests", lambda: count_requests(reads, names, described))
    ends = reads.part("looking for the end of the endpoint", lambda: _ends(reads, names))
    counted = requests.value or {}
    pending = described.get("PendingDeploymentSummary")
    update = read_update(reads, pending, release.value, _in_words(alarms.value), counted) if pending else None
    share = None if update is None else 100 - sum(one.share or 0 for one in update.fleets)
    config = described["EndpointConfigName"]
    fleets = read_fleets(reads, config, described.get("ProductionVariants", ()), release.value, counted, share)
    sentence, tone = _verdict(described, fleets, update, release)
    return EndpointView(
        name=names.endpoint,
        sentence=sentence,
        tone=tone,
        notes=(*_notes(described, stack, requests), *_end_notes(reads, names, ends)),
        exists=True,
        status=described["EndpointStatus"],
        config=config,
        created=described.get("CreationTime"),
        modified=described.get("LastModifiedTime"),
        fleets=fleets,
        update=update,
        alarms=alarms,
        release=release,
    )


def _absent(
    reads: Reads,
    names: Names,
    release: Part[Release | None],
    stack: Part[str],
    alarms: Part[tuple[Alarm, ...]],
) -> EndpointView:
    """No endpoint: what is missing first, and the command that makes it."""
    workspace = reads.workspace
    if release.problems:
        next_step = "Its release cannot be read."
    elif release.value is None:
        next_step = f"There is no release yet: {workspace.command('deploy')}, then {release_command(workspace)}."
    else:
        next_step = f"Deploy its release: {workspace.command('deploy')}"
    return EndpointView(
        name=names.endpoint,
        sentence=f"There is no endpoint {names.endpoint}: nothing is served. {next_step}",
        tone="warning",
        notes=tuple(_stack_notes(stack)),
        exists=False,
        status="",
        config="",
        created=None,
        modified=None,
        fleets=(),
        update=None,
        alarms=alarms,
        release=release,
    )


def read_alarms(reads: Reads, names: Names) -> tuple[Alarm, ...]:
    """Every alarm of the environment that exists, those that are in ALARM first."""
    cloudwatch = reads.client("cloudwatch")
    found = rollback_alarms(reads.workspace.session, names)
    others = cloudwatch.describe_alarms(AlarmNames=[names.alarm(what) for what in OTHER_ALARMS])
    alarms = [
        Alarm(
            name=one["AlarmName"],
            state=one["StateValue"],
            tone=_ALARM_TONES.get(one["StateValue"], "warning"),
            reason=one.get("StateReason", ""),
            since=one.get("StateUpdatedTimestamp"),
            rolls_back=one["AlarmName"] in names.rollback_alarms,
        )
        for one in (*found, *others.get("MetricAlarms", ()))
    ]
    return tuple(sorted(alarms, key=lambda one: (one.state != "ALARM", not one.rolls_back, one.name)))


def _stack_status(reads: Reads, names: Names) -> str:
    """The status of the hosting stack, and why: of a rollback the first failure that led to it; empty: no stack."""
    cloudformation = reads.client("cloudformation")
    found = find_stack(cloudformation, names.hosting_stack)
    if found is None:
        return ""
    status, reason = found["StackStatus"], found.get("StackStatusReason", "")
    if "ROLLBACK" in status:
        key = ("rollback", status, str(found.get("LastUpdatedTime")))
        reason = reads.memory.keep(key, lambda: _first_failure(cloudformation, names.hosting_stack)) or reason
    return f"{status}: {reason}".rstrip(": ")


def _first_failure(cloudformation: Any, stack: str) -> str:
    """Why the first resource failed in the last operation that somebody began; empty where none did."""
    first = ""
    for event in islice(stack_events(cloudformation, stack), _EVENTS):
        status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and status in _BEGINNINGS:
            break
        if status.endswith("_FAILED") and "cancelled" not in reason:
            first = reason or first
    return first


def _notes(described: Mapping[str, Any], stack: Part[str], requests: Part[Any]) -> Iterator[str]:
    if described.get("FailureReason"):
        yield f"SageMaker's reason: {described['FailureReason']}"
    yield from _stack_notes(stack)
    for problem in requests.problems:
        yield f"Requests are not counted: {problem.message} {problem.fix}".strip()


def _ends(reads: Reads, names: Names) -> tuple[EndpointEnd, ...]:
    if names.environment.lifetime is None:
        return ()  # nothing of it is deployed, and nothing is read
    return endpoint_ends(reads.workspace.session, names, reads.now)


def _end_notes(reads: Reads, names: Names, ends: Part[tuple[EndpointEnd, ...]]) -> Iterator[str]:
    """When and why the endpoint stops by itself."""
    for problem in ends.problems:
        yield f"{problem.message} {problem.fix}".strip()
    yield from end_lines(names.endpoint, ends.value or (), deploy_command=reads.workspace.command("deploy"))


def _stack_notes(stack: Part[str]) -> Iterator[str]:
    for problem in stack.problems:
        yield f"{problem.message} {problem.fix}".strip()
    status = stack.value or ""
    if status.split(":")[0] not in ("", "CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        yield f"CloudFormation's hosting stack is {status}"


def _verdict(
    described: Mapping[str, Any], fleets: Sequence[Fleet], update: Update | None, release: Part[Release | None]
) -> tuple[str, str]:
    """The first sentence of the page, and how loudly it is said."""
    status = described["EndpointStatus"]
    if update is not None:
        return f"The endpoint is {status}. {update.line}", "warning"
    if status not in SERVING:
        return f"The endpoint is {status}.", "danger" if status in ("Failed", "OutOfService") else "warning"
    models = sorted({one.sha256[:12] or one.model for one in fleets})
    serving = f"It is {status} and serves model {', '.join(models)}"
    if any(one.released is False for one in fleets):
        return f"{serving}, which is not the release's: deploy the release, or find out who changed it.", "warning"
    if release.value is None:
        return f"{serving}. There is no release to compare it with.", "warning"
    return f"{serving}, the release's.", "note"


def _in_words(alarms: tuple[Alarm, ...] | None) -> str:
    if not alarms:
        return ""
    found = [one for one in alarms if one.rolls_back]
    named = ", ".join(f"{one.name} is in ALARM" for one in found if one.state == "ALARM")
    return named or f"{len(found)} roll it back, none in ALARM"


ENDPOINT = View(
    "endpoint", "Endpoint", read_endpoint, lambda found: _MOVING_SECONDS if found.moving else _STILL_SECONDS
)
