"""An update of a live endpoint: what refuses it, what its lines say, and how a rollback ends a deployment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.change_set import RolledBackError
from deployment.endpoint import update as endpoint_update
from deployment.endpoint.update import guarded_update, update_line
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names

NAMES = Names(environment())
REASON = "Threshold Crossed: 1 datapoint [0.2] was greater than the threshold (0.01)."
FAILED = (
    "Resource handler returned message: \"Resource of type 'AWS::SageMaker::Endpoint' with identifier 'arn' did not "
    'stabilize: The alarm all-5xx-rate is in ALARM." (HandlerErrorCode: NotStabilized)'
)
CLOUDFORMATION = Problem(FAILED, f"Endpoint {endpoint_update.ENDPOINT} of bikes-dev-hosting")
CDK = Problem("cdk deploy failed (exit code 1).", "bikes-dev")


@dataclass
class Account:
    """An account with an endpoint, its stack and alarms, as the services describe them; and the CDK command line."""

    config: str = "config-1"
    status: str = "InService"
    failure: str = ""
    stack: str = "UPDATE_COMPLETE"
    in_alarm: list[str] = field(default_factory=list)
    pending: dict[str, Any] = field(default_factory=dict)
    history: list[tuple[str, datetime, str]] | None = None
    """Changes of alarms, the oldest first; None: they may not be read."""
    there: bool = True
    ran: list[tuple[str, ...]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def workspace(self) -> Any:
        words = SimpleNamespace(session=self, names=NAMES, environment=NAMES.environment)
        words.command = lambda verb: f"kickstand {verb} dev"
        return words

    def run(self, *words: str) -> None:
        self.ran.append(words)
        self.stack = "UPDATE_ROLLBACK_COMPLETE"

    def client(self, _service: str) -> Account:
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointName == "bikes-dev"
        if not self.there:
            message = 'Could not find endpoint "bikes-dev".'
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "DescribeEndpoint")
        described = {"EndpointConfigName": self.config, "EndpointStatus": self.status, "FailureReason": self.failure}
        return described | ({"PendingDeploymentSummary": self.pending} if self.pending else {})

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "bikes-dev-hosting"
        return {"Stacks": [{"StackStatus": self.stack}]}

    def describe_alarms(self, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        states = {name: "ALARM" if name in self.in_alarm else "OK" for name in AlarmNames}
        found = [{"AlarmName": name, "StateValue": state, "StateReason": REASON} for name, state in states.items()]
        return {"MetricAlarms": found}

    def describe_alarm_history(self, AlarmName: str, StartDate: datetime, **asked: str) -> dict[str, Any]:  # noqa: N803
        assert asked == {"HistoryItemType": "StateUpdate", "ScanBy": "TimestampDescending"}
        if self.history is None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, "DescribeAlarmHistory")
        states = [state for name, moment, state in self.history if name == AlarmName and moment >= StartDate]
        return {
            "AlarmHistoryItems": [
                {"HistoryData": json.dumps({"newState": {"stateValue": state, "stateReason": f"It is {state}."}})}
                for state in reversed(states)
            ]
        }

    def update(
        self, change: Callable[[], object], *, sleep: Callable[[float], None] = lambda _: None, **options: bool
    ) -> tuple[Problem, ...]:
        """The problems of an update that fails after a change of the account."""
        with pytest.raises(KickstandError) as failed, guarded_update(self, self.said.append, sleep=sleep, **options):  # type: ignore[arg-type]
            change()
            raise KickstandError(CLOUDFORMATION, CDK)
        return failed.value.problems


def test_an_update_does_not_begin_while_its_alarm_is_in_alarm() -> None:
    account = Account(in_alarm=["bikes-dev-new-model-errors"])
    begun: list[str] = []
    with pytest.raises(KickstandError) as refused, guarded_update(account, account.said.append):  # type: ignore[arg-type]
        begun.append("the deployment")
    (problem,) = refused.value.problems
    assert (problem.message, problem.where, begun) == (
        f"The alarm bikes-dev-new-model-errors is in ALARM, and would roll the update back at once: {REASON}",
        "endpoint bikes-dev",
        [],
    )
    assert "--despite-alarms" in problem.fix


@pytest.mark.parametrize(
    ("account", "options"),
    [
        (Account(), {}),
        (Account(there=False, in_alarm=["bikes-dev-new-model-errors"]), {}),
        (Account(in_alarm=["bikes-dev-new-model-errors"]), {"despite_alarms": True}),
        (Account(in_alarm=["bikes-dev-cpu"]), {}),
    ],
    ids=["all OK", "no endpoint yet", "on demand", "an alarm for people"],
)
def test_an_update_begins(account: Account, options: dict[str, bool]) -> None:
    begun: list[str] = []
    with guarded_update(account, account.said.append, **options):  # type: ignore[arg-type]
        begun.append("the deployment")
    assert (begun, account.ran) == (["the deployment"], [])


def test_a_rollback_is_one_sentence_with_its_alarm_and_what_serves() -> None:
    account = Account()
    (problem,) = account.update(lambda: account.in_alarm.append("bikes-dev-new-5xx-rate"))
    assert problem == Problem(
        f"SageMaker rolled the update back: the alarm bikes-dev-new-5xx-rate went into ALARM: {REASON} "
        "The configuration config-1, which served before, serves all requests.",
        "endpoint bikes-dev",
        "Find out what is wrong with the new model; then deploy again.",
    )


def test_a_rollback_without_an_alarm_has_sagemakers_reason() -> None:
    account = Account()
    (problem,) = account.update(lambda: setattr(account, "failure", "The ping health check failed."))
    assert problem.message == (
        "SageMaker rolled the update back: The ping health check failed. "
        "The configuration config-1, which served before, serves all requests."
    )


def test_an_alarm_that_is_over_at_the_end_was_seen_while_it_lasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_update, "_POLL_SECONDS", 0.01)
    account = Account(pending={"EndpointConfigName": "config-2", "ProductionVariants": []})

    def trip() -> None:
        account.in_alarm = ["bikes-dev-new-p99-latency"]
        while not account.said:
            pass
        account.in_alarm, account.pending = [], {}

    (problem,) = account.update(trip)
    assert account.said == ["bikes-dev: Alarms: bikes-dev-new-p99-latency is in ALARM."]
    assert f"the alarm bikes-dev-new-p99-latency went into ALARM: {REASON}" in problem.message


def test_an_alarm_that_nobody_saw_is_in_its_history() -> None:
    """The one that went into ALARM since the update began, with its reason then; not an older one."""
    account = Account(history=[])
    assert account.history is not None
    before, later = datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC) + timedelta(minutes=1)
    account.history += [(name, before, "ALARM") for name in NAMES.rollback_alarms]
    account.history += [("bikes-dev-all-5xx-rate", later, state) for state in ("OK", "ALARM", "OK")]
    account.failure = "An alarm."
    (problem,) = account.update(lambda: None)
    assert problem.message == (
        "SageMaker rolled the update back: the alarm bikes-dev-all-5xx-rate went into ALARM: It is ALARM. "
        "The configuration config-1, which served before, serves all requests."
    )


def test_an_alarm_that_nobody_saw_is_in_cloudformations_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_update, "_POLL_SECONDS", 0.01)
    account = Account()

    def update_and_roll_back() -> None:
        for config in ("config-2", "config-1"):
            account.pending = {"EndpointConfigName": config, "ProductionVariants": []}
            while not account.said or ("back" in account.said[-1]) != (config == "config-1"):
                pass
        account.pending = {}

    (problem,) = account.update(update_and_roll_back)
    assert account.said == [
        "bikes-dev: Alarms: 6 alarms, none in ALARM.",
        "bikes-dev: Rolling the stack back. Alarms: 6 alarms, none in ALARM.",
    ]
    assert problem.message == (
        "SageMaker rolled the update back: The alarm all-5xx-rate is in ALARM. "
        "The configuration config-1, which served before, serves all requests."
    )


def test_a_rollback_that_cloudformation_reports_as_a_success_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_update, "_POLL_SECONDS", 0.01)
    account = Account(pending={"EndpointConfigName": "config-2", "ProductionVariants": []})
    with pytest.raises(KickstandError) as failed, guarded_update(account, account.said.append):  # type: ignore[arg-type]
        while not account.said:
            pass
        account.pending = {}
    (problem,) = failed.value.problems
    assert (problem.message, problem.then) == (
        "SageMaker rolled the update back: no reason is given. "
        "The configuration config-1, which served before, serves all requests.",
        "Until then the stack bikes-dev-hosting names a configuration that does not serve.",
    )


@pytest.mark.parametrize(
    "change",
    [{"config": "config-2", "in_alarm": ["bikes-dev-new-5xx-rate"]}, {}, {"there": False}, {"status": "Updating"}],
    ids=["updated", "no reason", "gone", "still runs"],
)
def test_another_failure_stays_as_it_is(change: dict[str, Any]) -> None:
    account = Account()
    assert account.update(lambda: vars(account).update(change)) == (CLOUDFORMATION, CDK)


def test_another_resources_failure_is_kept_beside_the_rollback() -> None:
    account, other = Account(), Problem("AccessDenied", "Role (AWS::IAM::Role) of bikes-dev-hosting")
    with pytest.raises(KickstandError) as failed, guarded_update(account, account.said.append):  # type: ignore[arg-type]
        account.failure = "The ping health check failed."
        raise KickstandError(CLOUDFORMATION, other, CDK)
    assert [problem.where for problem in failed.value.problems] == ["endpoint bikes-dev", other.where]


def test_a_rollback_of_the_stack_that_failed_is_continued_when_the_alarm_is_over() -> None:
    account = Account()
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            account.in_alarm.clear()

    change = {"in_alarm": ["bikes-dev-all-model-errors"], "stack": "UPDATE_ROLLBACK_FAILED"}
    (problem,) = account.update(lambda: vars(account).update(change), sleep=sleep)
    assert "bikes-dev-all-model-errors went into ALARM" in problem.message
    assert (len(waited), account.ran) == (3, [("rollback", "dev/hosting")])
    assert account.said == [
        "The rollback of bikes-dev-hosting failed, since bikes-dev-all-model-errors is in ALARM. Waiting until it is "
        "OK; Ctrl-C ends that.",
        "The rollback of bikes-dev-hosting failed. It is continued now.",
    ]


def test_an_alarm_that_does_not_end_leaves_the_rollback_to_the_next_deployment() -> None:
    account = Account()
    change = {"in_alarm": ["bikes-dev-all-model-errors"], "stack": "UPDATE_ROLLBACK_FAILED"}
    waited: list[float] = []
    _, left = account.update(lambda: vars(account).update(change), sleep=waited.append)
    assert left == Problem(
        "The stack is UPDATE_ROLLBACK_FAILED: bikes-dev-all-model-errors is still in ALARM.",
        "stack bikes-dev-hosting",
        "When it is OK, deploy again, which ends the rollback first: kickstand deploy dev",
    )
    assert (sum(waited), account.ran) == (900, [])

    account.in_alarm.clear()
    with guarded_update(account, account.said.append):  # type: ignore[arg-type]
        assert account.ran == [("rollback", "dev/hosting")]


NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
BAKING = "Baking for 300 seconds (TerminationWaitInSeconds) with traffic enabled on canary capacity of 1 instance(s)."


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ({"Status": "Baking", "StatusMessage": BAKING}, f" {BAKING}"),
        (
            {"Status": "Baking", "StatusMessage": BAKING, "StartTime": NOW - timedelta(seconds=61)},
            f" {BAKING} About 4 min are left.",
        ),
        (
            {"Status": "Baking", "StatusMessage": BAKING, "StartTime": NOW - timedelta(seconds=299)},
            f" {BAKING} Less than a minute is left.",
        ),
        ({"Status": "Baking", "StatusMessage": BAKING, "StartTime": NOW - timedelta(seconds=301)}, f" {BAKING}"),
        ({"Status": "Creating", "StartTime": NOW}, " Creating."),
        (None, ""),
    ],
)
def test_an_update_is_a_line(status: dict[str, Any] | None, line: str) -> None:
    variant = {"CurrentInstanceCount": 1, "DesiredInstanceCount": 2, "VariantStatus": [status] if status else []}
    described = {"PendingDeploymentSummary": {"ProductionVariants": [variant]}}
    shown = update_line(described, "6 alarms, none in ALARM", now=NOW)
    assert shown == f"1 of 2 new instances answer requests.{line} Alarms: 6 alarms, none in ALARM."


def test_what_cloudformations_triggers_took_back_is_one_sentence_with_the_alarm() -> None:
    """Not SageMaker's rollback, although the configuration that serves is the one before."""
    account = Account()
    said = Problem("AWS's own words, which end with a point.", "stack bikes-dev-hosting")

    def ended(*problems: Problem) -> tuple[Problem, ...]:
        with pytest.raises(KickstandError) as failed, guarded_update(account, account.said.append):  # type: ignore[arg-type]
            account.in_alarm = in_alarm
            raise RolledBackError(*problems)
        account.in_alarm = []
        return failed.value.problems

    in_alarm = ["bikes-dev-all-5xx-rate"]
    (named,) = ended(said)
    why = REASON.rstrip(".")
    assert (named.message, named.where) == (
        "CloudFormation rolled all of the stack's update back: the alarm bikes-dev-all-5xx-rate went into ALARM: "
        f"{why}.",
        "stack bikes-dev-hosting",
    )
    in_alarm = ["bikes-dev-new-5xx-rate"]  # no trigger
    (unnamed,) = ended(said)
    assert unnamed.message == f"CloudFormation rolled all of the stack's update back: {said.message}"
    assert ended(said, CLOUDFORMATION)[1:] == (CLOUDFORMATION,)
