"""Following a transform job: retries, ends, AWS that does not answer; and the command's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli.commands import app
from kickstand.errors import InputError, KickstandError
from training.job.execution import Execution
from training.job.jobs import TransformDescription
from training.transform.transform import Follower

NAME = "bikes-dev-20260304-050607-x7q2"
RUNNING = Execution("arn", "RUNNING", "", "")
FAILED = Execution("arn", "FAILED", "InvalidRequest", "no input")


def described(status: str, name: str = NAME, reason: str = "") -> TransformDescription:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    return TransformDescription(
        name, status, reason, "s3://b/in", "s3://b/out", "ml.m5.large", 1, now, now.replace(second=5)
    )


def throttled() -> ClientError:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "DescribeTransformJob")


class World:
    """Jobs and executions as they are at each look; an error among them is raised."""

    def __init__(self, *looks: tuple[Execution | None, Iterable[TransformDescription]] | Exception) -> None:
        self.looks = list(looks)
        self.now = 0.0
        self.told: list[str] = []
        self.jobs: dict[str, TransformDescription] = {}
        self.lines: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now

    def look(self) -> Execution | None:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        self.jobs = {job.name: job for job in look[1]}
        return look[0]

    def follow(self, name: str = NAME) -> TransformDescription:
        return Follower(_Jobs(self), _Trigger(self.look), self.told.append, self.sleep, self.clock).follow(name)


class _Jobs:
    def __init__(self, world: World) -> None:
        self._world = world

    def find(self, name: str) -> TransformDescription | None:
        return self._world.jobs.get(name)

    def last_lines(self, name: str) -> list[str]:
        return self._world.lines


class _Trigger:
    def __init__(self, look: Callable[[], Execution | None]) -> None:
        self._look = look

    def find(self, job: str) -> Execution | None:
        assert job == NAME
        return self._look()


def test_a_job_is_followed_to_its_end() -> None:
    world = World((RUNNING, []), (RUNNING, [described("InProgress")]), (RUNNING, [described("Completed")]))
    assert world.follow().status == "Completed"
    assert world.told == [f"transform job {NAME} on 1 x ml.m5.large", "  Completed after 5.0 s"]


def test_a_retry_is_followed_and_the_first_name_finds_it() -> None:
    again = f"{NAME}-r1"
    world = World(
        (RUNNING, [described("Failed", reason="CapacityError: none")]),
        (RUNNING, [described("Failed"), described("InProgress", again)]),
        (RUNNING, [described("Failed"), described("Completed", again)]),
    )
    assert world.follow(again).name == again


@pytest.mark.parametrize(
    ("execution", "jobs", "message"),
    [
        (None, [], "There is no transform job, and no execution of the transform trigger, of this name."),
        (FAILED, [], "The transform trigger ended without a transform job: InvalidRequest no input"),
        (FAILED, [described("Stopped")], "The transform job was stopped; it left no results."),
        (
            FAILED,
            [described("Failed", reason="ClientError: See")],
            "The transform job failed: ClientError: See\n  The end of its data log:\n    one\n    two",
        ),
    ],
)
def test_ends_that_are_none(execution: Execution | None, jobs: list[TransformDescription], message: str) -> None:
    world = World((execution, jobs))
    world.lines = ["one", "two"]
    with pytest.raises(KickstandError) as caught:
        world.follow()
    assert caught.value.problems[0].message == message
    assert isinstance(caught.value, InputError) is (execution is None)


def test_throttling_is_waited_out_and_not_for_ever() -> None:
    assert World(throttled(), throttled(), (None, [described("Completed")])).follow().status == "Completed"
    world = World(throttled())
    with pytest.raises(KickstandError):
        world.follow()
    assert 300 < world.now < 320


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dev"], "Expected one of FILE, --follow and --stop, found none of them."),
        (["dev", "-", "--follow", "x"], "Expected one of FILE, --follow and --stop, found FILE and --follow."),
        (["dev", "-", "--accept", "xml"], "Expected csv or json, found 'xml'."),
        (["dev", "-", "--accept", "json", "--join"], "--join works on the csv form."),
        (["dev", "--follow", "x", "--join"], "--join belongs to the start of a job."),
        (["dev", "s3://b/x", "--accept", "json"], "Results that stay in S3 are csv."),
        (["dev", "--stop", "x", "-o", "y"], "A job that is stopped leaves no results."),
        (["dev", "absent.csv"], "Expected a CSV file of rows, found none."),
        (["dev", "-", "-o", "."], "Expected the name of a file for the answers, found a folder."),
    ],
)
def test_wrong_words(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["transform", *words])
    assert isinstance(done.exception, InputError)
    assert message in [problem.message for problem in done.exception.problems]
