"""The cost part of a review: what a month costs before and after a deployment, line by line, and headlines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from kickstand.aws.prices import Price, PriceTable, price_table
from kickstand.config.model import Environment
from review.cost.billable import KEY, Billable, Templates, billables
from review.reports import CostLine, CostReport, Headline

OLD_DAYS = 180
"""Prices that are older are said to be."""


def cost_headlines(
    before: Decimal,
    after: Decimal,
    lines: Sequence[CostLine],
    unknown: Sequence[str],
    used: Sequence[Price],
    *,
    as_of: date,
    currency: str,
) -> tuple[Headline, ...]:
    """What changes, what has no price, and which prices in the sums are old.

    used: the prices in the sums.
    """
    found = [_change(before, after, lines, currency)]
    if unknown:
        sentence = f"No price is known for {', '.join(unknown)}: the sums are without it."
        found.append(Headline(level="warning", sentence=sentence))
    old = sorted({(price.read_on, price.name) for price in used if is_old(price, as_of)})
    if old:
        names = ", ".join(sorted({name for _, name in old}))
        oldest = old[0][0]
        age = (as_of - oldest).days
        sentence = (
            f"Prices are older than {OLD_DAYS} days ({names}; the oldest of {oldest.isoformat()}, {age} days ago)."
        )
        found.append(Headline(level="warning", sentence=sentence))
    return tuple(found)


def is_old(price: Price, as_of: date) -> bool:
    return (as_of - price.read_on).days > OLD_DAYS


def _change(before: Decimal, after: Decimal, lines: Sequence[CostLine], currency: str) -> Headline:
    if before == after:
        return Headline(level="note", sentence=f"Costs {after:,.2f} {currency} a month, as before.")
    changed = [line.what for line in lines if line.before != line.after]
    more = after > before
    sentence = (
        f"Costs {abs(after - before):,.2f} {currency} a month {'more' if more else 'less'}: "
        f"{after:,.2f} instead of {before:,.2f} ({', '.join(changed)})."
    )
    return Headline(level="warning" if more else "note", sentence=sentence)


_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Item:
    """One line with its exact amounts. price: None where none is known."""

    before: Billable | None
    after: Billable | None
    price: Price | None

    @property
    def thing(self) -> Billable:
        """What it is about: as it will be, or as it is where it goes."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def label(self) -> str:
        """`endpoint bikes-prod: 2 x ml.m5.large`"""
        thing = self.thing
        return f"{thing.what}: {thing.count} x {thing.name}" if thing.kind != "services" else thing.what

    def amount(self, side: Billable | None) -> Decimal | None:
        """USD a month; None where it is there and has no price."""
        if side is None:
            return Decimal(0)
        if self.price is None:
            return None
        return (side.quantity or Decimal(0)) * self.price.amount


def cost_report(
    live: Templates, planned: Templates, environment: Environment, *, as_of: date, table: PriceTable | None = None
) -> CostReport:
    """What the environment's stacks cost a month now and after the deployment.

    live, planned: templates by stack, None for one that is not there.
    as_of:  the day that the age of a price is counted to.
    table:  default: the repository's.
    """
    table = table or price_table()
    items = _items(billables(live), billables(planned), environment.region, table)
    before, after = (_total(item.amount(side(item)) for item in items) for side in (_before, _after))
    used = tuple(item.price for item in items if item.price is not None and item.thing.quantity is not None)
    unknown = _unknown(items, environment.region)
    lines = tuple(_line(item) for item in items)
    return CostReport(
        currency=table.currency,
        # Of the oldest price that is in a sum.
        priced_on=min((price.read_on for price in used), default=table.priced_on).isoformat(),
        lines=lines,
        before=float(before),
        after=float(after),
        unknown=unknown,
        assumptions=_assumptions(items, environment.region, table, as_of),
        headlines=(
            *_limit_headlines(most_cost(planned, environment, table), environment),
            *cost_headlines(before, after, lines, unknown, used, as_of=as_of, currency=table.currency),
        ),
    )


@dataclass(frozen=True, slots=True)
class MostCost:
    """What a month can cost at most: an endpoint that scales with the most instances that it may have.

    parts: what is in the total, each with its amount. unknown: what has no price, and so is not in it.
    """

    total: Decimal
    parts: tuple[tuple[str, Decimal], ...]
    unknown: tuple[str, ...]


def most_cost(planned: Templates, environment: Environment, table: PriceTable | None = None) -> MostCost:
    """Of stacks as they are to be. planned: templates by stack. table: default: the repository's."""
    items = _items((), billables(planned), environment.region, table or price_table())
    amounts = [(item.label, (item.thing.quantity or item.thing.most or Decimal(0)), item.price) for item in items]
    parts = tuple((label, _cents(many * price.amount)) for label, many, price in amounts if price and many)
    total = _total(many * price.amount for _, many, price in amounts if price)
    return MostCost(total, parts, _unknown(items, environment.region))


