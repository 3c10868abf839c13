"""How an endpoint is operated: how an update takes its traffic, how it scales, its alarms, what is captured, its end.

The tables `[hosting.update]`, `[hosting.alarms]`, `[hosting.scaling]`, `[hosting.capture]` and `[alerts]`, and what
they come to where a setting is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from kickstand.config.values import Settings, Window

Strategy = Literal["all-at-once", "canary", "linear", "rolling"]

WAIT_SECONDS = 300
"""Between two steps, and at the end. Metrics reach CloudWatch two to three minutes late, so a shorter one proves
little."""
LAUNCH_SECONDS = 1800
"""Allowed for the instances to start, beside all waits."""
SHORTEST_SECONDS, LONGEST_SECONDS = 600, 28_800
"""Of a whole deployment: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_BlueGreenUpdatePolicy.html"""
LONGEST_MONITORING_MINUTES = 180
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html"""
_MONITORING_MINUTES = 5
"""As long as a wait, and for the same reason."""
MOST_PERCENT = 50
"""Of the instances in one step: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html"""
LEAST_PERCENT = {"linear": 10, "rolling": 5}
"""Likewise; a canary may be smaller: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html"""


class Update(Settings):
    """`[hosting.update]`: how a new configuration of the endpoint takes the traffic."""

    strategy: Strategy | None = None
    """Unset: `canary` on two instances or more, else `all-at-once`."""
    step_instances: int | None = None
    """Instances of the canary, of a linear step or of a rolling batch. Unset: a tenth of them for a canary, a quarter
    else; one at least."""
    step_percent: int | None = None
    """The same as a share of the instances, per cent."""
    wait_seconds: int | None = None
    """After each step, while the alarms count. Unset: 300; in dev 0."""
    bake_seconds: int | None = None
    """At the end, with all traffic on the new instances and the old ones still there. Unset: 300; in dev 0."""
    max_seconds: int | None = None
    """Longest time of the whole update. Unset: all waits and 30 minutes."""
    monitoring_minutes: int | None = None
    """How long CloudFormation watches the alarms on the whole variant after everything is updated: one in ALARM takes
    back all that the deployment changed in the hosting stack. Unset: 5; in dev 0."""


class Alarms(Settings):
    """`[hosting.alarms]`: the limits of the endpoint's alarms."""

    max_5xx_rate: float = 0.01
    """Share of requests that the model answers with a 5xx status. Above it an update is rolled back."""
    max_model_error_rate: float = 0.05
    """Share of requests that the model does not answer with a 2xx status, those that it refuses (4xx) among them.
    Above it an update is rolled back."""
    max_p99_ms: float | None = None
    """Longest latency of the model at the 99th percentile, milliseconds; above it an update is rolled back. Unset:
    three times what the latency gate measured when the release was promoted, 100 at least; else 1,000."""
    period_seconds: int = 60
    """Of one data point of the alarms that roll back."""
    periods: int = 3
    """How many of the last data points count there."""
    periods_over: int = 2
    """How many of those must be above the limit."""
    max_4xx_rate: float = 0.1
    """Share of requests that the model refuses."""
    max_overhead_ms: float = 500
    """What SageMaker adds to a request on average, milliseconds."""
    max_cpu_percent: float = 90
    """Of all processors of an instance together."""
    max_memory_percent: float = 85
    max_disk_percent: float = 75
    """SageMaker stops capturing data on a fuller disk."""


class Capture(Settings):
    """`[hosting.capture]`: which requests to the endpoint are stored in the environment's bucket, and for how long."""

    enabled: bool | None = None
    """Unset: `Environment.captures`."""
    percent: int = 100
    """Share of the requests that are stored, chosen by chance."""
    request: bool = True
    response: bool = True
    """Whether what was sent, and what was answered, is stored."""
    days: int = 90
    """Until what was stored is deleted; by the stack's own bucket alone."""
    prefix: str = "capture"
    """Of the keys, without the slash at its end; the model's digest follows it."""
    kms_key_arn: str | None = None
    """Unset: `[storage] kms_key_arn`."""


class Alerts(Settings):
    """`[alerts]`: where alarms go. Both unset: alarms have no actions."""

    emails: tuple[str, ...] = ()
    """Addresses that a topic of the stack sends to, once each has confirmed."""
    topic_arn: str | None = None
    """An SNS topic that the organisation has, in the environment's account and region."""


COOLDOWN_SECONDS = 300
"""Application Auto Scaling's own:
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html"""
SCHEDULED = re.compile(r"((?:at|rate|cron)\(.*\)) *: *(\d{1,9}) to (\d{1,9})", re.ASCII)
"""An item of `schedule`: expression, minimum, maximum."""


class Scaling(Settings):
    """`[hosting.scaling]`: instances added and removed by load. Without `maximum` nothing scales."""

    minimum: int | None = None
    """Fewest instances. Unset: `instance_count` of `[hosting]`."""
    maximum: int | None = None
    """Most instances. Unset: the endpoint has `instance_count` of them, always."""
    invocations_per_minute: int | None = None
    """Target: requests that one instance answers in a minute, on average."""
    concurrent_requests: int | None = None
    """Target in its place: requests that one instance works on and queues at the same time."""
    scale_out_cooldown_seconds: int = COOLDOWN_SECONDS
    """After instances were added, before more are added on account of the same load."""
    scale_in_cooldown_seconds: int = COOLDOWN_SECONDS
    """After instances were removed, before others are."""
    scale_in: bool = True
    """Whether instances are removed again at all."""
    schedule: tuple[str, ...] = ()
    """Other bounds from a time on: `cron(0 7 ? * MON-FRI *): 4 to 10`."""
    timezone: str = "UTC"
    """Of `schedule`, by its IANA name, `Europe/Berlin`."""


