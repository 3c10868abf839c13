"""What was spent so far: on a released model's training, the endpoint since it exists, transform jobs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

from kickstand.release import Release
from promotion.cost.headlines import is_old
from promotion.cost.prices import Price, PriceTable

_HOUR = 3600
_PARTS = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Spent:
    """One sum and how it comes about.

    amount: in the table's currency, to the ten thousandth: a short job costs less than a cent. None: no known price.
    """

    what: str
    amount: Decimal | None
    how: str


@dataclass(frozen=True, slots=True)
class Hosted:
    """An endpoint as it is: when it was made (aware), and each variant's instance type and count now."""

    endpoint: str
    created: datetime
    instances: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Transformed:
    """A transform job as it was or is: its instances, and when they began and ended (aware; None while they run)."""

    name: str
    instance_type: str
    instance_count: int
    began: datetime
    ended: datetime | None


def training_spent(release: Release, table: PriceTable, *, as_of: date) -> Spent:
    """Billable seconds of each instance, at the price of the region where the job ran, on demand.

    Spot training is billed fewer seconds, and SageMaker's BillableTimeInSeconds says so already.
    """
    job = release.training_job
    region = job.arn.split(":")[3]
    seconds = f"{job.billable_seconds:,} billable second{'' if job.billable_seconds == 1 else 's'}"
    ran = f"{job.name}: {seconds} on {job.instance_count} x {job.instance_type} in {region}"
    price = table.price(region, "training", job.instance_type)
    if price is None:
        return Spent("training the model", None, f"{ran}; no price of {job.instance_type} is known there")
    amount = price.amount * job.billable_seconds * job.instance_count / _HOUR
    return Spent("training the model", _exact(amount), f"{ran}, {at_price(price, table, as_of)}")


def hosting_spent(hosted: Hosted, region: str, table: PriceTable, *, until: datetime) -> tuple[Spent, ...]:
    """An estimate: the hours since the endpoint was made, as if it had always had the instances that it has now.

    until: aware; an endpoint that was made later has cost nothing.
    """
    hours = Decimal(max((until - hosted.created).total_seconds(), 0)) / _HOUR
    since = f"{hosted.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    found = []
    for kind, count in hosted.instances:
        what = f"hosting {hosted.endpoint} since {since}"
        ran = f"estimate: {hours:,.1f} hours of {count} x {kind} in {region}"
        price = table.price(region, "hosting", kind)
        if price is None:
            found.append(Spent(what, None, f"{ran}; no price of {kind} is known there"))
            continue
        told = at_price(price, table, until.date())
        as_if = "as if the endpoint had always had the instances that it has now"
        found.append(Spent(what, _exact(price.amount * hours * count), f"{ran}, {told}, {as_if}"))
    return tuple(found)


def transform_spent(
    jobs: Sequence[Transformed], region: str, table: PriceTable, *, until: datetime
) -> tuple[Spent, ...]:
    """The time of each instance of the environment's transform jobs, one sum for each type of instance.

    until: aware; jobs that began later have cost nothing, and those that run then have cost what they ran.
    """
    seconds: dict[str, list[float]] = {}
    for job in jobs:
        if job.began <= until:
            ran = (min(job.ended or until, until) - job.began).total_seconds()
            seconds.setdefault(job.instance_type, []).append(ran * job.instance_count)
    found = []
    for kind, each in sorted(seconds.items()):
        several = "1 transform job" if len(each) == 1 else f"{len(each):,} transform jobs"
        told = f"{several}: {sum(each):,.0f} instance seconds of {kind} in {region}"
        price = table.price(region, "transform", kind)
        if price is None:
            found.append(Spent("batch transform", None, f"{told}; no price of {kind} is known there"))
            continue
        amount = _exact(price.amount * Decimal(sum(each)) / _HOUR)
        found.append(Spent("batch transform", amount, f"{told}, {at_price(price, table, until.date())}"))
    return tuple(found)


def together(spent: Sequence[Spent]) -> Decimal:
    """The sum of what has a price."""
    return sum((one.amount for one in spent if one.amount is not None), Decimal(0)).quantize(_PARTS)


def at_price(price: Price, table: PriceTable, as_of: date) -> str:
    """`at 0.23 USD an hour (price of 2026-07-30)`, with its age where it is old."""
    old = f", {(as_of - price.read_on).days} days old" if is_old(price, as_of) else ""
    return f"at {price.amount.normalize():f} {table.currency} an hour (price of {price.read_on.isoformat()}{old})"


def _exact(amount: Decimal) -> Decimal:
    return amount.quantize(_PARTS, ROUND_HALF_UP)
