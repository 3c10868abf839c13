"""What an environment costs and has cost, as lines for a terminal of 80 columns, and for a program. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from kickstand.release_lines import COLUMNS, text
from promotion.cost.spent import Spent, together
from promotion.review.reports import CostReport

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
        yield from text(one.how, indent=4)
    yield _line("together", f"{sofar:,.4f}")
    yield ""
    yield _line("A month, as it is deployed", currency, indent=0)
    for line in report.lines:
        by_use = line.quantity.startswith("by use")
        yield _line(line.what, "no price" if line.after is None else "by use" if by_use else f"{line.after:,.2f}")
        priced = f"{', ' if by_use else ' at '}{line.unit_price}" if line.unit_price else ""
        yield from text(f"{line.quantity}{priced}", indent=4)
    yield _line("together", f"{month:,.2f}")
    yield ""
    for sentence in (*(f"No known price: {one}." for one in report.unknown), *report.assumptions):
        yield from text(sentence, indent=0)


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