WARNING_SECONDS = 1800
"""Between the notice that the endpoint of an environment stops and its end."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When the endpoint of an environment stops by itself; None for a reason that was not chosen.

    expires: seconds after its last deployment. idle: seconds without an invocation. awake: whose ends stop it.
    """

    expires: int | None
    idle: int | None
    awake: Window | None

    @property
    def watched(self) -> bool:
        """Whether something has to follow the endpoint from its deployment on."""
        return self.expires is not None or self.idle is not None


@dataclass(frozen=True, slots=True)
class InstanceRange:
    """The instances of an endpoint: how many it starts with, has at least and at most."""

    first: int
    least: int
    most: int


class ScheduledBounds(NamedTuple):
    """Bounds that are set at a time. expression: EventBridge's `at(…)`, `rate(…)` or `cron(…)`."""

    expression: str
    minimum: int
    maximum: int


def instance_range(scaling: Scaling, instance_count: int, *, written: bool) -> InstanceRange:
    """What `[hosting]` and `[hosting.scaling]` come to.

    written: whether the file has an `instance_count`; without it a scaled endpoint starts with its minimum.
    """
    if scaling.maximum is None:
        return InstanceRange(instance_count, instance_count, instance_count)
    least = instance_count if scaling.minimum is None else scaling.minimum
    return InstanceRange(instance_count if written else least, least, scaling.maximum)


def scheduled_bounds(scaling: Scaling) -> tuple[ScheduledBounds, ...]:
    """The items of `schedule`, in their order; one that is not well-formed is left out."""
    found = (SCHEDULED.fullmatch(item) for item in scaling.schedule)
    return tuple(ScheduledBounds(one[1], int(one[2]), int(one[3])) for one in found if one)


def instance_bounds(scaling: Scaling, instances: InstanceRange) -> tuple[int, int]:
    """Fewest and most instances that there may be at any time: `schedule` may go beyond the other bounds."""
    scheduled = scheduled_bounds(scaling)
    least = min([instances.least, *(one.minimum for one in scheduled)])
    return least, max([instances.most, *(one.maximum for one in scheduled)])


@dataclass(frozen=True, slots=True)
class TrafficShift:
    """One update of an endpoint, with nothing left open."""

    strategy: Strategy
    instances: int
    """Of the variant, at least."""
    most: int
    """At most, where it scales: a step is of as many as there are."""
    step_instances: int | None
    """One of the two, except for all-at-once."""
    step_percent: int | None
    wait_seconds: int
    bake_seconds: int
    max_seconds: int
    monitoring_minutes: int
    """Of CloudFormation, after the update."""

    @property
    def step_share(self) -> float:
        """A step as a share of the instances."""
        if self.step_percent is not None:
            return self.step_percent / 100
        return (self.step_instances or self.instances) / self.instances

    @property
    def steps(self) -> int:
        """How many steps take the traffic from nothing to all."""
        if self.strategy == "all-at-once":
            return 1
        return 2 if self.strategy == "canary" else -int(-1 // self.step_share)

    @property
    def waits_seconds(self) -> int:
        """All waits together, the last bake among them."""
        if self.strategy == "rolling":
            return self.steps * self.wait_seconds
        return (self.steps - 1) * self.wait_seconds + self.bake_seconds


def traffic_shift(update: Update, *, instances: int, waits: bool, most: int = 0) -> TrafficShift:
    """What `[hosting.update]` comes to for so many instances.

    most:  to which number they scale; 0: they do not.
    waits: whether one that is left out is of 300 seconds, as is CloudFormation's monitoring time.
    """
    strategy: Strategy = update.strategy or ("canary" if instances >= 2 else "all-at-once")
    at_once, default = strategy == "all-at-once", WAIT_SECONDS if waits else 0
    wait = default if update.wait_seconds is None else update.wait_seconds
    bake = default if update.bake_seconds is None else update.bake_seconds
    minutes = update.monitoring_minutes
    step, percent = update.step_instances, update.step_percent
    if step is None and percent is None:
        if strategy == "canary":
            step = -(-instances // 10)
        elif most <= instances:
            step = -(-instances // 4)
        else:
            # In instances it would be too small a share of those that there are later.
            percent = 25 if instances >= 4 else MOST_PERCENT
    shift = TrafficShift(
        strategy=strategy,
        instances=instances,
        most=max(instances, most),
        step_instances=None if at_once else step,
        step_percent=None if at_once else percent,
        wait_seconds=0 if at_once else wait,
        bake_seconds=0 if strategy == "rolling" else bake,
        max_seconds=update.max_seconds or 0,
        monitoring_minutes=(_MONITORING_MINUTES if waits else 0) if minutes is None else minutes,
    )
    if update.max_seconds is not None:
        return shift
    longest = min(LONGEST_SECONDS, max(SHORTEST_SECONDS, shift.waits_seconds + LAUNCH_SECONDS))
    return replace(shift, max_seconds=longest)
