"""How an endpoint scales: what `[hosting.scaling]` comes to, and what could never work."""

from __future__ import annotations

from pathlib import Path

import pytest
from project_files import SMALLEST, problems, write

from kickstand.config.load import load_project
from kickstand.config.model import Hosting
from kickstand.config.operation import InstanceRange, Scaling, ScheduledBounds, Update, scheduled_bounds, traffic_shift

SCALED = SMALLEST + "[hosting.scaling]\nmaximum = 4\ninvocations_per_minute = 3000\n"


@pytest.mark.parametrize(
    ("hosting", "expected"),
    [
        (Hosting(), InstanceRange(1, 1, 1)),
        (Hosting(instance_count=3), InstanceRange(3, 3, 3)),
        (Hosting(scaling=Scaling(maximum=4)), InstanceRange(1, 1, 4)),
        (Hosting(instance_count=2, scaling=Scaling(maximum=4)), InstanceRange(2, 2, 4)),
        (Hosting(scaling=Scaling(minimum=3, maximum=4)), InstanceRange(3, 3, 4)),
        (Hosting(instance_count=3, scaling=Scaling(minimum=2, maximum=4)), InstanceRange(3, 2, 4)),
    ],
)
def test_the_instances_at_the_start_at_least_and_at_most(hosting: Hosting, expected: InstanceRange) -> None:
    assert hosting.instances == expected
    assert hosting.scaled == (hosting.scaling.maximum is not None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # strategy, step, per cent, instances that it begins with
        ("maximum = 8", ("all-at-once", None, None, 1)),
        ("minimum = 2\nmaximum = 8", ("canary", 1, None, 2)),
        ('minimum = 2\nmaximum = 8\n[hosting.update]\nstrategy = "linear"', ("linear", None, 50, 2)),
        ('minimum = 4\nmaximum = 8\n[hosting.update]\nstrategy = "rolling"', ("rolling", None, 25, 4)),
    ],
)
def test_an_update_is_of_the_fewest_instances_that_there_may_be(
    tmp_path: Path, written: str, expected: tuple[object, ...]
) -> None:
    file = write(tmp_path, SMALLEST + f"[hosting.scaling]\nconcurrent_requests = 4\n{written}\n")
    shift = load_project(file).environments["dev"].traffic_shift
    assert (shift.strategy, shift.step_instances, shift.step_percent, shift.instances) == expected


def test_a_step_in_instances_is_of_those_that_there_are_where_nothing_scales() -> None:
    assert traffic_shift(Update(strategy="linear"), instances=8, waits=True).step_instances == 2


