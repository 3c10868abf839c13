"""What a training job can cost at most, and the limit of it, `max_job_usd`."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal

from kickstand.aws.prices import PriceTable, price_table
from kickstand.config.model import Environment
from kickstand.errors import InputError, Problem

_CENT = Decimal("0.01")


def require_job_price(environment: Environment, *, table: PriceTable | None = None) -> None:
    """Raise InputError where a training job of the environment can cost more than it may, or nobody knows what.

    That is all its instances for the longest runtime, at the price on demand; spot capacity costs less.
    table: default: the repository's.
    """
    training, limit = environment.training, environment.training.max_job_usd
    if limit is None:
        return
    where = environment.where("training.max_job_usd")
    price = (table or price_table()).price(environment.region, "training", training.instance_type)
    if price is None:
        message = (
            f"What a training job costs cannot be compared with max_job_usd = {limit:g}: no price is known for "
            f"{training.instance_type} (training) in {environment.region}. No job was started."
        )
        fix = "Add the prices of the region (docs/review-cost-and-policy.md), or take max_job_usd out."
        raise InputError(Problem(message, where, fix))
    most = price.amount * training.most_instance_seconds / 3600
    if most <= Decimal(str(limit)):
        return
    message = (
        f"A training job can cost {most.quantize(_CENT, ROUND_UP):,} USD, more than max_job_usd = {limit:g}: "
        f"{training.most_instance_seconds / 3600:,.4g} instance hours at the longest ({training.instance_count} x "
        f"{training.instance_type}), at {price.amount.normalize():f} USD an hour "
        f"({price.read_on.isoformat()}). No job was started."
    )
    fix = "Lower the longest runtime, use fewer or cheaper instances, or raise max_job_usd."
    raise InputError(Problem(message, where, fix))
