"""The rules of what operates an endpoint: updates, alarms, capture, alerts, and when it stops by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kickstand.bucket import CAPTURE, PREFIXES
from kickstand.config.model import Environment
from kickstand.config.operation import (
    LEAST_PERCENT,
    LONGEST_MONITORING_MINUTES,
    LONGEST_SECONDS,
    MOST_PERCENT,
    SHORTEST_SECONDS,
)
from kickstand.config.promotion_rules import above
from kickstand.config.rules import KEY, Fault, Rule, arn, between, each, shaped
from kickstand.config.values import Window, duration_seconds, parse_window
from kickstand.errors import Problem

_LONGEST_WAIT = 3600
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html"""
_MOST_EMAILS = 10


def _rate(value: float) -> Fault | None:
    if 0 < value < 1:
        return None
    fix = f"A share, not per cent: {value / 100:g} is {value:g} %." if 1 <= value < 100 else "0.01 is 1 %."
    return f"must be greater than 0 and less than 1, not {value:g}", fix


def _period(value: int) -> Fault | None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html; SageMaker's metrics
    come once a minute."""
    if value % 60 == 0 and 60 <= value <= 3600:
        return None
    return f"must be a multiple of 60 seconds, 60 to 3600, not {value}", "SageMaker's metrics come once a minute."


def _lasting(shortest: str, longest: str) -> Rule:
    """A duration within bounds, both included."""

    def rule(value: str) -> Fault | None:
        seconds = duration_seconds(value)
        if seconds is None:
            fix = 'A whole number and m, h or d: "90m", "8h", "2d".'
            return f'must be a duration such as "8h", not "{value}"', fix
        if (duration_seconds(shortest) or 0) <= seconds <= (duration_seconds(longest) or 0):
            return None
        return f'must be "{shortest}" to "{longest}", not "{value}"', ""

    return rule


def _awake(value: str) -> Fault | None:
    """An hour at least, so that the notice before its end is not before its begin."""
    window = parse_window(value)
    if not isinstance(window, Window):
        return window
    if window.ends - window.begins >= _SHORTEST_WINDOW_MINUTES:
        return None
    return f'has a window shorter than an hour: "{value}"', "The notice comes half an hour before its end."


_SHORTEST_WINDOW_MINUTES = 60
LIFETIME_SETTINGS = ("expires_after", "awake", "idle_after")


def lifetime_problems(environment: Environment) -> Iterator[Problem]:
    """An end of production, and one that an earlier end makes impossible."""
    written = [name for name in LIFETIME_SETTINGS if getattr(environment, name) is not None]
    if environment.retain:
        for name in written:
            message = f"{name} stops the endpoint by itself, and prod never stops."
            yield Problem(message, environment.where(name), "Take it out.")
        return
    lifetime = environment.lifetime
    if lifetime and lifetime.idle and lifetime.expires and lifetime.idle >= lifetime.expires:
        message = (
            f"idle_after ({environment.idle_after}) is never reached: expires_after is {environment.expires_after}."
        )
        yield Problem(message, environment.where("idle_after"), "Write a shorter one, or take it out.")


OPERATION_RULES: Mapping[str, Rule] = {
    "environments.expires_after": _lasting("1h", "30d"),
    "environments.awake": _awake,
    # CloudWatch looks back seven days: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    "environments.idle_after": _lasting("1h", "7d"),
    "environments.max_monthly_usd": above(0, example="150"),
    "training.max_job_usd": above(0, example="5"),
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
    "hosting.startup_seconds": between(60, 3600, " seconds"),
    "hosting.update.step_instances": between(1, 1000),
    "hosting.update.step_percent": between(1, MOST_PERCENT, " per cent"),
    "hosting.update.wait_seconds": between(0, _LONGEST_WAIT, " seconds"),
    "hosting.update.bake_seconds": between(0, _LONGEST_WAIT, " seconds"),
    "hosting.update.max_seconds": between(SHORTEST_SECONDS, LONGEST_SECONDS, " seconds"),
    "hosting.update.monitoring_minutes": between(0, LONGEST_MONITORING_MINUTES, " minutes"),
    **dict.fromkeys(
        ("hosting.alarms.max_5xx_rate", "hosting.alarms.max_model_error_rate", "hosting.alarms.max_4xx_rate"), _rate
    ),
    # A model's answer is waited for 60 seconds.
    "hosting.alarms.max_p99_ms": above(0, at_most=60_000, example="200"),
    "hosting.alarms.max_overhead_ms": above(0, at_most=60_000, example="500"),
    "hosting.alarms.period_seconds": _period,
    "hosting.alarms.periods": between(1, 60),
    "hosting.alarms.periods_over": between(1, 60),
    **dict.fromkeys(
        (
            "hosting.alarms.max_cpu_percent",
            "hosting.alarms.max_memory_percent",
            "hosting.alarms.max_disk_percent",
        ),
        above(0, at_most=100, example="85"),
    ),
    "alerts.emails": each(
        shaped(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+", "an e-mail address such as team@example.com"), most=_MOST_EMAILS
    ),
    "alerts.topic_arn": arn("sns", r"[\w-]{1,256}", "arn:aws:sns:us-east-1:111122223333:NAME"),
}

OPERATION_NEEDS = (
    *("hosting.instance_count", "hosting.update.strategy", "hosting.update.step_instances"),
    *("hosting.update.step_percent", "hosting.update.wait_seconds", "hosting.update.bake_seconds"),
    *("hosting.update.max_seconds", "hosting.alarms.periods", "hosting.alarms.periods_over"),
    *("hosting.alarms.period_seconds", "alerts.emails", "alerts.topic_arn"),
    *("hosting.scaling.minimum", "hosting.scaling.maximum"),
)
"""The settings that `operation_problems` compares."""


def operation_problems(environment: Environment) -> Iterator[Problem]:
    """What SageMaker refuses of an update, or would carry out in another way than it is written."""
    yield from _step_problems(environment)
    yield from _wait_problems(environment)
    alarms, alerts = environment.hosting.alarms, environment.alerts
    if alarms.periods_over > alarms.periods:
        message = f"periods_over ({alarms.periods_over}) is more than periods ({alarms.periods})."
        yield Problem(message, environment.where("hosting.alarms.periods_over"), "An alarm could never be raised.")
    if alarms.period_seconds * alarms.periods > _DAY:
        message = f"periods of {alarms.period_seconds} seconds, {alarms.periods} of them, are more than a day."
        yield Problem(message, environment.where("hosting.alarms.periods"), "CloudWatch looks back one day.")
    if alerts.emails and alerts.topic_arn:
        message = "[alerts] has emails and topic_arn: addresses are subscribed to a topic of the stack's own."
        yield Problem(message, environment.where("alerts.emails"), "Keep one of them.")


_DAY = 86_400


def _step_problems(environment: Environment) -> Iterator[Problem]:
    update, shift, count = environment.hosting.update, environment.traffic_shift, environment.hosting.instances.least
    written = [name for name in ("step_instances", "step_percent") if getattr(update, name) is not None]
    place = environment.where(f"hosting.update.{written[-1] if written else 'strategy'}")
    if len(written) == 2:
        yield Problem("step_instances and step_percent exclude each other.", place, "Keep one of them.")
        return
    if shift.strategy == "all-at-once":
        if written:
            message = f"{written[0]} has no effect on an update that moves all traffic at once."
            named = " (the strategy of one instance)" if update.strategy is None else ""
            yield Problem(f"{message[:-1]}{named}.", place, 'For example strategy = "canary", on two instances.')
        return
    if count < 2:
        table, name = ("hosting", "instance_count")
        if environment.hosting.scaling.minimum is not None:
            table, name = ("hosting.scaling", "minimum")
        message = f'strategy = "{shift.strategy}" needs two instances; {name} is {count}.'
        fix = f'Write {name} = 2 in [{table}], or strategy = "all-at-once".'
        yield Problem(message, environment.where("hosting.update.strategy"), fix)
        return
    share = shift.step_share * 100
    least = LEAST_PERCENT.get(shift.strategy, 0)
    if share > MOST_PERCENT or share < least:
        said = f"step_percent = {update.step_percent}" if update.step_percent else f"{shift.step_instances} of {count}"
        allowed = f"from {least} to {MOST_PERCENT} %" if least else f"at most {MOST_PERCENT} %"
        message = f"A {shift.strategy} step of {said} instances is {share:.3g} %; SageMaker takes {allowed}."
        yield Problem(message, place, f"step_percent = {MOST_PERCENT} is the largest.")
    elif shift.step_percent is None and 100 * (shift.step_instances or 0) < least * shift.most:
        message = (
            f"A {shift.strategy} step of {shift.step_instances} is less than {least} % of the {shift.most} instances "
            "that the endpoint scales to; SageMaker refuses it."
        )
        yield Problem(message, place, f"Write step_percent in its place, {least} to {MOST_PERCENT}.")


def _wait_problems(environment: Environment) -> Iterator[Problem]:
    update, shift = environment.hosting.update, environment.traffic_shift
    if update.wait_seconds and shift.strategy == "all-at-once":
        message = "wait_seconds is between the steps of an update, and all traffic moves at once."
        yield Problem(message, environment.where("hosting.update.wait_seconds"), "bake_seconds is the wait at its end.")
    if update.bake_seconds is not None and shift.strategy == "rolling":
        message = "bake_seconds has no effect on a rolling update: wait_seconds is the wait after each batch."
        yield Problem(message, environment.where("hosting.update.bake_seconds"), "Take it out.")
    if shift.waits_seconds >= shift.max_seconds:
        message = (
            f"The waits of an update are {shift.waits_seconds} seconds together ({shift.steps} steps), and it may take "
            f"{shift.max_seconds}."
        )
        name = "max_seconds" if update.max_seconds is not None else "wait_seconds"
        fix = f"Wait less, or in larger steps; max_seconds is {LONGEST_SECONDS} at most."
        yield Problem(message, environment.where(f"hosting.update.{name}"), fix)


_LONGEST_PREFIX = 200
"""DestinationS3Uri has 512 characters at most, the bucket's name and a digest among them:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html"""
_LONGEST_DAYS = 3650


