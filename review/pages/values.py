"""Values as text that fits on a page, and text of others in GitHub's Markdown, where it is never markup.

In Markdown each character that could mean something is written as a numeric character reference, which is never taken
for structure (https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references). What GitHub looks for after
rendering (`@name`, `#1`) is parted by a space without width.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kickstand.text import plain
from review.changes.properties import listed
from review.reports import MetricPair, PropertyChange, ResourceChange, SliceMetric, StackChange

ELLIPSIS = " … "
NOTHING = "—"
"""Stands where a value is not there."""


def shown(value: Any) -> str:
    """A JSON value as text: a string as it is, anything else as JSON; NOTHING for None."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value if value else '""'
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and end where it is longer than `most` characters (at least 5): names in AWS differ at
    either."""
    if len(text) <= most:
        return text
    kept = most - len(ELLIPSIS)
    head = math.ceil(kept / 2)
    return f"{text[:head]}{ELLIPSIS}{text[len(text) - (kept - head) :]}"


def figure(value: float | None) -> str:
    """A metric to six digits; NOTHING for None."""
    return NOTHING if value is None else f"{value:.6g}"


def money(amount: float | None, *, signed: bool = False) -> str:
    """`1,460.00`, `+83.95`, `−83.95`; `no price` for None."""
    if amount is None:
        return "no price"
    rounded = round(amount, 2) + 0.0
    sign = "−" if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{sign}{abs(rounded):,.2f}"


Tone = Literal["danger", "warning", "calm"]


def action(change: ResourceChange) -> tuple[str, Tone]:
    """The word for what happens, and how loudly it is said."""
    if change.idle:
        return "listed only", "calm"
    if change.action == "Remove":
        return ("kept in AWS", "warning") if change.kept else ("removed", "danger")
    if change.replacement == "True":
        return "replaced", "danger"
    if change.replacement == "Conditional":
        return "may be replaced", "warning"
    return ("added", "calm") if change.action == "Add" else ("changed in place", "calm")


def because(change: ResourceChange, stack: StackChange) -> str:
    """`moves because EndpointConfig is replaced`; empty where the template itself changes the resource."""
    if not change.because_of or change.idle:
        return ""
    sure = {one.logical_id: one.replacement == "True" for one in stack.resources}
    certain = all(sure.get(key, True) for key in change.because_of)
    verb = ("is" if len(change.because_of) == 1 else "are") if certain else "may be"
    return f"moves because {listed(list(change.because_of))} {verb} replaced"


@dataclass(frozen=True, slots=True)
class PropertyRow:
    """A property before and after, as text. effect: `replaces`, `may replace` or empty."""

    path: str
    before: str
    after: str
    effect: str


def property_row(one: PropertyChange, *, idle: bool = False) -> PropertyRow:
    """idle: of a resource that is only listed, whose property asks for an attribute of one that changes in place."""
    effect = {"True": "replaces", "Conditional": "may replace", "False": ""}[one.replaces]
    if one.via and idle:
        return PropertyRow(one.path, f"of {one.via}", f"of {one.via}", effect)
    if one.via:
        return PropertyRow(one.path, f"the present {one.via}", f"the new {one.via}", effect)
    if one.before is None and one.after is None:
        return PropertyRow(one.path, NOTHING, NOTHING, effect)
    return PropertyRow(one.path, shown(one.before), shown(one.after), effect)


def tally(stack: StackChange) -> str:
    """`1 replaced, 2 changed in place, 40 added`; `no changes`."""
    counts: dict[str, int] = {}
    for change in stack.resources:
        word, _ = action(change)
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in counts.items()) or "no changes"


Word = Literal["better", "worse", "the same", "new", "gone"]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One row of a table of metrics, as text. change: `−12.3 %` of the live figure; empty where there is none."""

    name: str
    live: str
    released: str
    change: str
    word: Word


def metric_row(pair: MetricPair) -> MetricRow:
    return _row(pair.name, pair.live, pair.released, lower_is_better=pair.lower_is_better)


def slice_row(one: SliceMetric) -> MetricRow:
    """The metric of a slice is an error: gates judge slices by losses, so lower is better."""
    return _row(f"{one.column} = {one.value}", one.live, one.released, lower_is_better=True)


def _row(name: str, live: float | None, released: float | None, *, lower_is_better: bool) -> MetricRow:
    word: Word
    if live is None:
        word = "new"
    elif released is None:
        word = "gone"
    elif live == released:
        word = "the same"
    else:
        word = "better" if (released < live) is lower_is_better else "worse"
    return MetricRow(name, figure(live), figure(released), _change(live, released), word)


def _change(live: float | None, released: float | None) -> str:
    if live is None or released is None or not live or live == released:
        return ""
    share = (released - live) / abs(live) * 100
    return f"{'+' if share > 0 else '−'}{abs(share):,.3g} %" if abs(share) < 1000 else f"× {released / live:,.3g}"


_MEANING = re.compile(r"[&<>`*_\[\]|\\~#@$]")
_LIST_NUMBER = re.compile(r"^(\d+)([.)])(?=\s|$)")
_APART = "&#8203;"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a review is written out. rows: of a table or list. text: characters of a value or sentence."""

    rows: int
    text: int


def text(value: str, most: int) -> str:
    """A sentence or name on one line; `most`: characters of it that are shown."""
    line = " ".join(shortened(value, 4 * most).split())
    return _escaped(" ".join(shortened(plain(shortened(line, most)), most).split()))


def code(value: str, most: int) -> str:
    """A value in a fixed-width font, every character of it visible."""
    return f"<code>{_escaped(shortened(plain(shortened(value, most)), most))}</code>"


def _escaped(value: str) -> str:
    found = _MEANING.sub(lambda one: f"&#{ord(one[0])};", value)
    found = re.sub(r"(&#(?:64|35);)(?=\w)", rf"\1{_APART}", found)
    found = re.sub(r"\b(GH)-(?=\d)", rf"\1{_APART}-", found)
    found = found.replace("://", "&#58;//").replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
    found = _LIST_NUMBER.sub(lambda one: f"{one[1]}&#{ord(one[2])};", found)
    return f"&#{ord(found[0])};{found[1:]}" if found[:1] in ("-", "+", "=", "!") else found


def table(head: Sequence[str], rows: Sequence[Sequence[str]], limits: Limits, *, all_rows: int | None = None) -> str:
    """A table of cells that are Markdown already; what is beyond the limit is counted below it.

    all_rows: how many there are, where `rows` are only the first of them.
    """
    lines = [head, ["---"] * len(head), *rows[: limits.rows]]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return drawn + _more((all_rows if all_rows is not None else len(rows)) - min(len(rows), limits.rows))


def bullets(items: Sequence[str], limits: Limits, *, all_items: int | None = None) -> str:
    """A list of items that are Markdown already. all_items: how many there are, where these are only the first."""
    shown = items[: limits.rows]
    return "\n".join(f"- {item}" for item in shown) + _more((all_items or len(items)) - len(shown))


def sentences(items: Sequence[str], limits: Limits) -> str:
    """A list of sentences of others."""
    return bullets([text(one, 2 * limits.text) for one in items[: limits.rows]], limits, all_items=len(items))


def _more(left: int) -> str:
    return f"\n\n*… and {left:,} more, see index.html.*" if left > 0 else ""


def folded(summary: str, body: str) -> str:
    """A part that is opened with a click. summary: Markdown already."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def blocks(parts: Iterable[str]) -> str:
    """Paragraphs one below the other; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)
