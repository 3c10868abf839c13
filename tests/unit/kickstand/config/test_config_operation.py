"""How an endpoint is operated: what `[hosting.update]` comes to, and what SageMaker or CloudWatch would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from project_files import SMALLEST, problems
from samples import environment, release

from kickstand.aws.instance_types import processors
from kickstand.config.model import Hosting
from kickstand.config.operation import Alarms, Update, traffic_shift
from kickstand.release.model import GateResult, Promotion
from kickstand.release.rules import latency_limit_ms

HOSTING = SMALLEST + "[hosting]\ninstance_count = 4\n"


@pytest.mark.parametrize(
    ("update", "instances", "waits", "expected"),
    [
        # strategy, step, per cent, wait, bake, longest, monitoring
        (Update(), 1, True, ("all-at-once", None, None, 0, 300, 2100, 5)),
        (Update(), 1, False, ("all-at-once", None, None, 0, 0, 1800, 0)),
        (Update(), 2, True, ("canary", 1, None, 300, 300, 2400, 5)),
        (Update(), 21, True, ("canary", 3, None, 300, 300, 2400, 5)),
        (Update(strategy="linear"), 4, True, ("linear", 1, None, 300, 300, 3000, 5)),
        (Update(strategy="linear", step_percent=34), 3, True, ("linear", None, 34, 300, 300, 2700, 5)),
        (Update(strategy="rolling"), 5, True, ("rolling", 2, None, 300, 0, 2700, 5)),
        (
            Update(wait_seconds=60, bake_seconds=0, max_seconds=900, monitoring_minutes=0),
            2,
            True,
            ("canary", 1, None, 60, 0, 900, 0),
        ),
    ],
)
def test_what_is_left_out_has_a_value(
    update: Update, instances: int, waits: bool, expected: tuple[object, ...]
) -> None:
    shift = traffic_shift(update, instances=instances, waits=waits)
    assert (
        shift.strategy,
        shift.step_instances,
        shift.step_percent,
        shift.wait_seconds,
        shift.bake_seconds,
        shift.max_seconds,
        shift.monitoring_minutes,
    ) == expected


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[hosting.update]\nstep_percent = 60\n", "step_percent must be 1 to 50 per cent, not 60."),
        (
            "[hosting.update]\nstep_instances = 3\n",
            "A canary step of 3 of 4 instances is 75 %; SageMaker takes at most 50 %.",
        ),
        (
            '[hosting.update]\nstrategy = "linear"\nstep_percent = 9\n',
            "A linear step of step_percent = 9 instances is 9 %; SageMaker takes from 10 to 50 %.",
        ),
        (
            "[hosting.update]\nstep_percent = 25\nstep_instances = 1\n",
            "step_instances and step_percent exclude each other.",
        ),
        (
            '[hosting.update]\nstrategy = "rolling"\nbake_seconds = 60\n',
            "bake_seconds has no effect on a rolling update: wait_seconds is the wait after each batch.",
        ),
        (
            '[hosting.update]\nstrategy = "all-at-once"\nwait_seconds = 60\n',
            "wait_seconds is between the steps of an update, and all traffic moves at once.",
        ),
        (
            "[hosting.update]\nwait_seconds = 600\nbake_seconds = 600\nmax_seconds = 1200\n",
            "The waits of an update are 1200 seconds together (2 steps), and it may take 1200.",
        ),
        (
            '[hosting.update]\nstrategy = "slowly"\n',
            'strategy must be "all-at-once" or "canary" or "linear" or "rolling", ',
        ),
        ("[hosting.alarms]\nmax_5xx_rate = 0\n", "max_5xx_rate must be greater than 0 and less than 1, not 0."),
        ("[hosting.alarms]\nmax_5xx_rate = 5\n", "max_5xx_rate must be greater than 0 and less than 1, not 5."),
        (
            "[hosting.alarms]\nperiod_seconds = 30\n",
            "period_seconds must be a multiple of 60 seconds, 60 to 3600, not 30.",
        ),
        ("[hosting.alarms]\nperiods_over = 4\n", "periods_over (4) is more than periods (3)."),
        (
            "[hosting.alarms]\nperiod_seconds = 3600\nperiods = 60\n",
            "periods of 3600 seconds, 60 of them, are more than a day.",
        ),
        (
            '[alerts]\nemails = ["nobody"]\n',
            "emails has an item that must be an e-mail address such as team@example.com, ",
        ),
        (
            '[alerts]\nemails = ["a@example.com"]\ntopic_arn = "arn:aws:sns:us-east-1:111122223333:t"\n',
            "[alerts] has emails and topic_arn: addresses are subscribed to a topic of the stack's own.",
        ),
        (
            '[alerts]\ntopic_arn = "arn:aws:sns:us-east-1:999922223333:t"\n',
            "topic_arn is of account 999922223333, but dev is in 111122223333.",
        ),
    ],
)
def test_what_would_be_refused_or_carried_out_otherwise(tmp_path: Path, written: str, message: str) -> None:
    (problem,) = problems(tmp_path, HOSTING + written)
    assert message in problem


def test_a_canary_needs_two_instances(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, SMALLEST + '[hosting.update]\nstrategy = "canary"\n')
    assert 'strategy = "canary" needs two instances; instance_count is 1.' in problem


def test_the_limit_of_latency_is_written_or_three_times_the_measured_one() -> None:
    gate = GateResult(name="latency", passed=True, figure="p99 312 ms", limit="<= 500 ms")
    promoted = release(
        promoted_from=Promotion(
            environment="dev", release_sha256="ab" * 32, gates=(gate,), overrides=(), by="", at="2026-01-02T03:04:05Z"
        )
    )
    quick = promoted.model_copy(
        update={
            "promoted_from": promoted.promoted_from
            and promoted.promoted_from.model_copy(update={"gates": (gate.model_copy(update={"figure": "p99 5 ms"}),)})
        }
    )
    assert latency_limit_ms(environment(), release()) == 1000
    assert latency_limit_ms(environment(), promoted) == 936
    assert latency_limit_ms(environment(), quick) == 100
    written = environment(hosting=Hosting(alarms=Alarms(max_p99_ms=250)))
    assert latency_limit_ms(written, promoted) == 250


def test_processors_of_instance_types() -> None:
    """https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-types.html"""
    known = {"ml.t2.medium": 2, "ml.m5.large": 2, "ml.m5.xlarge": 4, "ml.c5.9xlarge": 36, "ml.m5.24xlarge": 96}
    known |= {"ml.c4.8xlarge": 36, "ml.p3.16xlarge": 64, "ml.p5.48xlarge": 192}
    assert {name: processors(name) for name in known} == known
