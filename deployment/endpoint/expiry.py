"""The end of an endpoint that stops by itself: when it is and why, and the time that starts anew with a deployment.

What stops it is the state machine `PROJECT-ENV-stop` (`infra/state_machines/stop_definition.py`): an execution that
watches the endpoint from its deployment on, and one that is started half an hour before working hours end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from infra.state_machines.stop_states import stop_reasons
from kickstand.aws.deployed import HOLDS_NOTHING, find_stack, stop_execution
from kickstand.aws.errors import AWS_FAILURES, error_message, explained, is_denied
from kickstand.config.operation import WARNING_SECONDS
from kickstand.json_text import parse_json

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_stepfunctions import SFNClient

    from kickstand.names import Names

Reason = Literal["expires", "idle", "awake"]
_OUTPUT = "StopStateMachineArn"


@dataclass(frozen=True, slots=True)
class EndpointEnd:
    """One end that an endpoint comes to by itself.

    reason: the setting that is why. why: the same in words. at: when, aware; None where it is not known: an idle
    endpoint's, and one whose watch begins within the hour.
    """

    reason: Reason
    why: str
    at: datetime | None

    def sentence(self) -> str:
        """`on 2026-11-30 at 19:00 CET: at the end of its working hours, … (awake).`"""
        if self.at is not None:
            return f"{self.at:on %Y-%m-%d at %H:%M %Z}: {self.why}"
        return self.why if self.reason == "idle" else f"{self.why} Its time begins within the hour."


def endpoint_ends(session: boto3.Session, names: Names, now: datetime) -> tuple[EndpointEnd, ...]:
    """The ends that a deployed endpoint comes to, the first one first; empty: it stays, or there is none.

    now: aware. Times are AWS's: a local cloud with a time factor comes to them that much sooner.
    Raises botocore's errors; what it asks is in the policies `reviewer` and `drift`.
    """
    lifetime = names.environment.lifetime
    stack = find_stack(session.client("cloudformation"), names.hosting_stack)
    if lifetime is None or stack is None or stack["StackStatus"] in HOLDS_NOTHING:
        return ()
    running = list(_running(session.client("stepfunctions"), names))
    deployed = stack.get("LastUpdatedTime", stack["CreationTime"])
    reasons, found = stop_reasons(names), []
    if lifetime.expires is not None:
        begins = [max(one.begins, deployed) for one in running if one.reason == "watch"]
        at = min(begins) + timedelta(seconds=lifetime.expires) if begins else None
        found.append(EndpointEnd("expires", reasons["expires"], None if at is None else at.astimezone(UTC)))
    if lifetime.awake is not None:
        at = lifetime.awake.end_after(now)
        noticed = [one.begins + timedelta(seconds=WARNING_SECONDS) for one in running if one.reason == "awake"]
        found.append(EndpointEnd("awake", reasons["awake"], min([at, *noticed]).astimezone(at.tzinfo)))
    if lifetime.idle is not None:
        found.append(EndpointEnd("idle", reasons["idle"], None))
    return tuple(sorted(found, key=lambda one: (one.at is None, one.at or now)))


def endpoint_end(session: boto3.Session, names: Names, now: datetime) -> EndpointEnd | None:
    """The first of `endpoint_ends`; None: the endpoint stays, or there is none."""
    return next(iter(endpoint_ends(session, names, now)), None)


def end_lines(endpoint: str, ends: tuple[EndpointEnd, ...], *, deploy_command: str) -> Iterator[str]:
    """What is said of the ends of a deployed endpoint; nothing where it stays."""
    for number, one in enumerate(ends):
        yield f"{'Or' if number else endpoint} stops {one.sentence()}"
    if ends:
        yield f"To restart the time, or to bring the endpoint back after its end: {deploy_command}"


def end_watch(
    session: boto3.Session, names: Names, say: Callable[[str], None], *, all_executions: bool = False
) -> None:
    """Stop the execution that watches the endpoint, before a deployment: its end would be in the way.

    all_executions: those that end working hours too, before their state machine goes. say: prints a line.
    """
    with _where_allowed(names, say, "looking for what stops the endpoint by itself"):
        if not _has_machine(session, names):
            return
        client = session.client("stepfunctions")
        for one in list(_running(client, names)):
            if one.reason == "watch" or all_executions or names.environment.lifetime is None:
                stop_execution(client, one.arn, cause="kickstand: the time of the endpoint starts anew.")


def begin_watch(session: boto3.Session, names: Names, say: Callable[[str], None]) -> None:
    """Start the execution that watches the endpoint, after a deployment. say: prints a line."""
    lifetime = names.environment.lifetime
    if lifetime is None or not lifetime.watched:
        return
    with _where_allowed(names, say, "starting what stops the endpoint by itself"):
        if not _has_machine(session, names):
            return
        end_watch(session, names, lambda _: None)  # one that the hourly schedule has started meanwhile
        session.client("stepfunctions").start_execution(
            stateMachineArn=names.stop_machine_arn, input=json.dumps({"Reason": "watch"})
        )


@dataclass(frozen=True, slots=True)
class _Execution:
    """One that runs. reason: `watch` or `awake`. begins: since when it counts, those that handed it on among it."""

    arn: str
    reason: str
    begins: datetime


def _running(client: SFNClient, names: Names) -> Iterator[_Execution]:
    pages = client.get_paginator("list_executions")
    for page in pages.paginate(stateMachineArn=names.stop_machine_arn, statusFilter="RUNNING"):
        for one in page["executions"]:
            given = parse_json(client.describe_execution(executionArn=one["executionArn"]).get("input", "{}"))
            before = timedelta(seconds=float(given.get("Elapsed", 0)))
            yield _Execution(one["executionArn"], str(given.get("Reason", "")), one["startDate"] - before)


def _has_machine(session: boto3.Session, names: Names) -> bool:
    """Whether the deployed training stack has the state machine, be it that the project file no longer wants it."""
    stack = find_stack(session.client("cloudformation"), names.training_stack)
    return stack is not None and any(one["OutputKey"] == _OUTPUT for one in stack.get("Outputs", ()))


@contextmanager
def _where_allowed(names: Names, say: Callable[[str], None], doing: str) -> Iterator[None]:
    """Go on where IAM refuses: the hourly schedule then starts a watch, and a deployment is seen by it."""
    try:
        yield
    except AWS_FAILURES as error:
        if not is_denied(error):
            with explained(doing):
                raise
        if names.environment.lifetime is not None:
            say(f"The time until the endpoint stops starts anew within the hour, not now: {error_message(error)}")
