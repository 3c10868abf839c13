"""What it cost to train a released model."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from kickstand.release import Release
from promotion.cost.prices import PriceTable

_HOUR = 3600


def training_cost(release: Release, table: PriceTable, *, as_of: date) -> str:
    """A sentence: billable seconds of each instance, at the price of the region where the job ran, on demand.

    Spot training is billed fewer seconds, and SageMaker's BillableTimeInSeconds says so already.
    """
    job = release.training_job
    region = job.arn.split(":")[3]
    ran = f"{job.billable_seconds:,} billable seconds on {job.instance_count} x {job.instance_type} in {region}"
    price = table.price(region, "training", job.instance_type)
    if price is None:
        return f"The training job {job.name}: {ran}; no price of {job.instance_type} is known there."
    amount = price.amount * job.billable_seconds * job.instance_count / _HOUR
    cents = amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)
    age = (as_of - price.read_on).days
    return (
        f"The training job {job.name}: {cents} {table.currency} for {ran}, at {price.amount.normalize():f} an hour "
        f"(price of {price.read_on.isoformat()}, {age} days old)."
    )