def test_the_times_of_a_schedule_are_read() -> None:
    scaling = Scaling(schedule=("cron(0 7 ? * MON-FRI *): 4 to 10", "at(2030-01-02T03:04:05):1 to 2"))
    assert scheduled_bounds(scaling) == (
        ScheduledBounds("cron(0 7 ? * MON-FRI *)", 4, 10),
        ScheduledBounds("at(2030-01-02T03:04:05)", 1, 2),
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("minimum = 5\n", "maximum (4) is below minimum (5). Write maximum = 5 or more."),
        pytest.param(
            "minimum = 0\n",
            "minimum must be at least 1, not 0: a real-time endpoint cannot scale to no instance. "
            "kickstand destroy ENV --hosting stops the bill.",
            marks=pytest.mark.contract("L04"),
        ),
        ("minimum = 1001\n", "minimum must be 1 to 1000, not 1001."),
        ("minimum = 4\n", "minimum and maximum are both 4: a target changes nothing. Write maximum = 5 or more."),
        (
            "concurrent_requests = 4\n",
            "invocations_per_minute and concurrent_requests exclude each other: there is one target.",
        ),
        ("concurrent_requests = 1001\n", "concurrent_requests must be 1 to 1000, not 1001, which one instance can"),
        ("scale_in_cooldown_seconds = 3601\n", "scale_in_cooldown_seconds must be 0 to 3600 seconds, not 3601."),
        (
            'schedule = ["at night: 1 to 2"]\n',
            'schedule has an item that must be EXPRESSION: MINIMUM to MAXIMUM, not "',
        ),
        ('schedule = ["rate(1 days): 1 to 2"]\n', "schedule has an item that must be rate(1 day): EventBridge wants"),
        ('schedule = ["at(2030-13-01T00:00:00): 1 to 2"]\n', "an item that must be at(YYYY-MM-DDThh:mm:ss)"),
        ('schedule = ["at(2030-1-01T00:00:00): 1 to 2"]\n', "an item that must be at(YYYY-MM-DDThh:mm:ss)"),
        ('schedule = ["rate(1 day): 0 to 2"]\n', "schedule has an item that must be at least 1, not 0"),
        ('schedule = ["rate(1 day): 3 to 2"]\n', "Item 1 of schedule has a minimum (3) above its maximum (2)."),
        ('timezone = "UTC"\n', "timezone is that of schedule, and there is none. Take it out."),
        ('timezone = "CEST+1"\n', 'timezone must be UTC or a name such as Europe/Berlin, not "CEST+1".'),
        ("maximun = 3\n", 'Unknown key "maximun" in [hosting.scaling]. Did you mean maximum?'),
    ],
)
def test_what_could_not_work_is_said(tmp_path: Path, written: str, message: str) -> None:
    (problem,) = problems(tmp_path, SCALED + written)
    assert message in problem


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "invocations_per_minute = 3000\n",
            "9: [hosting.scaling] has invocations_per_minute without maximum: nothing is scaled. Write maximum = 4",
        ),
        (
            "maximum = 4\n",
            "9: [hosting.scaling] has a maximum and nothing to scale by. Write invocations_per_minute, "
            "concurrent_requests or schedule; kickstand traffic dev --find-limit 50 measures what one instance bears.",
        ),
        (
            'maximum = 4\nschedule = ["rate(1 day): 1 to 4"]\nscale_in = false\n',
            "scale_in is of a target, and there is none: a schedule sets bounds.",
        ),
        # ml.m5.large has two processors: https://aws.amazon.com/ec2/instance-types/m5/
        (
            "maximum = 4\ninvocations_per_minute = 600001\n",
            "10: invocations_per_minute (600001) can never be reached: one ml.m5.large, of 2 processors, answers at "
            "most 600000 requests in a minute. It is of one instance, not of all: kickstand traffic dev --find-limit",
        ),
    ],
)
def test_a_table_that_scales_nothing_is_refused_with_its_line(tmp_path: Path, written: str, message: str) -> None:
    (problem,) = problems(tmp_path, SMALLEST + f"[hosting.scaling]\n{written}")
    assert message in problem


@pytest.mark.parametrize("count", [1, 5])
def test_the_count_at_the_start_lies_between_the_bounds(tmp_path: Path, count: int) -> None:
    text = SMALLEST + f"[hosting]\ninstance_count = {count}\n[hosting.scaling]\nminimum = 2\nmaximum = 4\n"
    (problem,) = problems(tmp_path, text + "concurrent_requests = 2\n")
    assert f"instance_count ({count}) is not between minimum (2) and maximum (4)." in problem


def test_burstable_instances_do_not_scale(tmp_path: Path) -> None:
    text = SMALLEST + '[hosting]\ninstance_type = "ml.t2.large"\n[hosting.scaling]\nmaximum = 2\n'
    (problem,) = problems(tmp_path, text + "concurrent_requests = 2\n")
    assert "ml.t2.large is burstable, and Application Auto Scaling does not scale such instances." in problem


def test_what_a_larger_instance_can_reach_is_taken(tmp_path: Path) -> None:
    text = SMALLEST + '[hosting]\ninstance_type = "ml.m5.xlarge"\n[hosting.scaling]\nmaximum = 2\n'
    load_project(write(tmp_path, text + "invocations_per_minute = 1200000\n"))


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    text = SMALLEST + "[hosting.scaling]\nminimum = 5\nmaximum = 4\ninvocations_per_minute = 700000\n"
    assert len(problems(tmp_path, text)) == 2


def test_steps_too_small_for_the_largest_fleet_are_refused(tmp_path: Path) -> None:
    text = SMALLEST + '[hosting.update]\nstrategy = "linear"\nstep_instances = 1\n'
    text += "[hosting.scaling]\nminimum = 2\nmaximum = 20\nconcurrent_requests = 2\n"
    (problem,) = problems(tmp_path, text)
    assert "A linear step of 1 is less than 10 % of the 20 instances that the endpoint scales to; SageMaker" in problem


def test_a_canary_of_a_fleet_that_scales_down_to_one_is_refused(tmp_path: Path) -> None:
    text = SMALLEST + '[hosting.update]\nstrategy = "canary"\n[hosting.scaling]\nminimum = 1\nmaximum = 4\n'
    (problem,) = problems(tmp_path, text + "concurrent_requests = 2\n")
    assert 'strategy = "canary" needs two instances; minimum is 1. Write minimum = 2 in [hosting.scaling]' in problem
