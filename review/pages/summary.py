"""The top of a page: the verdict, the table of what each section comes to, and what the review could not check."""

from __future__ import annotations

from collections.abc import Iterator

from review.bundle import Bundle
from review.pages.values import action, money
from review.reports import DriftReport, Level, ModelReport


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
        yield "Drift: not detected."
    for stack in bundle.drift.stacks:
        if stack.status == "NOT_CHECKED":
            yield f"Drift of {stack.stack}: CloudFormation could not be asked."
    for change_set in bundle.change_sets:
        if change_set.waits_for:
            yield f"The change set of {change_set.stack}: {change_set.waits_for}"
