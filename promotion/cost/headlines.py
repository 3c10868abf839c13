"""What a manager reads of the cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from promotion.cost.prices import Price
from promotion.review.parts import Headline
from promotion.review.reports import CostLine

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
