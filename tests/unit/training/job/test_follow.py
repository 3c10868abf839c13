"""Following a job of any kind: what is told, in which order, and how it ends."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from job_shapes import described, phase
from memory_s3 import refusal

from kickstand.aws.errors import PATIENCE
from kickstand.errors import InputError, KickstandError, Problem
from training.job.execution import Execution
from training.job.follow import LONGEST_WAIT, SHORTEST_WAIT, Follower, next_wait, verdict
from training.job.follow_view import TrainingProgress
from training.job.jobs import JobDescription, Phase, TransformDescription, parse_job
from training.job.kind import TRAINING, TRANSFORM
from training.job.log import FoldCount, LogLine, Round
from training.transform.transform import TransformProgress

RUNNING = Execution("arn", "RUNNING", "", "")
FAILED = Execution("arn", "FAILED", "States.TaskFailed", "AlgorithmError: boom")
SUCCEEDED = Execution("arn", "SUCCEEDED", "", "")


def job(status: str, **more: Any) -> JobDescription:
    return parse_job(described(status=status, **more))


@pytest.mark.parametrize(
    ("described_job", "execution", "expected"),
    [
        (None, None, "absent"),
        (None, RUNNING, "wait"),
        (None, FAILED, "failed"),
        (job("InProgress"), None, "wait"),
        (job("Stopping"), FAILED, "wait"),
        (job("Completed"), None, "completed"),
        (job("Completed"), RUNNING, "completed"),
        (job("Failed"), RUNNING, "wait"),
        (job("Failed"), FAILED, "failed"),
        (job("Failed"), None, "failed"),
        (job("Stopped"), SUCCEEDED, "failed"),
    ],
)
def test_what_is_known_decides(
    described_job: JobDescription | None, execution: Execution | None, expected: str
) -> None:
    assert verdict(described_job, execution) == expected


def test_waits_grow_and_news_make_them_short() -> None:
    waits = [SHORTEST_WAIT]
    for _ in range(10):
        waits.append(next_wait(waits[-1], news=False))
    assert waits[1] == SHORTEST_WAIT * 1.5
    assert waits[-1] == LONGEST_WAIT
    assert next_wait(LONGEST_WAIT, news=True) == SHORTEST_WAIT


@dataclass
class World:
    """A cloud that changes at each look: a list of what is there, then the last of it for ever."""

    moments: list[dict[str, Any]]
    now: float = 0.0
    looks: int = 0
    told: list[tuple[str, Any]] = field(default_factory=list)
    opened: list[Log] = field(default_factory=list)

    def moment(self) -> dict[str, Any]:
        return self.moments[min(self.looks, len(self.moments) - 1)]

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.looks += 1
        assert self.looks < 500, "never ends"

    def find(self, name: str) -> Any:
        found = self.moment().get(name)
        if isinstance(found, Exception):
            raise found
        return self.parsed(name, **found) if found else None

    def parsed(self, name: str, **found: Any) -> Any:
        return parse_job(described(name, **found))

    # the view
    def attempt(self, name: str, job: JobDescription) -> None:
        self.told.append(("attempt", name))

    def phase(self, phase: Phase) -> None:
        assert phase.ended is not None
        self.told.append(("phase", (phase.status, phase.seconds(phase.ended))))

    def current(self, phase: Phase) -> None:
        self.told.append(("current", phase.status))

    def round(self, done: Round) -> None:
        self.told.append(("round", done.number))

    def log(self, line: LogLine) -> None:
        self.told.append(("log", line.text))

    def note(self, text: str) -> None:
        self.told.append(("note", text))

    def follow(self, name: str = "j") -> JobDescription:
        ended: JobDescription = Follower(
            TRAINING,
            jobs=self,
            executions=Executions(self),
            observer=TrainingProgress(self, open_log=self.open_log, sleep=self.sleep),
            sleep=self.sleep,
            clock=lambda: self.now,
            follow_command=lambda name: f"kickstand fit dev --follow {name}",
        ).follow(name)
        return ended

    def open_log(self, job: JobDescription) -> Log:
        self.opened.append(Log(self, job.name))
        return self.opened[-1]

    def told_of(self, kind: str) -> list[Any]:
        return [what for told, what in self.told if told == kind]


@dataclass
class TransformWorld(World):
    """The same with transform jobs, of which a line is said at their beginning and end."""

    lines: list[str] = field(default_factory=list)

    def parsed(self, name: str, **found: Any) -> Any:
        start = datetime(2026, 3, 4, tzinfo=UTC)
        reason = found.get("FailureReason", "")
        places = ("s3://b/in", "s3://b/out", "ml.m5.large", 1)
        return TransformDescription(name, found["status"], reason, *places, start, start.replace(second=5))

    def follow(self, name: str = "j") -> Any:
        return Follower(
            TRANSFORM,
            jobs=self,
            executions=Executions(self),
            observer=TransformProgress(lambda text: self.told.append(("line", text)), lambda job: self.lines),
            sleep=self.sleep,
            clock=lambda: self.now,
            follow_command=lambda name: f"kickstand transform dev --follow {name}",
        ).follow(name)


LOST = {"training": "no release was written", "transform": "it left no results"}
COMMANDS = {"training": "fit", "transform": "transform"}
WORLDS = pytest.mark.parametrize(("kind", "world_of"), [("training", World), ("transform", TransformWorld)])


@dataclass
class Executions:
    world: World

    def find(self, job: str) -> Execution | None:
        assert job == "j"
        found: Execution | None = self.world.moment().get("execution")
        return found


@dataclass
class Log:
    world: World
    name: str
    streams: tuple[str, ...] = ("j/algo-1-17",)
    read_lines: int = 0
    runs: int = 1

    def started_over(self, times: int) -> None:
        self.runs = 1 + times

    def read(self) -> list[LogLine]:
        found = self.world.moment().get("log")
        if isinstance(found, Exception):
            raise found
        lines = (found or {}).get(self.name, [])[self.read_lines :]
        self.read_lines += len(lines)
        return [LogLine(0, "algo-1", line) for line in lines]


def test_a_job_is_followed_through_its_phases_and_rounds() -> None:
    starting = {"status": "InProgress", "SecondaryStatusTransitions": [phase("Starting", 0)]}
    training = {
        "status": "InProgress",
        "SecondaryStatusTransitions": [phase("Starting", 0, 10), phase("Downloading", 10, 12), phase("Training", 12)],
    }
    ended = {
        "SecondaryStatusTransitions": [
            *training["SecondaryStatusTransitions"][:2],
            phase("Training", 12, 50),
            phase("Uploading", 50, 60),
            phase("Completed", 60, 60),
        ]
    }
    first, second = "[0]#011train-rmse:2.5", "[1]#011train-rmse:1.5"
    world = World(
        [
            {"execution": RUNNING},
            {"execution": RUNNING, "j": starting},
            {"execution": RUNNING, "j": training, "log": {"j": ["hello", first]}},
            {"execution": RUNNING, "j": training, "log": {"j": ["hello", first]}},
            {"execution": SUCCEEDED, "j": ended, "log": {"j": ["hello", first, second, first]}},
        ]
    )
    assert world.follow().name == "j"
    assert world.told_of("phase") == [("Starting", 10.0), ("Downloading", 2.0), ("Training", 38.0), ("Uploading", 10.0)]
    assert world.told_of("current") == ["Starting", "Training"]
    assert world.told_of("round") == [0, 1]
    assert world.told_of("log") == ["hello", first, second, first]
    assert world.told_of("attempt") == ["j"]


def test_a_spot_job_that_starts_over_tells_its_rounds_anew() -> None:
    before = [phase("Training", 0, 20), phase("Interrupted", 20, 21)]
    again = {"status": "InProgress", "SecondaryStatusTransitions": [*before, phase("Training", 21)]}
    ended = {"SecondaryStatusTransitions": [*before, phase("Training", 21, 50), phase("Completed", 50, 50)]}
    rounds = [f"[{number}]#011train-rmse:2.5" for number in range(3)]
    lines = [*rounds, rounds[0], rounds[0], rounds[1]]
    world = World(
        [
            {"execution": RUNNING, "j": again, "log": {"j": lines}},
            {"execution": SUCCEEDED, "j": ended, "log": {"j": lines}},
        ]
    )
    world.follow()
    assert world.told_of("round") == [0, 1, 2, 0, 1]
    assert world.opened[-1].runs == 2


def test_the_folds_of_a_cross_validation_are_told_each() -> None:
    lines = [f"[{number}]#011train-rmse:2.5" for number in (0, 1, 0, 1, 2)]
    folds = {"HyperParameters": {"num_round": "2", "_kfold": "2"}}
    world = World([{"execution": SUCCEEDED, "j": folds, "log": {"j": lines}}])
    told: list[tuple[int, int]] = []
    world.round = lambda done: told.append((done.fold, done.number))  # type: ignore[method-assign]
    world.follow()
    assert told == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]


def test_a_cross_validation_that_starts_over_is_told_from_its_first_fold() -> None:
    count = FoldCount(3, 2)
    placed = [count.place(Round(number, {}), "algo-1") for number in (0, 1, 0)]
    assert count.place(Round(1, {}), "algo-2") is None
    count.start_over()
    placed += [count.place(Round(number, {}), "algo-1") for number in (0, 1, 0)]
    assert [one and (one.fold, one.number) for one in placed] == [(0, 0), (0, 1), (1, 0)] * 2


def test_the_attempt_that_runs_is_followed() -> None:
    failed = {"status": "Failed", "FailureReason": "CapacityError: none left."}
    world = World(
        [
            {"execution": RUNNING, "j": {"status": "InProgress"}},
            {"execution": RUNNING, "j": failed},
            {"execution": RUNNING, "j": failed, "j-r1": {"status": "InProgress"}},
            {"execution": SUCCEEDED, "j": failed, "j-r1": {"status": "Completed"}},
        ]
    )
    assert world.follow().name == "j-r1"
    assert world.told_of("attempt") == ["j", "j-r1"]
    assert world.told_of("note") == ["j failed: CapacityError: none left. The trigger tries again."]


@WORLDS
@pytest.mark.parametrize("name", ["j", "j-r1", "j-r2"])
def test_the_last_attempt_is_found_whatever_it_is_called_by(kind: str, world_of: type[World], name: str) -> None:
    failed = {"status": "Failed", "FailureReason": "CapacityError"}
    world = world_of([{"execution": SUCCEEDED, "j": failed, "j-r2": {"status": "Completed"}}])
    assert world.follow(name).name == "j-r2"


@WORLDS
def test_a_job_without_an_execution_is_followed_too(kind: str, world_of: type[World]) -> None:
    world = world_of([{"j": {"status": "InProgress"}}, {"j": {"status": "Completed"}}])
    assert world.follow().status == "Completed"


def _failure(world: World, name: str = "j") -> KickstandError:
    with pytest.raises(KickstandError) as told:
        world.follow(name)
    return told.value


def test_a_failed_job_shows_its_reason_its_last_lines_and_where_to_read_on() -> None:
    lines = [f"line {number}" for number in range(30)]
    failed = {"status": "Failed", "FailureReason": "AlgorithmError: boom"}
    (problem,) = _failure(World([{"execution": FAILED, "j": failed, "log": {"j": lines}}])).problems
    assert problem.where == "j"
    assert "The training job failed: AlgorithmError: boom" in problem.message
    assert problem.details == (
        "Its last 20 log lines (j/algo-1-17):",
        *(f"  line {number}" for number in range(10, 30)),
    )
    assert "No release was written" in problem.fix
    assert "https://us-east-1.console.aws.amazon.com/sagemaker/home?region=us-east-1#/jobs/j" in problem.fix


def test_the_log_of_a_failed_job_may_come_late() -> None:
    failed: dict[str, Any] = {"execution": FAILED, "j": {"status": "Failed", "FailureReason": "boom"}}
    world = World([failed, failed, {**failed, "log": {"j": ["the last words"]}}])
    assert "  the last words" in _failure(world).problems[0].details


@WORLDS
def test_a_stopped_job_is_told_as_stopped(kind: str, world_of: type[World]) -> None:
    told = _failure(world_of([{"execution": FAILED, "j": {"status": "Stopped"}}]))
    assert told.problems[0].message == f"The {kind} job was stopped; {LOST[kind]}."


@WORLDS
def test_an_execution_that_could_not_create_the_job_says_why(kind: str, world_of: type[World]) -> None:
    denied = Execution("arn", "FAILED", "SageMaker.AmazonSageMakerException", "not authorized to perform iam:PassRole")
    (problem,) = _failure(world_of([{"execution": denied}])).problems
    assert problem.message == f"The {kind} trigger ended without a {kind} job: {denied.error} {denied.cause}"


@WORLDS
def test_an_unknown_job_is_told_by_its_name(kind: str, world_of: type[World]) -> None:
    error = _failure(world_of([{}]))
    assert isinstance(error, InputError)
    assert error.problems == (
        Problem(
            f"There is no {kind} job, and no execution of the {kind} trigger, of this name.",
            "j",
            f"See the jobs there are: aws sagemaker list-{kind}-jobs --sort-by CreationTime",
        ),
    )


@WORLDS
@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException", "DescribeTrainingJob"),
        refusal("InternalFailure", "DescribeTrainingJob", 500),
        EndpointConnectionError(endpoint_url="https://sagemaker"),
    ],
)
def test_throttling_and_the_network_are_borne(kind: str, world_of: type[World], error: Exception) -> None:
    world = world_of([{"j": error}, {"j": {"status": "InProgress"}}, {"j": error}, {"j": {"status": "Completed"}}])
    assert world.follow().status == "Completed"


@WORLDS
def test_patience_ends(kind: str, world_of: type[World]) -> None:
    world = world_of([{"j": EndpointConnectionError(endpoint_url="https://sagemaker")}])
    (problem,) = _failure(world).problems
    assert f"Failed while following {kind} job j (which does not depend on this command)" in problem.message
    assert problem.then == f"Then follow it again: kickstand {COMMANDS[kind]} dev --follow j"
    assert PATIENCE < world.now < PATIENCE + 2 * LONGEST_WAIT


def refused() -> Exception:
    """What a client of botocore raises where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = Config(retries={"total_max_attempts": 1})
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        endpoint_url=url,
        config=config,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    with pytest.raises(EndpointConnectionError) as caught:
        client.list_training_jobs()
    return caught.value


