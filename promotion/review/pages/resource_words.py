"""What happens to a resource and to its properties, in the words of the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promotion.review.changes.words import listed
from promotion.review.pages.values import NOTHING, shown
from promotion.review.parts import PropertyChange, ResourceChange, StackChange

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
