"""What was spent so far: on the training of a released model, and on the endpoint since it exists. Pure."""

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


def together(spent: Sequence[Spent]) -> Decimal:
    """The sum of what has a price."""
    return sum((one.amount for one in spent if one.amount is not None), Decimal(0)).quantize(_PARTS)


def at_price(price: Price, table: PriceTable, as_of: date) -> str:
    """`at 0.23 USD an hour (price of 2026-07-30)`, with its age where it is old."""
    old = f", {(as_of - price.read_on).days} days old" if is_old(price, as_of) else ""
    return f"at {price.amount.normalize():f} {table.currency} an hour (price of {price.read_on.isoformat()}{old})"


def _exact(amount: Decimal) -> Decimal:
    return amount.quantize(_PARTS, ROUND_HALF_UP)