def test_a_server_that_was_ended_is_said_within_seconds() -> None:
    world = World([{"j": {"status": "InProgress"}}, {"j": refused()}])
    (problem,) = _failure(world).problems
    assert problem.then == "Then follow it again: kickstand fit dev --follow j"
    assert 5 < world.now < 5 + LONGEST_WAIT


@WORLDS
def test_a_server_that_is_back_within_seconds_is_followed_on(kind: str, world_of: type[World]) -> None:
    world = world_of([{"j": refused()}, {"j": refused()}, {"j": {"status": "Completed"}}])
    assert world.follow().status == "Completed"


def test_silence_is_told_once_after_a_few_seconds_and_its_end_too() -> None:
    gone = {"j": EndpointConnectionError(endpoint_url="https://sagemaker")}
    world = World([*[gone] * 10, {"j": {"status": "InProgress"}}, *[gone] * 2, {"j": {"status": "Completed"}}])
    world.follow()
    assert world.told_of("note") == [
        'AWS does not answer (Could not connect to the endpoint URL: "https://sagemaker"); trying again for 5 minutes. '
        "Ctrl-C ends the waiting.",
        "AWS answers again.",
    ]


def test_a_short_silence_is_not_told() -> None:
    gone = {"j": refusal("ThrottlingException", "DescribeTrainingJob")}
    world = World([{"j": {"status": "InProgress"}}, gone, gone, {"j": {"status": "Completed"}}])
    world.follow()
    assert world.told_of("note") == []


