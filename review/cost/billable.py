"""What of a stack's template is billed, and how often a schedule runs it in a month."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kickstand.aws.prices import Kind
from kickstand.json_text import parse_json

HOURS_A_MONTH = 730
"""365 days of 24 hours, by 12: as AWS's own calculator counts."""

_DAYS_A_MONTH = Decimal(365) / 12
_WEEKS_A_MONTH = _DAYS_A_MONTH / 7
_IN_HOURS = {"minute": Decimal(1) / 60, "hour": Decimal(1), "day": Decimal(24)}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def runs_a_month(expression: str) -> Decimal | None:
    """Runs in an average month of an EventBridge expression, `rate(…)` or `cron(…)`; None where it is neither.

    A cron's year is not looked at, and a day of the month that short months lack counts in each.
    """
    if match := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return HOURS_A_MONTH / (int(match[1]) * _IN_HOURS[match[2]])
    match = re.fullmatch(r"cron\((.*)\)", expression)
    fields = match[1].split() if match else []
    if len(fields) != 6:
        return None
    minutes, hours, days, months, weekdays, _ = fields
    a_day = _values(minutes, 0, 59) * _values(hours, 0, 23)
    return a_day * _days(days, weekdays) * Decimal(_values(months, 1, 12, _MONTHS)) / 12


def _days(days: str, weekdays: str) -> Decimal:
    """Days of an average month that a cron names, by their number or by the day of the week."""
    if "*" in (days, weekdays):
        return _DAYS_A_MONTH
    if weekdays == "?":
        return Decimal(_values(days, 1, 31))
    once = [part for part in weekdays.split(",") if re.fullmatch(r"\w+?#\d|\w+L", part)]
    every = [part for part in weekdays.split(",") if part not in once]
    weekly = _values(",".join(every), 1, 7, _WEEKDAYS) if every else 0
    return len(once) + weekly * _WEEKS_A_MONTH


def _values(field: str, low: int, high: int, words: Sequence[str] = ()) -> int:
    """How many values a field of a cron names."""
    return len({value for part in field.split(",") for value in _part(part, low, high, words)})


def _part(part: str, low: int, high: int, words: Sequence[str]) -> set[int | str]:
    """The values of one part: `*`, `5`, `MON-FRI`, `*/15`, `0/15`; `L` and `15W` are one day each."""
    body, slash, step = part.partition("/")
    start, dash, end = body.partition("-")
    if body == "*":
        first, last = low, high
    elif (at := _number(start, low, words)) is None or (dash and _number(end, low, words) is None):
        return {part}
    else:
        first = at
        last = (_number(end, low, words) or high) if dash else (high if slash else at)
    if last < first:  # FRI-MON goes over the end
        return {*range(first, high + 1), *range(low, last + 1)}
    return set(range(first, last + 1, int(step) if slash else 1))


def _number(text: str, low: int, words: Sequence[str]) -> int | None:
    if text.upper() in words:
        return words.index(text.upper()) + low
    return int(text) if text.isdecimal() else None


Templates = Mapping[str, Mapping[str, Any] | None]
"""Templates by the name of their stack; None for a stack that is not there."""

KEY = "kms-key-month"
_HIGH_RESOLUTION_BELOW = 60
"""Seconds of an alarm's period. https://aws.amazon.com/cloudwatch/pricing/"""
_SCALED = "AWS::ApplicationAutoScaling::ScalableTarget"
_SINGLE = {
    "AWS::CloudWatch::Dashboard": ("CloudWatch dashboards", "cloudwatch-dashboard-month"),
    "AWS::KMS::Key": ("KMS keys", KEY),
}
"""Resources that cost the same every month, whatever is done with them."""


@dataclass(frozen=True, slots=True)
class Billable:
    """One billable thing, and how much of it a month has.

    what:     `endpoint bikes-prod`; with kind and name the same before and after a change of the quantity.
    kind, name: where its price stands in the table.
    quantity: units a month; None where it depends on use, and so is in no sum.
    most:     units a month at most, of what depends on use and has a limit.
    count:    instances or resources, for people.
    """

    what: str
    kind: Kind
    name: str
    unit: str
    quantity: Decimal | None
    count: int = 1
    most: Decimal | None = None


def billables(templates: Templates) -> tuple[Billable, ...]:
    """All billable things of some stacks; what depends on nothing but use (storage, requests) is not among them."""
    resources = [
        resource for template in templates.values() if template for resource in template.get("Resources", {}).values()
    ]
    return (
        *_endpoints(resources),
        *_training(resources),
        *_transform(resources),
        *_alarms(resources),
        *_single(resources),
    )


