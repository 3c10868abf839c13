"""The rules of `[hosting.scaling]`: bounds, targets and timetables that Application Auto Scaling takes and can keep.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from kickstand.aws.instance_types import family, processors
from kickstand.config.model import Environment
from kickstand.config.operation import SCHEDULED, InstanceRange, Scaling, scheduled_bounds
from kickstand.config.rules import Fault, Rule, between, each, shaped
from kickstand.config.values import TIMEZONE, schedule_fault
from kickstand.errors import Problem

_MOST_INSTANCES = 1000
_MOST_A_MINUTE = 300_000
"""Requests that one processor answers, more than any container of Python's: five in a millisecond."""
_MOST_CONCURRENT = 1000
"""Requests that an instance works on and queues, more than any does in the 60 seconds that each may take."""
_AT = "%Y-%m-%dT%H:%M:%S"

SCALING_NEEDS = (
    *("hosting.instance_type", "hosting.instance_count", "hosting.scaling.minimum", "hosting.scaling.maximum"),
    *("hosting.scaling.invocations_per_minute", "hosting.scaling.concurrent_requests", "hosting.scaling.schedule"),
)
"""The settings that `scaling_problems` compares."""

_Found = tuple[str, str, str]
"""A setting of `[hosting.scaling]`, what is wrong with it, how to fix it."""


def scaling_problems(environment: Environment) -> Iterator[Problem]:
    """What Application Auto Scaling refuses, or could never do."""
    hosting = environment.hosting
    for name, message, fix in _problems(
        hosting.scaling, hosting.instances, hosting.instance_type, written="instance_count" in hosting.model_fields_set
    ):
        yield Problem(message, environment.where(f"hosting.scaling.{name}"), fix.replace("ENV", environment.name))


def _problems(scaling: Scaling, instances: InstanceRange, instance_type: str, *, written: bool) -> Iterator[_Found]:
    if scaling.maximum is None:
        if named := sorted(scaling.model_fields_set):
            fix = "Write maximum = 4, for example, or take the table out."
            yield named[0], f"[hosting.scaling] has {named[0]} without maximum: nothing is scaled.", fix
        return
    if family(instance_type).startswith("t"):
        # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-console.html
        message = f"{instance_type} is burstable, and Application Auto Scaling does not scale such instances."
        yield "maximum", message, 'Write instance_type = "ml.m5.large" in [hosting], or take [hosting.scaling] out.'
    yield from _bound_problems(scaling, instances, written=written)
    yield from _target_problems(scaling, instances, instance_type)
    for number, bounds in enumerate(scheduled_bounds(scaling), 1):
        if bounds.minimum > bounds.maximum:
            message = f"Item {number} of schedule has a minimum ({bounds.minimum}) above its maximum"
            yield "schedule", f"{message} ({bounds.maximum}).", "Write the smaller number first."
    if "timezone" in scaling.model_fields_set and not scaling.schedule:
        yield "timezone", "timezone is that of schedule, and there is none.", "Take it out."


def _bound_problems(scaling: Scaling, instances: InstanceRange, *, written: bool) -> Iterator[_Found]:
    least, most = instances.least, instances.most
    if most < least:
        name = "minimum" if scaling.minimum is not None else "instance_count, the minimum,"
        yield "maximum", f"maximum ({most}) is below {name} ({least}).", f"Write maximum = {least} or more."
    elif written and not least <= instances.first <= most:
        message = f"instance_count ({instances.first}) is not between minimum ({least}) and maximum ({most})."
        fix = "The endpoint starts with it, and would be scaled at once; take it out to start with the minimum."
        yield "minimum" if instances.first < least else "maximum", message, fix


def _target_problems(scaling: Scaling, instances: InstanceRange, instance_type: str) -> Iterator[_Found]:
    minute, concurrent = scaling.invocations_per_minute, scaling.concurrent_requests
    if minute is not None and concurrent is not None:
        message = "invocations_per_minute and concurrent_requests exclude each other: there is one target."
        yield "concurrent_requests", message, "Keep one of them."
    if minute is None and concurrent is None:
        if not scaling.schedule:
            message = "[hosting.scaling] has a maximum and nothing to scale by."
            fix = (
                "Write invocations_per_minute, concurrent_requests or schedule; kickstand traffic ENV --find-limit 50 "
            )
            yield "maximum", message, f"{fix}measures what one instance bears."
        for name in ("scale_in", "scale_in_cooldown_seconds", "scale_out_cooldown_seconds"):
            if name in scaling.model_fields_set and scaling.schedule:
                yield name, f"{name} is of a target, and there is none: a schedule sets bounds.", "Take it out."
    elif instances.least == instances.most and not scaling.schedule:
        message = f"minimum and maximum are both {instances.most}: a target changes nothing."
        yield "maximum", message, f"Write maximum = {instances.most + 1} or more."
    bears = _MOST_A_MINUTE * processors(instance_type)
    if minute is not None and minute > bears:
        message = (
            f"invocations_per_minute ({minute}) can never be reached: one {instance_type}, of "
            f"{processors(instance_type)} processors, answers at most {bears} requests in a minute."
        )
        fix = "It is of one instance, not of all: kickstand traffic ENV --find-limit 50 measures what one bears."
        yield "invocations_per_minute", message, fix


def _count(value: int) -> Fault | None:
    if value == 0:
        return (
            "must be at least 1, not 0: a real-time endpoint cannot scale to no instance",
            "kickstand destroy ENV --hosting stops the bill.",
        )
    return between(1, _MOST_INSTANCES)(value)


def _concurrent(value: int) -> Fault | None:
    if value > _MOST_CONCURRENT:
        fix = "It is of one instance, and a model answers one request on each processor."
        return f"must be 1 to {_MOST_CONCURRENT}, not {value}, which one instance can never reach", fix
    return between(1, _MOST_CONCURRENT)(value)


def _scheduled(value: str) -> Fault | None:
    match = SCHEDULED.fullmatch(value)
    example = "For example cron(0 7 ? * MON-FRI *): 4 to 10."
    if match is None:
        return f'must be EXPRESSION: MINIMUM to MAXIMUM, not "{value}"', example
    if fault := _expression_fault(match[1]):
        return f'{fault}: "{match[1]}"', example
    return next((fault for fault in map(_count, (int(match[2]), int(match[3]))) if fault), None)


def _expression_fault(expression: str) -> str | None:
    if not expression.startswith("at("):
        return schedule_fault(expression)
    try:
        moment = datetime.strptime(expression[3:-1], _AT)
    except ValueError:
        return "must be at(YYYY-MM-DDThh:mm:ss)"
    return None if moment.strftime(_AT) == expression[3:-1] else "must be at(YYYY-MM-DDThh:mm:ss)"


SCALING_RULES: Mapping[str, Rule] = {
    "hosting.scaling.minimum": _count,
    "hosting.scaling.maximum": _count,
    "hosting.scaling.invocations_per_minute": between(1, 10**9),
    "hosting.scaling.concurrent_requests": _concurrent,
    "hosting.scaling.scale_out_cooldown_seconds": between(0, 3600, " seconds"),
    "hosting.scaling.scale_in_cooldown_seconds": between(0, 3600, " seconds"),
    "hosting.scaling.schedule": each(_scheduled),
    # Which of them there are is known to AWS alone: the machine's own list may be another.
    "hosting.scaling.timezone": shaped(TIMEZONE, "UTC or a name such as Europe/Berlin"),
}