def _limit_headlines(most: MostCost, environment: Environment) -> tuple[Headline, ...]:
    """A danger where a month can cost more than the environment may, or nobody knows: it is not deployed then."""
    limit = environment.max_monthly_usd
    if limit is None:
        return ()
    if float(most.total) > limit:
        sentence = (
            f"Can cost {most.total:,.2f} USD a month, more than max_monthly_usd = {limit:g}: it cannot be deployed."
        )
        return (Headline(level="danger", sentence=sentence),)
    if most.unknown:
        sentence = (
            f"Whether max_monthly_usd = {limit:g} is kept is not known, without every price: it cannot be deployed."
        )
        return (Headline(level="danger", sentence=sentence),)
    return ()


_KINDS: Mapping[str, str] = {
    "hosting": "hosting",
    "training": "training",
    "transform": "transform",
    "services": "service",
}


def _unknown(items: Sequence[Item], region: str) -> tuple[str, ...]:
    """What has no price."""
    return tuple(
        f"{item.thing.name or item.label} ({_KINDS[item.thing.kind]}) in {region}"
        for item in items
        if item.price is None
    )


def _before(item: Item) -> Billable | None:
    return item.before


def _after(item: Item) -> Billable | None:
    return item.after


def _items(live: Sequence[Billable], planned: Sequence[Billable], region: str, table: PriceTable) -> tuple[Item, ...]:
    """A line for each thing that is there before or after, in the order of the templates, what goes last."""

    def key(thing: Billable) -> tuple[str, str, str]:
        return thing.what, thing.kind, thing.name

    now, then = {key(thing): thing for thing in live}, {key(thing): thing for thing in planned}
    return tuple(
        Item(now.get(one), then.get(one), table.price(region, (then.get(one) or now[one]).kind, one[2]))
        for one in {**then, **now}
    )


def _line(item: Item) -> CostLine:
    thing, price = item.thing, item.price
    before, after = item.amount(item.before), item.amount(item.after)
    per = "an hour" if thing.kind != "services" else "a month"
    return CostLine(
        what=item.label,
        quantity=f"{_number(thing.quantity)} {thing.unit}" if thing.quantity is not None else "by use, in no sum",
        unit_price=f"{price.amount.normalize():f} USD {per}" if price is not None else "",
        before=None if before is None else float(_cents(before)),
        after=None if after is None else float(_cents(after)),
    )


def _assumptions(items: Sequence[Item], region: str, table: PriceTable, as_of: date) -> tuple[str, ...]:
    """What the sums rest on, and what is not in them."""
    kinds = {item.thing.kind for item in items}
    scheduled = any(item.thing.kind == "training" and item.thing.quantity is not None for item in items)
    by_the_job = any(item.thing.kind == "training" and item.thing.quantity is None for item in items)
    spot = any("spot" in item.thing.what for item in items)
    said = ["Prices are on demand: without savings plans, free tier, discounts of one's own or taxes."]
    if "hosting" in kinds:
        said.append(
            "A month has 730 hours, and an endpoint's instances run for all of them, as many as the template says."
        )
    if any(item.thing.kind == "hosting" and item.thing.quantity is None for item in items):
        said.append("An endpoint that scales is counted with its fewest instances; what its load adds is in no sum.")
    if scheduled:
        said.append("Scheduled training jobs are counted at the longest that they may run, and at the price on demand.")
    if by_the_job:
        said.append("Training that people or new data start is paid by the job, and is in no sum.")
    if spot:
        said.append("Spot training is shown at the price on demand, which it never exceeds: fewer seconds are billed.")
    if "transform" in kinds:
        said.append("Batch transform is paid by the job, and is in no sum.")
    if any(item.thing.name == KEY for item in items):
        said.append(
            "A KMS key costs as much again after each of its first two rotations: with a rotation a year, three times "
            "its price from the third year on."
        )
    stored = table.price(region, "services", "s3-gb-month")
    rate = f" (S3: {stored.amount.normalize():f} USD for a GB and month)" if stored is not None else ""
    said.append(
        f"What depends on use alone is in no sum: stored data{rate}, logs, requests to the endpoint, S3 and KMS, "
        "messages of SNS and SQS, steps of the state machine, disks of instances."
    )
    said += sorted({_source(item.price, as_of) for item in items if item.price is not None})
    return tuple(said)


def _source(price: Price, as_of: date) -> str:
    old = f", {(as_of - price.read_on).days} days ago" if is_old(price, as_of) else ""
    return f"{price.name} ({_KINDS[price.kind]}): price of {price.read_on.isoformat()}{old}. {price.source}"


def _total(amounts: Iterable[Decimal | None]) -> Decimal:
    return _cents(sum((amount for amount in amounts if amount is not None), Decimal(0)))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _number(quantity: Decimal) -> str:
    """`1,460`; one decimal where it is no whole number."""
    whole = quantity == quantity.to_integral_value()
    return f"{quantity:,.0f}" if whole else f"{quantity:,.1f}"
