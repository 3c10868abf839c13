"""Cost, what the review is about, and what it could not show, as Markdown."""

from __future__ import annotations

from promotion.review.bundle import Bundle
from promotion.review.pages.markdown.text import Limits, blocks, code, folded, sentences, table, text
from promotion.review.pages.missing import missing
from promotion.review.pages.values import NOTHING, money


def cost(bundle: Bundle, limits: Limits) -> str:
    """Sums, lines, assumptions."""
    report = bundle.cost
    currency = text(report.currency, 12)
    delta = report.after - report.before
    parts = [
        "## Cost a month",
        f"**{money(report.after)} {currency}** after, {money(report.before)} {currency} before: "
        f"**{money(delta, signed=True)} {currency}**. Prices of {text(report.priced_on, 20)}.",
    ]
    if report.lines:
        rows = [
            [
                text(one.what, limits.text),
                text(one.quantity, limits.text),
                text(one.unit_price, limits.text) or "no price",
                money(one.before),
                money(one.after),
            ]
            for one in report.lines[: limits.rows]
        ]
        head = ("What", "Quantity", "Price", "Before", "After")
        parts.append(table(head, rows, limits, all_rows=len(report.lines)))
    else:
        parts.append("Nothing billable by the hour.")
    if report.unknown:
        unknown = sentences(report.unknown, limits)
        parts.append(f"Without a price, and so in no sum:\n\n{unknown}")
    if report.assumptions:
        parts.append(folded("Assumptions", sentences(report.assumptions, limits)))
    return blocks(parts)


def about(bundle: Bundle, limits: Limits) -> str:
    """What was reviewed, to the byte."""
    rows = [
        ["Cloud assembly, SHA-256", code(bundle.assembly_sha256, 80)],
        ["Release, SHA-256", code(bundle.release_sha256 or "there is none", 80)],
        ["As of", text(bundle.as_of, 20)],
    ]
    parts = ["## What this review is about", table(("", ""), rows, Limits(len(rows), limits.text))]
    if bundle.change_sets:
        sets = [
            [
                text(one.stack, limits.text),
                code(one.arn or NOTHING, limits.text),
                text(one.waits_for, limits.text) or ("nothing to do" if one.empty else "to be executed"),
            ]
            for one in bundle.change_sets[: limits.rows]
        ]
        parts.append(table(("Stack", "Change set", ""), sets, limits, all_rows=len(bundle.change_sets)))
    else:
        parts.append("No change sets: they are made before the approval (`kickstand review ENV --prepare`).")
    versions = [[text(name, 60), text(number, 60)] for name, number in sorted(bundle.versions.items())]
    if versions:
        parts.append(folded("Versions", table(("Of", "Version"), versions, limits)))
    return blocks(parts)


def unshown(bundle: Bundle, limits: Limits) -> str:
    """What could not be shown, and why."""
    found = missing(bundle)
    return blocks(["## What could not be shown", sentences(found, limits) if found else "Everything was shown."])
