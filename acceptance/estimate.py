"""About what a run costs, what it can cost at most, and how long it takes: from Kickstand's own table of prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Decimal

from acceptance.project import Plan
from kickstand.aws.prices import Kind, Price, PriceTable

RUN_MINUTES = 80
"""About how long a run takes on AWS: an endpoint of one instance starts in 4 to 8 minutes, a stack of roles and a
bucket in 2, a job in 3; there are six such endpoint deployments."""
LIMIT_MINUTES = 180
"""The longest that steps go on; then what was made is removed."""
CLEANING_MINUTES = 30
"""The longest that the removal takes."""

_FALLBACK_REGION = "us-east-1"
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Work:
    """Instances that are paid by the time: minutes as a rule, and minutes at most."""

    what: str
    kind: Kind
    instance: str
    minutes: int
    most: int


def work(plan: Plan) -> tuple[Work, ...]:
    """What a run pays for. Endpoints are the dearest: they can live as long as the run and its removal."""
    longest = LIMIT_MINUTES + CLEANING_MINUTES
    job = -(-plan.max_runtime_seconds // 60)
    return (
        Work("the endpoint of dev", "hosting", plan.hosting, 55, longest),
        Work("the endpoint of staging", "hosting", plan.hosting, 10, longest),
        Work("two trainings, and one that is stopped", "training", plan.training, 6, 3 * job),
        Work("one batch transform", "transform", plan.training, 5, 60),
    )


@dataclass(frozen=True, slots=True)
class Priced:
    """One kind of work with its price; price None: the table knows none anywhere. of: the region of the price."""

    work: Work
    price: Price | None
    of: str

    def dollars(self, minutes: int) -> Decimal:
        return Decimal(0) if self.price is None else self.price.amount * minutes / 60


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run costs in one region."""

    region: str
    priced: tuple[Priced, ...]

    @property
    def about(self) -> Decimal:
        return _cents(sum((one.dollars(one.work.minutes) for one in self.priced), Decimal(0)))

    @property
    def most(self) -> Decimal:
        return _cents(sum((one.dollars(one.work.most) for one in self.priced), Decimal(0)))

    def sentence(self) -> str:
        return (
            f"This costs about ${self.about}, at most ${self.most}, and takes about {RUN_MINUTES} minutes "
            f"(at most {LIMIT_MINUTES + CLEANING_MINUTES})."
        )

    def lines(self) -> Iterator[str]:
        """What the sum is made of, and what is not in it."""
        for one in self.priced:
            spent = f"{one.work.what}: about {one.work.minutes}, at most {one.work.most} minutes of {one.work.instance}"
            if one.price is None:
                yield f"{spent}, whose price the table does not know: it is not in the sum"
                continue
            elsewhere = "" if one.of == self.region else f", the price of {one.of}: none is known of {self.region}"
            read = f"price of {one.price.read_on.isoformat()}"
            yield f"{spent} at ${one.price.amount.normalize():f} an hour ({read}{elsewhere})"
        yield (
            "not in the sum: two KMS keys (a dollar a month each, by the hour, and nothing once their deletion is "
            "scheduled), S3, logs and requests: together about a cent"
        )


def estimate(plan: Plan, table: PriceTable) -> Estimate:
    """The estimate of a run. A region without a known price takes that of us-east-1, and says so."""
    region = plan.source.region
    return Estimate(region, tuple(_priced(one, region, table) for one in work(plan)))


def _priced(one: Work, region: str, table: PriceTable) -> Priced:
    for place in (region, _FALLBACK_REGION):
        price = table.price(place, one.kind, one.instance)
        if price is not None:
            return Priced(one, price, place)
    return Priced(one, None, region)


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds that one kind of instance ran for."""

    kind: Kind
    instance: str
    seconds: float


def cost(used: Sequence[Used], region: str, table: PriceTable, *, on: date) -> tuple[Decimal, str]:
    """What was used, in dollars, and how that comes about. on: the day, for the age of the prices."""
    total, parts = Decimal(0), []
    for one in used:
        priced = _priced(Work("", one.kind, one.instance, 0, 0), region, table)
        parts.append(f"{one.seconds / 60:.1f} minutes of {one.instance} ({one.kind})")
        if priced.price is not None:
            total += priced.price.amount * Decimal(one.seconds) / 3600
    return _cents(total), f"{', '.join(parts) or 'nothing ran'}, at the prices of the table on {on.isoformat()}"


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_UP)