@WORLDS
def test_a_refusal_ends_it_at_once(kind: str, world_of: type[World]) -> None:
    world = world_of([{"j": refusal("AccessDeniedException", "DescribeTrainingJob", 400, "no")}])
    assert "AccessDeniedException" in str(_failure(world))
    assert world.looks == 0


def test_a_log_that_may_not_be_read_does_not_end_it() -> None:
    refused = refusal("AccessDeniedException", "DescribeLogStreams", 400, "not yours")
    world = World(
        [
            {"j": {"status": "InProgress"}, "log": refused},
            {"j": {"status": "InProgress"}, "log": refused},
            {"j": {"status": "Completed"}, "log": refused},
        ]
    )
    assert world.follow().status == "Completed"
    assert world.told_of("note") == ["The job's log may not be read with these credentials: not yours"]


def test_a_transform_job_is_told_at_its_beginning_and_end() -> None:
    world = TransformWorld([{"execution": RUNNING}, {"j": {"status": "InProgress"}}, {"j": {"status": "Completed"}}])
    assert world.follow().status == "Completed"
    assert world.told == [("line", "transform job j on 1 x ml.m5.large"), ("line", "  Completed after 5.0 s")]


def test_a_further_attempt_of_a_transform_job_is_followed() -> None:
    failed = {"status": "Failed", "FailureReason": "CapacityError: none"}
    world = TransformWorld(
        [
            {"execution": RUNNING, "j": failed},
            {"execution": RUNNING, "j": failed, "j-r1": {"status": "InProgress"}},
            {"execution": SUCCEEDED, "j": failed, "j-r1": {"status": "Completed"}},
        ]
    )
    assert world.follow("j-r1").name == "j-r1"
    assert [text for _, text in world.told] == [
        "transform job j on 1 x ml.m5.large",
        "transform job j-r1 on 1 x ml.m5.large",
        "  Completed after 5.0 s",
    ]


@pytest.mark.parametrize("lines", [[], ["one", "two"]])
def test_a_failed_transform_job_shows_the_end_of_its_data_log(lines: list[str]) -> None:
    failed = {"status": "Failed", "FailureReason": "ClientError: See"}
    (problem,) = _failure(TransformWorld([{"execution": FAILED, "j": failed}], lines=lines)).problems
    log = "\n  The end of its data log:\n    one\n    two" if lines else ""
    assert problem == Problem(f"The transform job failed: ClientError: See{log}", "j")
