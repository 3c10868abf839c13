"""The one line that says whether a review holds anything to be afraid of."""

from __future__ import annotations

from promotion.review.bundle import Bundle
from promotion.review.parts import Level


def worst(bundle: Bundle) -> Level:
    """The gravest level among the headlines; `note` where there is none."""
    headlines = bundle.headlines
    return headlines[0].level if headlines else "note"


def verdict(bundle: Bundle) -> str:
    """`3 dangers, 1 warning: read them before you approve.`"""
    dangers, warnings = (sum(one.level == level for one in bundle.headlines) for level in ("danger", "warning"))
    if dangers:
        also = f", {counted(warnings, 'warning')}" if warnings else ""
        one = dangers + warnings == 1
        return f"{counted(dangers, 'danger')}{also}: read {'it' if one else 'them'} before you approve."
    if warnings:
        return f"Nothing dangerous found; {counted(warnings, 'warning')} to read."
    return "Nothing dangerous found."


def counted(number: int, noun: str) -> str:
    """`1 danger`, `2 dangers`, `6,493 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