def _percent(value: int) -> Fault | None:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html has 0 too, which stores
    nothing and looks as if it did."""
    if 1 <= value <= 100:
        return None
    fix = "Write enabled = false to store nothing." if value == 0 else "100 is every request." if value > 100 else ""
    return f"must be 1 to 100 per cent of the requests, not {value}", fix


def _prefix(value: str) -> Fault | None:
    """Below the one prefix whose objects are deleted in time and that nothing else is kept in."""
    if re.fullmatch(rf"{CAPTURE.name}(/[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", value) and len(value) <= _LONGEST_PREFIX:
        return None
    wanted = (
        f'must be "{CAPTURE.name}" or a folder of it, of lowercase letters, digits and hyphens, without a slash at its '
        f'end, {_LONGEST_PREFIX} characters at most, not "{value}"'
    )
    first = value.strip("/").partition("/")[0]
    if first in {prefix.name for prefix in PREFIXES if prefix is not CAPTURE}:
        return wanted, f"{first}/ is kept for something else: what is captured must not lie among it."
    return wanted, f'For example "{CAPTURE.name}/live". A bucket and s3:// are not part of it.'


CAPTURE_RULES: Mapping[str, Rule] = {
    "hosting.capture.percent": _percent,
    "hosting.capture.days": between(1, _LONGEST_DAYS, " days"),
    "hosting.capture.prefix": _prefix,
    "hosting.capture.kms_key_arn": KEY,
}

CAPTURE_NEEDS = (
    *("hosting.capture.enabled", "hosting.capture.request", "hosting.capture.response", "data.golden_rows_in_git"),
    *("storage.existing_bucket", "roles.hosting"),
)
"""The settings that `capture_problems` compares."""


def capture_problems(environment: Environment) -> Iterator[Problem]:
    """What would be stored of nothing, and settings of a capture that is off without having been switched off."""
    capture = environment.hosting.capture
    if environment.captures and not (capture.request or capture.response):
        message = "request and response are both false: nothing of a request would be stored."
        place = environment.where("hosting.capture.response")
        yield Problem(message, place, "Keep one of them, or write enabled = false.")
    if environment.captures or capture.enabled is not None:
        return
    written = [key for key in _OF_A_CAPTURE if f"hosting.capture.{key}" in environment.lines]
    if written:
        message = f"{written[0]} has no effect: nothing is captured, since {_why_off(environment)}."
        place = environment.where(f"hosting.capture.{written[0]}")
        yield Problem(message, place, "Write enabled = true in [hosting.capture], or enabled = false to keep it off.")


_OF_A_CAPTURE = ("percent", "request", "response", "kms_key_arn")


def _why_off(environment: Environment) -> str:
    """Why nothing is captured where nobody said so."""
    if not environment.data.golden_rows_in_git:
        return "golden rows are kept out of git, as of confidential data"
    if environment.storage.existing_bucket is not None:
        return "the bucket is the organisation's, and nothing of the stacks deletes what is captured there"
    return "the endpoint's role is the organisation's, and may not be allowed to write there"
