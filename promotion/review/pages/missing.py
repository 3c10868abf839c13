"""What a review could not show or ask, and so does not vouch for."""

from __future__ import annotations

from collections.abc import Iterator

from promotion.review.bundle import Bundle


def missing(bundle: Bundle) -> tuple[str, ...]:
    """A sentence each; empty where everything could be shown."""
    return tuple(_missing(bundle))


def _missing(bundle: Bundle) -> Iterator[str]:
    if bundle.model is None:
        yield "The model: the environment has no release yet."
    else:
        yield from bundle.model.missing
    for one in bundle.cost.unknown:
        yield f"The cost of {one}: no price is known, so it is in no sum."
    if not bundle.drift.detected_at:
        yield "Drift: nobody asked AWS for it."
    for stack in bundle.drift.stacks:
        if stack.status == "NOT_CHECKED":
            yield f"Drift of {stack.stack}: CloudFormation could not be asked."
    for change_set in bundle.change_sets:
        if change_set.waits_for:
            yield f"The change set of {change_set.stack}: {change_set.waits_for}"
