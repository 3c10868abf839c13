"""When an endpoint stops by itself and why, by what runs; what a deployment does so that its time starts anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment, release
from workspaces import workspace

from deployment.doctor.stacks import alert_finding, endpoint_finding, stop_findings
from deployment.endpoint.expiry import EndpointEnd, begin_watch, end_lines, end_watch, endpoint_end, endpoint_ends
from kickstand.config.model import Environment
from kickstand.config.operation import Alerts
from kickstand.names import Names
from kickstand.release.file import write_release
from kickstand.workspace import Workspace

ALL = environment(expires_after="8h", awake="Mon-Fri 08:00-19:00 Europe/Berlin", idle_after="2h")
EXPIRES, AWAKE = environment(expires_after="8h"), environment(awake="Mon-Fri 08:00-19:00 Europe/Berlin")
NOW = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
"""A Monday."""
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev-stop"


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 30, hour, minute, tzinfo=UTC)


@dataclass
class Account:
    """An account as the services describe it. running: executions by name: their start and their input."""

    running: dict[str, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)
    hosting: str | None = "CREATE_COMPLETE"
    changed: datetime | None = None
    machine: bool = True
    denied: bool = False
    role: bool = True
    done: list[tuple[str, Any]] = field(default_factory=list)

    def client(self, _service: str) -> Account:
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        made: dict[str, Any] = {"StackName": StackName, "CreationTime": at(9)}
        if StackName == "bikes-dev-training":
            outputs = [{"OutputKey": "StopStateMachineArn", "OutputValue": MACHINE}] if self.machine else []
            return {"Stacks": [{**made, "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}
        assert StackName == "bikes-dev-hosting"
        if self.hosting is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")
        changed = {"LastUpdatedTime": self.changed} if self.changed else {}
        return {"Stacks": [{**made, **changed, "StackStatus": self.hosting}]}

    def get_paginator(self, _operation: str) -> Account:
        return self

    def paginate(self, **given: str) -> Iterator[dict[str, Any]]:
        assert given == {"stateMachineArn": MACHINE, "statusFilter": "RUNNING"}
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "No."}}, "ListExecutions")
        for name, (begins, _) in self.running.items():
            yield {"executions": [{"executionArn": name, "startDate": begins}]}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return {"input": json.dumps(self.running[executionArn][1])}

    def stop_execution(self, executionArn: str, cause: str) -> None:  # noqa: N803
        assert cause == "kickstand: the time of the endpoint starts anew."
        self.done.append(("stop", executionArn))

    def start_execution(self, **given: str) -> None:
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "No."}}, "StartExecution")
        self.done.append(("start", given))

    def get_schedule(self, Name: str) -> dict[str, Any]:  # noqa: N803
        return {"Target": {"RoleArn": f"arn:aws:iam::111122223333:role/{Name}-role"}}

    def get_role(self, RoleName: str) -> None:  # noqa: N803
        if not self.role:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": RoleName}}, "GetRole")


WATCH, END_OF_DAY = {"Reason": "watch"}, {"Reason": "awake"}


def ends(account: Account, settings: Environment, now: datetime = NOW) -> list[tuple[str, str | None]]:
    found = endpoint_ends(account, Names(settings), now)  # type: ignore[arg-type]
    return [(one.reason, None if one.at is None else one.at.isoformat()) for one in found]


def test_the_first_end_comes_first() -> None:
    account = Account({"w": (at(9, 1), WATCH)})
    assert ends(account, ALL) == [
        ("expires", "2026-11-30T17:01:00+00:00"),
        ("awake", "2026-11-30T19:00:00+01:00"),
        ("idle", None),
    ]
    first = endpoint_end(account, Names(ALL), NOW)  # type: ignore[arg-type]
    assert first == EndpointEnd("expires", "8h after its last deployment (expires_after).", at(17, 1))
    assert first is not None and first.sentence() == (
        "on 2026-11-30 at 17:01 UTC: 8h after its last deployment (expires_after)."
    )


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (Account({"w": (at(9, 1), WATCH)}, changed=at(9, 20)), "2026-11-30T17:20:00+00:00"),
        # Handed on after an hour by an execution that had watched since then.
        (Account({"w": (at(9, 1), WATCH | {"Elapsed": 3600.0})}, changed=at(8)), "2026-11-30T16:01:00+00:00"),
        # The older one watches; the other ends after a minute.
        (Account({"b": (at(9, 28), WATCH), "a": (at(9, 1), WATCH)}), "2026-11-30T17:01:00+00:00"),
        (Account(), None),
    ],
)  # fmt: skip
def test_the_time_since_a_deployment_is_that_of_what_runs(account: Account, expected: str | None) -> None:
    assert ends(account, EXPIRES) == [("expires", expected)]


def test_without_a_watch_its_time_is_not_known_yet() -> None:
    (one,) = endpoint_ends(Account(), Names(EXPIRES), NOW)  # type: ignore[arg-type]
    assert one.sentence() == "8h after its last deployment (expires_after). Its time begins within the hour."


def test_waking_hours_end_next_by_the_clock_of_their_zone() -> None:
    friday = datetime(2026, 12, 4, 18, 30, tzinfo=UTC)
    assert ends(Account(), AWAKE, friday) == [("awake", "2026-12-07T19:00:00+01:00")]
    # A deployment was in the way of the end: it comes half an hour later.
    late = Account({"a": (datetime(2026, 12, 4, 18, 10, tzinfo=UTC), END_OF_DAY)})
    assert ends(late, AWAKE, friday) == [("awake", "2026-12-04T19:40:00+01:00")]


@pytest.mark.parametrize("hosting", [None, "DELETE_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_what_is_not_deployed_has_no_end(hosting: str | None) -> None:
    assert endpoint_end(Account(hosting=hosting), Names(ALL), NOW) is None  # type: ignore[arg-type]


def test_an_environment_that_stays_has_no_end() -> None:
    assert endpoint_end(Account(), Names(environment()), NOW) is None  # type: ignore[arg-type]


def test_the_ends_are_said_in_lines() -> None:
    found = endpoint_ends(Account({"w": (at(9, 1), WATCH)}), Names(ALL), NOW)  # type: ignore[arg-type]
    assert list(end_lines("bikes-dev", found, deploy_command="kickstand deploy dev")) == [
        "bikes-dev stops on 2026-11-30 at 17:01 UTC: 8h after its last deployment (expires_after).",
        "Or stops on 2026-11-30 at 19:00 CET: at the end of its working hours, Mon-Fri 08:00-19:00 Europe/Berlin "
        "(awake).",
        "Or stops after 2h without an invocation (idle_after).",
        "To restart the time, or to bring the endpoint back after its end: kickstand deploy dev",
    ]
    assert list(end_lines("bikes-dev", (), deploy_command="kickstand deploy dev")) == []


RUNNING = {"w": (at(9), WATCH), "a": (at(9), END_OF_DAY)}


@pytest.mark.parametrize(
    ("settings", "all_executions", "stopped"),
    [
        (ALL, False, ["w"]),
        (ALL, True, ["w", "a"]),
        (environment(), False, ["w", "a"]),  # the deployment removes their state machine
    ],
)
def test_a_deployment_ends_the_watch_and_not_the_end_of_waking_hours(
    settings: Environment, all_executions: bool, stopped: list[str]
) -> None:
    account, said = Account(RUNNING), list[str]()
    end_watch(account, Names(settings), said.append, all_executions=all_executions)  # type: ignore[arg-type]
    assert (account.done, said) == ([("stop", name) for name in stopped], [])


def test_a_deployment_begins_a_watch_of_what_is_watched() -> None:
    account, said = Account(), list[str]()
    for settings in (AWAKE, environment()):
        begin_watch(account, Names(settings), said.append)  # type: ignore[arg-type]
    begin_watch(Account(machine=False), Names(EXPIRES), said.append)  # type: ignore[arg-type]
    assert account.done == []
    begin_watch(account, Names(EXPIRES), said.append)  # type: ignore[arg-type]
    assert account.done == [("start", {"stateMachineArn": MACHINE, "input": '{"Reason": "watch"}'})]
    assert said == []


def test_before_the_state_machine_is_made_nothing_is_asked_of_it() -> None:
    end_watch(Account(machine=False, denied=True), Names(EXPIRES), pytest.fail)  # type: ignore[arg-type]


def test_who_may_not_start_it_anew_hears_what_happens_then() -> None:
    account, said = Account(denied=True), list[str]()
    end_watch(account, Names(EXPIRES), said.append)  # type: ignore[arg-type]
    begin_watch(account, Names(EXPIRES), said.append)  # type: ignore[arg-type]
    end_watch(account, Names(environment()), said.append)  # type: ignore[arg-type]
    assert said == ["The time until the endpoint stops starts anew within the hour, not now: No."] * 2


def test_doctor_says_that_nobody_hears_of_the_end() -> None:
    finding = alert_finding(EXPIRES)
    assert (finding.status, finding.found, finding.fix) == (
        "warning",
        "Alarms notify nobody, nor does anybody hear that the endpoint stops.",
        "Write emails or topic_arn in [environments.dev.alerts].",
    )
    told = environment(expires_after="8h", alerts=Alerts(emails=("team@example.com",)))
    assert alert_finding(told).status == "ok"


@pytest.mark.contract("Z08")
@pytest.mark.parametrize("there", [True, False])
def test_doctor_finds_a_schedule_whose_role_is_gone(there: bool) -> None:
    opened = Workspace(None, ALL, Account(role=there), None)  # type: ignore[arg-type]
    found = [(one.name, one.status) for one in stop_findings(opened)]
    status = "ok" if there else "problem"
    assert found == [("schedule bikes-dev-stop-watch", status), ("schedule bikes-dev-stop-awake", status)]
    assert not list(stop_findings(Workspace(None, environment(), Account(), None)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("released", "needed"), [(False, "a release (kickstand fit dev)"), (True, "a deployment (kickstand deploy dev)")]
)
def test_doctor_says_what_an_endpoint_needs_that_has_stopped(tmp_path: Path, released: bool, needed: str) -> None:
    if released:
        write_release(tmp_path / "dev.json", release())
    finding = endpoint_finding(workspace(Account(hosting=None), tmp_path, of=EXPIRES))
    assert (finding.status, finding.found) == (
        "skipped",
        f"There is none before the hosting stack, which needs {needed}.",
    )
