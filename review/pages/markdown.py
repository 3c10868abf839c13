"""`review.md`: the whole review as Markdown that fits into a comment, whatever the size of the bundle."""

from __future__ import annotations

from review.bundle import Bundle
from review.pages.markdown_sections import changes, drift, model, permissions, policy, traffic
from review.pages.summary import facts, missing, verdict, worst
from review.pages.values import NOTHING, Limits, blocks, bullets, code, folded, money, sentences, table, text
from review.reports import Level


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


MOST_CHARACTERS = 64_000
"""Of a comment. GitHub refuses one of more than 65,536; a workflow may put its own words before it."""
LADDER = (
    *(Limits(400, 600), Limits(100, 400), Limits(60, 240), Limits(30, 160), Limits(15, 120)),
    *(Limits(8, 100), Limits(4, 80), Limits(2, 60), Limits(1, 24)),
)
"""Tried from the first on, until the review fits."""
SECTIONS = (changes, traffic, permissions, policy, model, cost, drift, about, unshown)

_ALERT = {"danger": "CAUTION", "warning": "WARNING", "note": "NOTE"}
_MARKS: dict[Level, str] = {"danger": "🛑 **DANGER:**", "warning": "⚠️ **Warning:**", "note": "ℹ️"}


def review_markdown(bundle: Bundle) -> str:
    """The review for a pull request: always below 65,000 characters; the same bundle gives the same text."""
    for limits in LADDER:
        written = _written(bundle, limits)
        if length(written) <= MOST_CHARACTERS:
            return written
    return blocks([_title(bundle), _alert(bundle), "The review is too long for a comment: see index.html."]) + "\n"


def length(written: str) -> int:
    """Characters as GitHub counts them: UTF-16 code units."""
    return len(written.encode("utf-16-le")) // 2


def _written(bundle: Bundle, limits: Limits) -> str:
    return blocks([_top(bundle, limits), *(section(bundle, limits) for section in SECTIONS)]) + "\n"


def _title(bundle: Bundle) -> str:
    return f"# Review of {text(bundle.project, 60)}, {text(bundle.environment, 60)}"


def _alert(bundle: Bundle) -> str:
    return f"> [!{_ALERT[worst(bundle)]}]\n> **{verdict(bundle)}**"


def _top(bundle: Bundle, limits: Limits) -> str:
    """The verdict, every headline, and the facts."""
    most, found = Limits(max(limits.rows, 4), limits.text), bundle.headlines
    headlines = [f"{_MARKS[one.level]} {text(one.sentence, 2 * limits.text)}" for one in found[: most.rows]]
    shown = bullets(headlines, most, all_items=len(found))
    place = ["Environment", f"{text(bundle.environment, 60)}: account {text(bundle.account, 20)}, "]
    place[1] += f"{text(bundle.region, 30)}; as of {text(bundle.as_of, 20)}"
    rows = [place, *([f"**{label}**", text(said, 2 * limits.text)] for _, label, said in facts(bundle))]
    rows[0][0] = f"**{rows[0][0]}**"
    return blocks([_title(bundle), _alert(bundle), shown, table(("", ""), rows, Limits(len(rows), limits.text))])
