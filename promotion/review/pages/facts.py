"""The short table at the top: what a review is about and what each of its sections comes to."""

from __future__ import annotations

from collections.abc import Iterator

from promotion.review.bundle import Bundle
from promotion.review.pages.resource_words import action
from promotion.review.pages.values import money
from promotion.review.pages.verdict import counted
from promotion.review.reports import DriftReport, ModelReport

Fact = tuple[str, str, str]
"""The id of its section, label, text."""


def facts(bundle: Bundle) -> tuple[Fact, ...]:
    """What happens to requests first, then in the order of the sections."""
    return tuple(_facts(bundle))


def _facts(bundle: Bundle) -> Iterator[Fact]:
    yield "traffic", "Traffic", bundle.infrastructure.traffic or "Nothing is known of it."
    yield "changes", "Resources", _resources(bundle)
    widened = sum(one.widened for one in bundle.infrastructure.permissions)
    other = len(bundle.infrastructure.permissions) - widened
    said = [*([f"{widened:,} widened"] if widened else []), *([f"{other:,} otherwise changed"] if other else [])]
    yield "permissions", "Permissions", ", ".join(said) or "unchanged"
    errors = sum(one.level == "error" for one in bundle.policy.findings)
    warnings = len(bundle.policy.findings) - errors
    found = [*([counted(errors, "error")] if errors else []), *([counted(warnings, "warning")] if warnings else [])]
    accepted = f"{len(bundle.policy.acknowledged):,} accepted"
    yield "policy", "Policy", f"{', '.join(found) or 'no findings'}; {accepted}"
    yield "model", "Model", _model(bundle.model)
    cost = bundle.cost
    delta = money(cost.after - cost.before, signed=True)
    change = "as before" if delta == "0.00" else delta
    yield "cost", "Cost a month", f"{money(cost.after)} {cost.currency}, {change}"
    yield "drift", "Drift", _drift(bundle.drift)


def _resources(bundle: Bundle) -> str:
    counts: dict[str, int] = {}
    for stack in bundle.infrastructure.stacks:
        for change in stack.resources:
            if not change.idle:
                word, _ = action(change)
                counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count:,} {word}" for word, count in counts.items()) or "unchanged"


def _model(model: ModelReport | None) -> str:
    if model is None:
        return "none: there is no release"
    name = model.artifact_sha256[:12]
    if not model.live_artifact_sha256:
        return f"first one, {name}"
    return f"new, {name} instead of {model.live_artifact_sha256[:12]}" if model.changed else f"as before, {name}"


def _drift(drift: DriftReport) -> str:
    if not drift.detected_at:
        return "not asked"
    moved = sum(len(stack.resources) for stack in drift.stacks)
    if moved:
        return f"{counted(moved, 'resource')} changed by hand"
    unknown = [stack for stack in drift.stacks if stack.status == "NOT_CHECKED"]
    return f"not known of {counted(len(unknown), 'stack')}" if unknown else "none"
