"""The state machine that stops an endpoint, run state by state against an AWS of the test's making."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from states_language import Run, TaskError

from infra.state_machines.stop_definition import stop_definition
from infra.state_machines.stop_states import Stopped
from kickstand.config.operation import Lifetime
from kickstand.config.values import Window

HOUR = 3600
MACHINE, TRANSFORM = "arn:machine", "arn:transform"
STACK = "arn:stack/bikes-dev-hosting/1"
TOPIC = "arn:topic"
REASONS = {"expires": "8h (expires_after).", "idle": "2h (idle_after).", "awake": "Mon-Fri (awake)."}
AWAKE = Window(("Mon",), 480, 1140, "UTC")
BOTH = Lifetime(8 * HOUR, 2 * HOUR, AWAKE)
EXPIRES, IDLE = Lifetime(8 * HOUR, None, None), Lifetime(None, 2 * HOUR, None)
WATCH, END_OF_DAY = {"Reason": "watch"}, {"Reason": "awake"}
OWN = "arn:aws:states:us-east-1:111122223333:execution:m:an-execution"


def definition(lifetime: Lifetime, topic: str | None = TOPIC) -> dict[str, Any]:
    stopped = Stopped(
        project="bikes",
        environment="dev",
        endpoint="bikes-dev",
        stack="bikes-dev-hosting",
        machine_arn=MACHINE,
        transform_machine_arn=TRANSFORM,
        idle_alarm="bikes-dev-idle",
        topic_arn=topic,
    )
    return stop_definition(stopped, lifetime, partition="aws", reasons=REASONS)


@dataclass
class World:
    """An AWS, by the seconds that the execution has waited; what it was asked to do is kept with its time."""

    running: list[dict[str, str]] = field(default_factory=list)
    updated: Callable[[float], str] = lambda at: ""
    stack: Callable[[float], str | None] = lambda at: "CREATE_COMPLETE"
    endpoint: Callable[[float], str] = lambda at: "InService"
    transforms: Callable[[float], int] = lambda at: 0
    idle: Callable[[float], bool] = lambda at: False
    deletion: tuple[str, ...] = ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")
    refused: list[TaskError] = field(default_factory=list)
    publishes: bool = True
    unread: int = 0
    done: list[tuple[float, str, Any]] = field(default_factory=list)
    run: Run | None = None

    def start(self, lifetime: Lifetime, given: Any, topic: str | None = TOPIC) -> Any:
        self.run = Run(definition(lifetime, topic), self)
        return self.run.start(given)

    @property
    def at(self) -> float:
        assert self.run is not None
        return sum(self.run.waits)

    @property
    def actions(self) -> list[tuple[float, str]]:
        """Hours at which something was done, to two digits."""
        return [(round(at / HOUR, 2), what) for at, what, _ in self.done]

    def __call__(self, resource: str, arguments: Any) -> Any:
        operation = re.sub(r"([A-Z])", r"_\1", resource.partition(":::")[2]).lower().replace(":", "_").replace("-", "_")
        return getattr(self, operation)(arguments)

    def aws_sdk_sfn_list_executions(self, given: Any) -> Any:
        assert given["StatusFilter"] == "RUNNING"
        if given["StateMachineArn"] == TRANSFORM:
            return {"Executions": [{}] * self.transforms(self.at)}
        assert given["StateMachineArn"] == MACHINE
        return {"Executions": self.running}

    def aws_sdk_sfn_start_execution(self, given: Any) -> Any:
        assert given["StateMachineArn"] == MACHINE
        self.done.append((self.at, "handed on", json.loads(given["Input"])))
        return {"ExecutionArn": "arn:next"}

    def aws_sdk_cloudformation_describe_stacks(self, given: Any) -> Any:
        if given["StackName"] == STACK:  # by its id: it is being deleted
            status, *rest = self.deletion
            self.deletion = tuple(rest) or (status,)
            return self._stacks(status)
        assert given["StackName"] == "bikes-dev-hosting"
        if self.unread:
            self.unread -= 1
            raise TaskError("CloudFormation.CloudFormationException", "Rate exceeded")
        found = self.stack(self.at)
        if found is None:
            raise TaskError("CloudFormation.CloudFormationException", "Stack with id bikes-dev-hosting does not exist")
        return self._stacks(found)

    def _stacks(self, status: str) -> Any:
        shown = {"StackId": STACK, "StackStatus": status, "CreationTime": "2026-11-23T10:00:00Z"}
        if changed := self.updated(self.at):
            shown["LastUpdatedTime"] = changed
        if status == "DELETE_FAILED":
            shown["StackStatusReason"] = "The following resource(s) failed to delete: [Endpoint]."
        return {"Stacks": [shown]}

    def aws_sdk_cloudformation_delete_stack(self, given: Any) -> Any:
        if self.refused:
            raise self.refused.pop(0)
        self.done.append((self.at, "delete", given["StackName"]))
        return {}

    def aws_sdk_cloudwatch_describe_alarms(self, given: Any) -> Any:
        assert given == {"AlarmNames": ["bikes-dev-idle"]}
        return {"MetricAlarms": [{"StateValue": "ALARM" if self.idle(self.at) else "OK"}]}

    def aws_sdk_sagemaker_describe_endpoint(self, given: Any) -> Any:
        assert given == {"EndpointName": "bikes-dev"}
        status = self.endpoint(self.at)
        if status == "":
            raise TaskError("SageMaker.SageMakerException", 'Could not find endpoint "arn:…".')
        return {"EndpointStatus": status}

    def events_put_events(self, given: Any) -> Any:
        (entry,) = given["Entries"]
        assert (entry["Source"], entry["Detail"]["environment"]) == ("kickstand", "dev")
        self.done.append((self.at, f"{entry['DetailType']}: {entry['Detail']['reason']}", entry))
        return {}

    def sns_publish(self, given: Any) -> Any:
        if not self.publishes:
            raise TaskError("SNS.KmsAccessDeniedException", "no")
        assert given["TopicArn"] == TOPIC
        self.done.append((self.at, "message", given))
        return {}


def messages(world: World) -> list[tuple[str, str]]:
    return [(given["Subject"], given["Message"]) for _, what, given in world.done if what == "message"]


def test_an_endpoint_expires_after_a_notice_and_its_very_stack_is_deleted() -> None:
    world = World()
    world.start(EXPIRES, WATCH)
    assert world.actions == [
        *[(7.5, "Endpoint Stops Soon: expires"), (7.5, "message"), (8.0, "delete")],
        *[(8.02, "Endpoint Stopped: expires"), (8.02, "message")],
    ]
    assert [given for _, what, given in world.done if what == "delete"] == [STACK]
    tail = " Data, models and the release stay. It comes back by: kickstand deploy dev"
    assert messages(world) == [
        ("bikes-dev: stops soon", f"The endpoint bikes-dev stops in 30 minutes, 8h (expires_after).{tail}"),
        ("bikes-dev: stopped", f"The endpoint bikes-dev was stopped 8h (expires_after).{tail}"),
    ]


def test_the_end_of_waking_hours_gives_notice_at_once() -> None:
    world = World()
    world.start(BOTH, END_OF_DAY)
    assert world.actions[:3] == [(0.0, "Endpoint Stops Soon: awake"), (0.0, "message"), (0.5, "delete")]


def test_without_alerts_there_are_events_alone() -> None:
    world = World()
    world.start(EXPIRES, WATCH, topic=None)
    assert [what for _, what in world.actions] == [
        "Endpoint Stops Soon: expires",
        "delete",
        "Endpoint Stopped: expires",
    ]


def test_a_message_that_cannot_be_sent_does_not_keep_the_endpoint() -> None:
    world = World(publishes=False)
    world.start(EXPIRES, WATCH)
    assert "delete" in [what for _, what in world.actions]


def test_an_idle_endpoint_stops_once_it_was_watched_for_as_long() -> None:
    world = World(idle=lambda at: True)  # what an alarm without data says from the first minute on
    world.start(IDLE, WATCH)
    assert world.actions[:3] == [(1.5, "Endpoint Stops Soon: idle"), (1.5, "message"), (2.0, "delete")]


def test_a_request_after_the_notice_keeps_an_idle_endpoint() -> None:
    world = World(idle=lambda at: not 1.6 * HOUR < at < 5 * HOUR)
    world.start(BOTH, WATCH)
    assert [one for one in world.actions if one[1] != "message"][:3] == [
        (1.5, "Endpoint Stops Soon: idle"),
        (5.0, "Endpoint Stops Soon: idle"),
        (5.5, "delete"),
    ]


def test_an_endpoint_in_use_still_expires() -> None:
    world = World()
    world.start(BOTH, WATCH)
    assert (8.0, "delete") in world.actions


@pytest.mark.parametrize("given", [WATCH, END_OF_DAY])
def test_where_nothing_is_deployed_nothing_is_stopped(given: Any) -> None:
    for status in (None, "DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS"):
        world = World(stack=lambda at, status=status: status)  # type: ignore[misc]
        world.start(BOTH, given)
        assert world.done == []


def test_a_deployment_in_between_starts_the_time_anew() -> None:
    world = World(updated=lambda at: "later" if at > 5.5 * HOUR else "")
    world.start(EXPIRES, WATCH)
    deleted = [at for at, what in world.actions if what == "delete"]
    assert deleted == [6.02 + 8]  # it is seen at the next look, of one an hour


def updating(begins: float, ends: float) -> dict[str, Any]:
    """A stack that is updated between two hours."""
    return {
        "updated": lambda at: "later" if at > begins * HOUR else "",
        "stack": lambda at: "UPDATE_IN_PROGRESS" if begins * HOUR < at < ends * HOUR else "UPDATE_COMPLETE",
    }


@pytest.mark.contract("L03")
@pytest.mark.parametrize(
    ("begins", "ends", "deleted"),
    [
        (7.9, 8.3, 8.33 + 8),  # after the notice
        (5.5, 7.6, 7.6 + 8),  # before it
        (5.5, 20.0, 20.02 + 8),  # for longer than the endpoint lives
        (0.001, 0.5, 0.52 + 8),  # the first look is within it
    ],
)
def test_the_time_starts_anew_at_the_end_of_an_update(begins: float, ends: float, deleted: float) -> None:
    world = World(**updating(begins, ends))
    world.start(EXPIRES, WATCH)
    assert [at for at, what in world.actions if what == "delete"] == [pytest.approx(deleted, abs=0.09)]
    notices = [at for at, what in world.actions if what == "Endpoint Stops Soon: expires"]
    assert notices[-1] == pytest.approx(deleted - 0.5, abs=0.09)
    assert [at for at in notices if begins < at < ends] == []


@pytest.mark.contract("L03")
def test_an_update_over_the_end_of_waking_hours_gives_half_an_hour_more() -> None:
    world = World(**updating(0.4, 1.2))
    world.start(BOTH, END_OF_DAY)
    assert [one for one in world.actions if one[1] != "message"][:3] == [
        (0.0, "Endpoint Stops Soon: awake"),
        (1.25, "Endpoint Stops Soon: awake"),
        (1.75, "delete"),
    ]


@pytest.mark.contract("L03")
@pytest.mark.parametrize(
    "world",
    [
        World(endpoint=lambda at: "Updating" if at < 8.2 * HOUR else "InService"),
        World(transforms=lambda at: int(at < 8.2 * HOUR)),
    ],
)
def test_what_is_in_progress_is_waited_for(world: World) -> None:
    world.start(EXPIRES, WATCH)
    assert [at for at, what in world.actions if what == "delete"] == [8.25]


def test_an_operation_that_began_in_between_is_waited_for() -> None:
    refused = TaskError(
        "CloudFormation.CloudFormationException",
        f"Stack [{STACK}] cannot be deleted while in status UPDATE_IN_PROGRESS",
    )
    world = World(refused=[refused] * 4)
    world.start(EXPIRES, WATCH)
    assert [at for at, what in world.actions if what == "delete"] == [8.09]  # three attempts, then five minutes


def test_a_day_of_waiting_is_the_end() -> None:
    world = World(transforms=lambda at: 2)
    with pytest.raises(TaskError) as caught:
        world.start(EXPIRES, WATCH)
    assert caught.value.error == "StillInProgress"
    assert caught.value.cause == (
        "The endpoint could not be stopped for a day: the stack is CREATE_COMPLETE, the endpoint InService, and 2 "
        "transforms run."
    )
    assert world.at == (8 + 24) * HOUR


def test_a_stack_without_an_endpoint_is_deleted() -> None:
    world = World(endpoint=lambda at: "")
    world.start(EXPIRES, WATCH)
    assert [at for at, what in world.actions if what == "delete"] == [8.0]


def test_a_deletion_that_fails_fails_the_execution_with_its_reason() -> None:
    with pytest.raises(TaskError) as caught:
        World(deletion=("DELETE_IN_PROGRESS", "DELETE_FAILED")).start(EXPIRES, WATCH)
    assert (caught.value.error, caught.value.cause) == (
        "StackNotDeleted",
        "The stack is DELETE_FAILED. The following resource(s) failed to delete: [Endpoint].",
    )


@pytest.mark.parametrize(("times", "deleted"), [(3, [8.0]), (21, [])])
def test_a_stack_that_cannot_be_read_is_asked_for_again(times: int, deleted: list[float]) -> None:
    world = World(unread=times)
    if deleted:
        world.start(EXPIRES, WATCH)
    else:
        with pytest.raises(TaskError, match="Rate exceeded"):
            world.start(EXPIRES, WATCH)
    assert [round(at, 1) for at, what in world.actions if what == "delete"] == deleted


def test_a_call_that_fails_fails_the_execution() -> None:
    denied = TaskError("CloudFormation.CloudFormationException", "User … is not authorized to perform DeleteStack")
    with pytest.raises(TaskError) as caught:
        World(refused=[denied] * 4).start(EXPIRES, WATCH)
    assert caught.value.cause == denied.cause


def execution(name: str, started: str) -> dict[str, str]:
    return {"ExecutionArn": OWN.replace("an-execution", name), "StartDate": f"2026-11-23T{started}Z"}


@pytest.mark.parametrize(
    ("running", "watches"),
    [
        ([execution("an-execution", "10:00:00")], True),
        ([execution("an-execution", "10:00:00"), execution("later", "10:00:01")], True),
        ([execution("earlier", "09:00:00"), execution("an-execution", "10:00:00")], False),
        # Two that start together: the same one of them goes on, whichever asks.
        ([execution("an-execution", "10:00:00"), execution("b", "10:00:00")], True),
        ([execution("an-execution", "10:00:00"), execution("a", "10:00:00")], False),
        ([execution("another", "10:00:00")], False),  # it is not listed itself yet
    ],
)
def test_of_several_executions_the_oldest_watches(running: list[dict[str, str]], watches: bool) -> None:
    world = World(running=running)
    world.start(EXPIRES, WATCH)
    assert ("delete" in [what for _, what in world.actions]) == watches


def test_a_long_watch_is_handed_on_with_its_time() -> None:
    world = World()
    world.start(Lifetime(30 * 24 * HOUR, None, None), WATCH)
    ((at, what, given),) = world.done
    assert (at, what) == (60 + 500 * HOUR, "handed on")
    assert given == {"Reason": "watch", "Elapsed": at, "Seen": f"{STACK} 2026-11-23T10:00:00Z"}
    after = World(running=[execution("an-execution", "10:00:00"), execution("earlier", "09:00:00")])
    after.start(Lifetime(30 * 24 * HOUR, None, None), given)
    assert [one for one in after.actions if one[1] == "delete"] == [(219.98, "delete")]


@pytest.mark.parametrize("given", [{}, {"Reason": "now"}])
def test_another_request_is_refused(given: Any) -> None:
    with pytest.raises(TaskError) as caught:
        World().start(EXPIRES, given)
    assert (caught.value.error, caught.value.cause) == (
        "InvalidRequest",
        "The input must hold Reason: watch or awake.",
    )


@pytest.mark.contract("L06")
def test_no_execution_reaches_the_limit_of_its_history() -> None:
    """The longest: all looks, an alarm read in each, then a day of waiting and a failed deletion."""
    world = World(idle=lambda at: at > 400_000, transforms=lambda at: 1)
    with pytest.raises(TaskError):
        world.start(Lifetime(30 * 24 * HOUR, 2 * HOUR, None), WATCH)
    assert world.run is not None
    # A task has five events, any other state two: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
    states = definition(Lifetime(30 * 24 * HOUR, 2 * HOUR, None))["States"]
    events = sum(5 if states[name]["Type"] == "Task" else 2 for name in world.run.visited)
    assert 12_000 < events < 25_000
