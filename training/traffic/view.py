"""How traffic is shown: a line while it is sent, then tables, sentences, and fields for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kickstand.errors import Problem
from training.traffic.figures import PERCENTILES, Figures
from training.traffic.runs import FAILS, SENDER, Search

if TYPE_CHECKING:
    from rich.table import Table

_MOST_KINDS = 3
"""Kinds of errors in a line."""


def progress_line(figures: Figures) -> str:
    """How a run goes: `1,200 of 6,000 at 200/s   p50 2.1 p99 4.8 ms   failed 3 (ModelError 500: 3)`."""
    kinds = _kinds(figures)
    return (
        f"{figures.sent:,} of {figures.plan.count:,} at {figures.plan.rate:g}/s   p50 {figures.latency(50):.1f} "
        f"p99 {figures.latency(99):.1f} ms   failed {figures.failures:,}{f' ({kinds})' if kinds else ''}"
    )


def _kinds(figures: Figures) -> str:
    return ", ".join(f"{kind}: {count:,}" for kind, count in figures.errors.most_common(_MOST_KINDS))


def run_table(figures: Figures, endpoint: str) -> Table:
    """All figures of a run."""
    table = _table(endpoint, "", "")
    table.add_row("requests", f"{figures.sent:,} of {figures.plan.count:,} planned")
    table.add_row("rate", f"{figures.rate:,.1f} a second of {figures.plan.rate:g} planned")
    table.add_row("answered", f"{figures.sent - figures.failures:,} ({figures.throughput:,.1f} a second)")
    table.add_row("failed", f"{figures.failures:,}")
    for kind, count in figures.errors.most_common():
        table.add_row(f"  {kind}", f"{count:,}")
    for percentile in PERCENTILES:
        table.add_row(f"latency p{percentile:g}", f"{figures.latency(percentile):,.2f} ms")
    table.add_row("latency, highest", f"{figures.latency(100):,.2f} ms")
    table.add_row("late at this machine, p99", f"{figures.lag(99):,.2f} ms")
    for variant, count in figures.variants.most_common():
        table.add_row(f"by the variant {variant}", f"{count:,}")
    for model, words in (("released", "as the release says"), ("another", "of another model")):
        if figures.models:
            table.add_row(f"golden rows, {words}", f"{figures.models[model]:,}")
    return table


def search_table(search: Search, endpoint: str) -> Table:
    """The runs of a search, in their order."""
    table = _table(endpoint, "a second", "p50 ms", "p99 ms", "failed", "")
    for step in search.steps:
        figures = step.figures
        cells = (f"{figures.latency(50):,.1f}", f"{figures.latency(99):,.1f}", f"{figures.failures:,}")
        table.add_row(f"{figures.plan.rate:,.1f}", *cells, step.verdict)
    return table


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=any(columns))
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place or columns[0] else "left")
    return table


def run_sentences(figures: Figures) -> Iterator[str]:
    """What must be known to read the figures of a run."""
    if figures.sender_was_late:
        yield (
            f"This machine was late by {figures.lag(99):,.1f} ms (p99), which is part of the latencies: send less, or "
            "from a machine with more to spare."
        )
    if figures.models["another"]:
        golden = figures.models.total()
        yield f"{figures.models['another']:,} of {golden:,} golden rows had another answer than the release's."


def search_sentences(search: Search, instances: int) -> Iterator[str]:
    """What a search has found. instances: of the endpoint."""
    if not search.rate:
        return
    each = search.rate / max(instances, 1)
    yield (
        f"{search.rate:,.1f} requests a second within {search.limit:g} ms (p99) on {instances} "
        f"instance{'' if instances == 1 else 's'}: one bears {each:,.1f} a second, {each * 60:,.0f} a minute."
    )
    if search.ended_early:
        yield "The search ended at its highest rate: the endpoint may bear more."
    if any(step.verdict == SENDER for step in search.steps):
        yield "This machine could not send faster: the endpoint may bear more."
    if target := scaling_target(each):
        yield f"As a target of [hosting.scaling], half of what one bears: invocations_per_minute = {target}"


_SAFETY = 0.5
"""AWS's own factor to begin with: an instance takes minutes to start, and the load grows meanwhile.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html"""


def scaling_target(each: float) -> int:
    """The target of autoscaling for what one instance bears, requests a second; in requests a minute."""
    return int(each * 60 * _SAFETY)


def search_fields(search: Search, endpoint: str, instances: int) -> dict[str, Any]:
    """The same for programs."""
    each = search.rate / max(instances, 1)
    return {
        "endpoint": endpoint,
        "limit_ms": search.limit,
        "instances": instances,
        "requests_a_second": search.rate,
        "requests_a_second_an_instance": round(each, 3),
        "requests_a_minute_an_instance": round(each * 60, 1),
        "invocations_per_minute": scaling_target(each),
        "steps": [{"verdict": step.verdict, **step.figures.fields()} for step in search.steps],
    }


def run_problem(figures: Figures, endpoint: str) -> Problem | None:
    """That requests failed; None where none did."""
    if not figures.failures:
        return None
    message = f"{figures.failures:,} of {figures.sent:,} requests failed: {_kinds(figures)}."
    fix = f"What the container says is in the log group /aws/sagemaker/Endpoints/{endpoint}."
    return Problem(message, f"endpoint {endpoint}", fix)


def search_problem(search: Search, endpoint: str) -> Problem | None:
    """That not even the first rate holds; None where it does."""
    if search.rate:
        return None
    first = search.steps[0]
    if first.verdict == FAILS:
        return run_problem(first.figures, endpoint)
    message = (
        f"At the first rate, {first.figures.plan.rate:g} a second, p99 is {first.figures.latency(99):,.1f} ms; "
        f"the limit is {search.limit:g} ms."
    )
    return Problem(message, f"endpoint {endpoint}", "Begin with a lower --rate, or allow more with --find-limit.")