def _endpoints(resources: list[Mapping[str, Any]]) -> Iterator[Billable]:
    """An endpoint's instances, by variant: of one that scales the fewest, and, in no sum, those that may be added.

    A configuration without an endpoint costs nothing.
    """
    endpoints = [one for one in resources if one["Type"] == "AWS::SageMaker::Endpoint"]
    if not endpoints:
        return
    name = endpoints[0]["Properties"].get("EndpointName", "endpoint")
    bounds: Mapping[str, Any] = next((one["Properties"] for one in resources if one["Type"] == _SCALED), {})
    for config in resources:
        if config["Type"] == "AWS::SageMaker::EndpointConfig":
            for variant in config["Properties"].get("ProductionVariants", ()):
                count, kind = int(variant.get("InitialInstanceCount", 0)), variant.get("InstanceType", "")
                count = int(bounds.get("MinCapacity", count))
                what = f"endpoint {name}"
                hours = Decimal(count * HOURS_A_MONTH)
                yield Billable(what, "hosting", kind, "instance hours", hours, count)
                if more := _most_instances(bounds, count) - count:
                    added, hours = f"{what}, added by its load", Decimal(more * HOURS_A_MONTH)
                    yield Billable(added, "hosting", kind, "instance hours", None, more, most=hours)


def _most_instances(bounds: Mapping[str, Any], count: int) -> int:
    """The most that a scalable target allows at any time of its schedule; `count` without one."""
    actions = [one.get("ScalableTargetAction", {}) for one in bounds.get("ScheduledActions", ())]
    return max(int(each.get("MaxCapacity", count)) for each in (bounds, *actions))


def _training(resources: list[Mapping[str, Any]]) -> Iterator[Billable]:
    """Training jobs: by the job, or as often as a schedule starts one, each as long as it may take at the longest."""
    schedules = [
        str(one["Properties"].get("ScheduleExpression", ""))
        for one in resources
        if one["Type"] == "AWS::Scheduler::Schedule"
    ]
    for job in _jobs(resources, "ResourceConfig"):
        instances, longest = job["ResourceConfig"], job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 0)
        kind, count = instances.get("InstanceType", ""), int(instances.get("InstanceCount", 1))
        hours = Decimal(count) * int(longest) / 3600
        for expression in schedules:
            runs = runs_a_month(expression)
            what = f"scheduled training, {expression}"
            yield Billable(what, "training", kind, "instance hours", None if runs is None else runs * hours, count)
        if not schedules:
            what = "a spot training job" if job.get("EnableManagedSpotTraining") else "a training job"
            yield Billable(what, "training", kind, "instance hours", None, count)


def _transform(resources: list[Mapping[str, Any]]) -> Iterator[Billable]:
    """Batch transform jobs: by the job alone, nothing schedules them."""
    for job in _jobs(resources, "TransformResources"):
        instances = job["TransformResources"]
        kind, count = instances.get("InstanceType", ""), int(instances.get("InstanceCount", 1))
        yield Billable("a transform job", "transform", kind, "instance hours", None, count)


def _alarms(resources: list[Mapping[str, Any]]) -> Iterator[Billable]:
    """Alarms, each for as many metrics as it watches; those of short periods at a price of their own."""
    standard = short = 0
    for resource in resources:
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            properties = resource["Properties"]
            watched = [one["MetricStat"] for one in properties.get("Metrics", ()) if "MetricStat" in one]
            periods = [int(one.get("Period", 60)) for one in watched or [properties]]
            if min(periods) < _HIGH_RESOLUTION_BELOW:
                short += len(periods)
            else:
                standard += len(periods)
    for what, name, count in (
        ("CloudWatch alarms", "cloudwatch-alarm-month", standard),
        ("CloudWatch alarms of short periods", "cloudwatch-high-resolution-alarm-month", short),
    ):
        if count:
            yield Billable(what, "services", name, "a month", Decimal(count), count)


def _single(resources: list[Mapping[str, Any]]) -> Iterator[Billable]:
    for kind, (what, name) in _SINGLE.items():
        count = sum(resource["Type"] == kind for resource in resources)
        if count:
            yield Billable(what, "services", name, "a month", Decimal(count), count)


def _definition(text: Any) -> Any:
    """A state machine's definition, with a mark for each part that CloudFormation fills in; None where it is none."""
    if isinstance(text, Mapping) and "Fn::Join" in text:
        text = "".join(part if isinstance(part, str) else "REFERENCE" for part in text["Fn::Join"][1])
    try:
        return parse_json(text)
    except (TypeError, ValueError):
        return None


def _jobs(resources: list[Mapping[str, Any]], member: str) -> Iterator[Mapping[str, Any]]:
    """The requests for jobs in the state machines, by the member that says what they run on."""
    for machine in resources:
        if machine["Type"] == "AWS::StepFunctions::StateMachine":
            job = _job(_definition(machine["Properties"].get("DefinitionString")), member)
            if job is not None:
                yield job


def _job(definition: Any, member: str) -> Mapping[str, Any] | None:
    """The arguments that have this member in a definition, wherever they stand."""
    if isinstance(definition, Mapping):
        if member in definition:
            return definition
        definition = list(definition.values())
    if isinstance(definition, list):
        return next((job for part in definition if (job := _job(part, member)) is not None), None)
    return None
