"""What was spent so far: on a released model's training, the endpoint since it exists, and transform jobs.

SageMaker describes what the endpoint and the jobs ran on; the sums are shown for a terminal and for a program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from kickstand.aws.deployed import find_endpoint
from kickstand.aws.errors import explained
from kickstand.aws.prices import Price, PriceTable, price_table
from kickstand.release.model import Release
from kickstand.text import COLUMNS, wrapped
from review.cost.report import is_old
from review.reports import CostReport

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from kickstand.workspace import Workspace

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
        message = at_price(price, table, until.date())
        as_if = "as if the endpoint had always had the instances that it has now"
        found.append(Spent(what, _exact(price.amount * hours * count), f"{ran}, {message}, {as_if}"))
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
        message = f"{several}: {sum(each):,.0f} instance seconds of {kind} in {region}"
        price = table.price(region, "transform", kind)
        if price is None:
            found.append(Spent("batch transform", None, f"{message}; no price of {kind} is known there"))
            continue
        amount = _exact(price.amount * Decimal(sum(each)) / _HOUR)
        found.append(Spent("batch transform", amount, f"{message}, {at_price(price, table, until.date())}"))
    return tuple(found)


def traffic_cost(
    hosted: Hosted, region: str, table: PriceTable, *, seconds: float, sent: int, answered: int, as_of: date
) -> tuple[Spent, ...]:
    """What requests to an endpoint will cost: its instances for that time, and the data that it processes.

    seconds: how long they are sent. sent, answered: bytes of all requests, and of all answers, about.
    """
    hours, found = Decimal(seconds) / _HOUR, []
    for kind, count in hosted.instances:
        what, ran = f"{count} x {kind}, which are billed with and without requests", f"{seconds:,.0f} s in {region}"
        price = table.price(region, "hosting", kind)
        if price is None:
            found.append(Spent(what, None, f"{ran}; no price of {kind} is known there"))
        else:
            amount = _exact(price.amount * hours * count)
            found.append(Spent(what, amount, f"{ran}, {at_price(price, table, as_of)}"))
    gigabytes = Decimal(sent + answered) / 10**9
    what, size = "data processed", f"about {gigabytes:,.4f} GB in and out"
    price = table.price(region, "services", "endpoint-data-gb")
    if price is None:
        found.append(Spent(what, None, f"{size}; no price of a GB is known in {region}"))
    else:
        at = at_price(price, table, as_of).replace("an hour", "a GB", 1)
        found.append(Spent(what, _exact(price.amount * gigabytes), f"{size}, {at}"))
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


def hosted_endpoint(sagemaker: SageMakerClient, endpoint: str) -> Hosted | None:
    """The endpoint; None where there is none. KickstandError: AWS does not tell."""
    with explained(f"asking about the endpoint {endpoint}"):
        found = find_endpoint(sagemaker, endpoint)
        if found is None:
            return None
        config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    running = {one["VariantName"]: one.get("CurrentInstanceCount") for one in found.get("ProductionVariants", ())}
    instances = tuple(
        (str(one.get("InstanceType", "")), int(running.get(one["VariantName"]) or one.get("InitialInstanceCount", 0)))
        for one in config["ProductionVariants"]
    )
    return Hosted(endpoint, found["CreationTime"], instances)


_PAGE = 100
"""Jobs of an answer, the most that SageMaker gives; without it they are ten."""
MOST = 200
"""Jobs that are looked at: SageMaker is asked about each, and answers a few a second."""


def transformed_jobs(sagemaker: SageMakerClient, prefix: str, most: int = MOST) -> tuple[list[Transformed], int]:
    """The newest jobs whose instances have begun, and how many older jobs were not looked at.

    prefix: how the environment's jobs are named, `bikes-prod`. most: jobs that are looked at. KickstandError: AWS does
    not tell.
    """
    found: list[Transformed] = []
    with explained("asking about transform jobs"):
        pages = sagemaker.get_paginator("list_transform_jobs").paginate(
            NameContains=f"{prefix}-",
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"PageSize": _PAGE},
        )
        names = [one["TransformJobName"] for page in pages for one in page["TransformJobSummaries"]]
        names = [name for name in names if name.startswith(f"{prefix}-")]
        for name in names[:most]:
            job = sagemaker.describe_transform_job(TransformJobName=name)
            if "TransformStartTime" in job:
                resources = job["TransformResources"]
                found.append(
                    Transformed(
                        name,
                        resources["InstanceType"],
                        int(resources["InstanceCount"]),
                        job["TransformStartTime"],
                        job.get("TransformEndTime"),
                    )
                )
    return found, max(0, len(names) - most)


def spent_so_far(workspace: Workspace, until: datetime, most: int = MOST) -> list[Spent]:
    """The released model's training, the endpoint since it exists, and transform jobs; less where there are none.

    until: aware. most: transform jobs that are looked at. KickstandError: the release is wrong, or AWS does not tell.
    """
    table, spent = price_table(), []
    release = workspace.release_or_none()
    if release is not None:
        spent.append(training_spent(release, table, as_of=until.date()))
    sagemaker, region = workspace.session.client("sagemaker"), workspace.environment.region
    hosted = hosted_endpoint(sagemaker, workspace.names.endpoint)
    if hosted is not None:
        spent += hosting_spent(hosted, region, table, until=until)
    jobs, older = transformed_jobs(sagemaker, workspace.names.prefix, most)
    spent += transform_spent(jobs, region, table, until=until)
    if older:
        spent.append(Spent("batch transform", None, f"{older:,} older transform jobs, which were not looked at"))
    return spent


_AMOUNT = 12


def cost_lines(name: str, report: CostReport, spent: Sequence[Spent], until: datetime) -> Iterator[str]:
    """The answer first, then what it is made of. name: the environment's, `bikes-prod`."""
    sofar, month, currency = together(spent), report.after, report.currency
    yield f"{name} costs {month:,.2f} {currency} a month, and has cost about {sofar:,.2f} {currency} so far."
    if report.unknown or any(one.amount is None for one in spent):
        yield "What has no known price is in neither sum."
    yield ""
    yield _line(f"So far, until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC", currency, indent=0)
    for one in spent:
        yield _line(one.what, "no price" if one.amount is None else f"{one.amount:,.4f}")
        yield from wrapped(one.how, indent=4)
    yield _line("together", f"{sofar:,.4f}")
    yield ""
    yield _line("A month, as it is deployed", currency, indent=0)
    for line in report.lines:
        by_use = line.quantity.startswith("by use")
        yield _line(line.what, "no price" if line.after is None else "by use" if by_use else f"{line.after:,.2f}")
        priced = f"{', ' if by_use else ' at '}{line.unit_price}" if line.unit_price else ""
        yield from wrapped(f"{line.quantity}{priced}", indent=4)
    yield _line("together", f"{month:,.2f}")
    yield ""
    for sentence in (*(f"No known price: {one}." for one in report.unknown), *report.assumptions):
        yield from wrapped(sentence, indent=0)


def cost_fields(name: str, report: CostReport, spent: Sequence[Spent], until: datetime) -> dict[str, Any]:
    """JSON: sums as decimal text where they are exact, null where no price is known."""
    return {
        "environment": name,
        "currency": report.currency,
        "until": f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "so_far": [
            {"what": one.what, "amount": None if one.amount is None else str(one.amount), "how": one.how}
            for one in spent
        ],
        "so_far_together": str(together(spent)),
        "month": [
            {"what": one.what, "quantity": one.quantity, "unit_price": one.unit_price, "amount": one.after}
            for one in report.lines
        ],
        "month_together": report.after,
        "unknown": list(report.unknown),
        "assumptions": list(report.assumptions),
    }


def _line(what: str, amount: str, *, indent: int = 2) -> str:
    return f"{' ' * indent}{what:<{COLUMNS - _AMOUNT - indent}}{amount:>{_AMOUNT}}"
