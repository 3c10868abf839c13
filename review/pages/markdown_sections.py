"""The sections of `review.md`: changes and permissions, the model, policy findings and drift."""

from __future__ import annotations

from collections.abc import Iterator

from review.bundle import Bundle
from review.pages.summary import counted
from review.pages.values import (
    NOTHING,
    Limits,
    MetricRow,
    action,
    because,
    blocks,
    bullets,
    code,
    folded,
    metric_row,
    property_row,
    sentences,
    slice_row,
    table,
    tally,
    text,
)
from review.reports import ModelReport, PropertyChange, ResourceChange, StackChange


def changes(bundle: Bundle, limits: Limits) -> str:
    """Every stack: its resources, replacements first; their properties before and after are folded away."""
    stacks = bundle.infrastructure.stacks
    most = max(limits.rows, 2)
    each = Limits(max(limits.rows // max(min(len(stacks), most) // 2, 1), 1), limits.text)
    shown = [_stack(stack, each) for stack in stacks[:most]]
    left = len(stacks) - len(shown)
    more = f"*… and {counted(left, 'more stack')}, see index.html.*" if left > 0 else ""
    return blocks(["## What changes", *shown, more] if stacks else ["## What changes", "There is no stack."])


def _stack(stack: StackChange, limits: Limits) -> str:
    state = "" if stack.exists else " It is not deployed yet: it is made."
    moving = [one for one in stack.resources if not one.idle]
    idle = [one for one in stack.resources if one.idle]
    parts = [f"### {text(stack.stack, limits.text)}", f"{_capital(tally(stack))}.{state}"]
    if moving:
        rows = [_resource(one, stack, limits) for one in moving[: limits.rows]]
        parts.append(table(("", "Resource", "In words"), rows, limits, all_rows=len(moving)))
    properties = [(one, each) for one in moving for each in one.properties]
    if properties:
        rows = [_property(one, each, limits) for one, each in properties[: limits.rows]]
        head = ("Resource", "Property", "Before", "After", "Effect")
        drawn = table(head, rows, limits, all_rows=len(properties))
        said = "1 property" if len(properties) == 1 else f"{len(properties):,} properties"
        parts.append(folded(f"{said}, before and after", drawn))
    if idle:
        rows = [_resource(one, stack, limits) for one in idle[: limits.rows]]
        drawn = table(("", "Resource", "In words"), rows, limits, all_rows=len(idle))
        parts.append(folded(f"{counted(len(idle), 'resource')} that CloudFormation lists and nothing changes", drawn))
    if stack.outputs:
        parts.append(f"Outputs:\n\n{sentences(stack.outputs, limits)}")
    return blocks(parts)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _property(change: ResourceChange, one: PropertyChange, limits: Limits) -> list[str]:
    row = property_row(one, idle=change.idle)
    values = [code(each, limits.text) for each in (change.logical_id, row.path, row.before, row.after)]
    return [*values, f"**{row.effect}**" if row.effect else ""]


def _resource(change: ResourceChange, stack: StackChange, limits: Limits) -> list[str]:
    word, tone = action(change)
    shown = f"**{word.upper()}**" if tone != "calm" else word
    reason = because(change, stack)
    name = f"{text(change.name, limits.text)}<br>" if change.name else ""
    moves = f"<br>*{text(reason, limits.text)}*" if reason else ""
    where = f"{name}{code(change.logical_id, limits.text)}<br>{text(change.type, limits.text)}"
    return [shown, where, f"{text(change.says, limits.text)}{moves}"]


def traffic(bundle: Bundle, limits: Limits) -> str:
    """Whether requests are at risk."""
    return blocks(["## Traffic", text(bundle.infrastructure.traffic, 4 * limits.text) or "Nothing is known of it."])


def permissions(bundle: Bundle, limits: Limits) -> str:
    """Widened ones first, and marked."""
    found = sorted(bundle.infrastructure.permissions, key=lambda one: not one.widened)
    heading = "## Permissions and network"
    if not found:
        return blocks([heading, "No change of permissions or network."])
    rows = [
        [
            "🛑 **WIDENED**" if one.widened else "not wider",
            text(one.sentence, limits.text),
            f"{code(one.logical_id, limits.text)} of {text(one.stack, limits.text)}",
        ]
        for one in found[: limits.rows]
    ]
    return blocks([heading, table(("", "In words", "Where"), rows, limits, all_rows=len(found))])


_WORDS = {"worse": "**WORSE**", "better": "better", "the same": "the same", "new": "new", "gone": "gone"}


def model(bundle: Bundle, limits: Limits) -> str:
    """Metrics side by side first; settings, data, slices, golden rows and the training folded away."""
    if bundle.model is None:
        return blocks(["## The model", "There is no release, and so no model."])
    return blocks(["## The model", *_model(bundle.model, limits)])


def _model(found: ModelReport, limits: Limits) -> Iterator[str]:
    yield text(found.promoted_from, 3 * limits.text)
    yield text(found.signature, 3 * limits.text)
    if found.overrides:
        yield f"**Overridden gates, on its way here:**\n\n{sentences(found.overrides, limits)}"
    else:
        yield "No gate was overridden."
    if found.metrics:
        rows = [_metric(metric_row(one), limits) for one in found.metrics[: limits.rows]]
        yield table(("Metric", "Live", "Released", "Change", ""), rows, limits, all_rows=len(found.metrics))
    else:
        yield "No metrics."
    if found.plots:
        counts = [f"**{text(one.title, limits.text)}.** {text(one.alt, 2 * limits.text)}" for one in found.plots]
        yield blocks(["The pictures are in index.html. What they show:", bullets(counts, limits)])
    else:
        yield "No pictures."
    yield _pairs("Hyperparameters", ("Name", "Live", "Released"), found.hyperparameters, limits)
    yield _pairs("Data", ("Channel", "Live", "Released"), found.data, limits)
    yield _slices(found, limits)
    if found.golden:
        rows = [[code(row, limits.text), code(given, limits.text)] for row, given in found.golden[: limits.rows]]
        drawn = table(("Row", "Answer"), rows, limits, all_rows=len(found.golden))
        yield folded(f"Golden rows ({len(found.golden):,})", drawn)
    else:
        yield "No golden rows are shown."
    rows = [[text(label, limits.text), code(said, limits.text)] for label, said in found.training[: limits.rows]]
    if rows:
        yield folded("How it was trained", table(("", ""), rows, limits, all_rows=len(found.training)))


def _metric(row: MetricRow, limits: Limits) -> list[str]:
    return [text(row.name, limits.text), row.live, row.released, row.change, _WORDS[row.word]]


def _pairs(title: str, head: tuple[str, ...], pairs: tuple[tuple[str, str, str], ...], limits: Limits) -> str:
    if not pairs:
        return f"{title}: none."
    changed = sum(live != released for _, live, released in pairs)
    first = sorted(pairs, key=lambda one: one[1] == one[2])
    rows = [
        [f"**{text(name, limits.text)}**" if live != released else text(name, limits.text)]
        + [code(side or NOTHING, limits.text) for side in (live, released)]
        for name, live, released in first[: limits.rows]
    ]
    drawn = table(head, rows, limits, all_rows=len(pairs))
    return folded(f"{title} ({len(pairs):,}; {f'{changed:,} changed' if changed else 'unchanged'})", drawn)


def _slices(found: ModelReport, limits: Limits) -> str:
    if not found.slices:
        return "No slices are shown."
    rows = [_slice(slice_row(one), one.rows, limits) for one in found.slices[: limits.rows]]
    worse = sum(slice_row(one).word == "worse" for one in found.slices)
    drawn = table(("Slice", "Rows", "Live", "Released", "Change", ""), rows, limits, all_rows=len(found.slices))
    return folded(f"Slices ({len(found.slices):,}; {worse:,} worse)", drawn)


def _slice(row: MetricRow, count: int, limits: Limits) -> list[str]:
    return [text(row.name, limits.text), f"{count:,}", row.live, row.released, row.change, _WORDS[row.word]]


def policy(bundle: Bundle, limits: Limits) -> str:
    """Findings, errors first; then what is accepted, with the reason."""
    report = bundle.policy
    parts = ["## Policy"]
    found = sorted(report.findings, key=lambda one: one.level != "error")
    if found:
        rows = [
            [
                f"**{one.level.upper()}**" if one.level == "error" else one.level,
                f"{code(one.rule, limits.text)}<br>{one.source}",
                text(one.message, limits.text) + (f"<br>*Fix:* {text(one.fix, limits.text)}" if one.fix else ""),
                text(one.resource or one.stack or "the whole template", limits.text),
            ]
            for one in found[: limits.rows]
        ]
        parts.append(table(("", "Rule", "Finding", "Where"), rows, limits, all_rows=len(found)))
    else:
        parts.append("No policy findings.")
    if report.acknowledged:
        rows = [
            [
                code(one.rule, limits.text),
                text(one.reason, limits.text),
                text(", ".join(one.resources), limits.text),
                text(one.where, limits.text),
            ]
            for one in report.acknowledged[: limits.rows]
        ]
        head = ("Rule", "Reason", "Of", "Accepted in")
        drawn = table(head, rows, limits, all_rows=len(report.acknowledged))
        count = counted(len(report.acknowledged), "accepted exception")
        parts.append(folded(f"{count}, with {'its reason' if count.startswith('1 ') else 'their reasons'}", drawn))
    else:
        parts.append("No accepted exceptions.")
    requested = ", ".join(f"{count:,} of {text(source, 40)}" for source, count in sorted(report.rules_run.items())[:10])
    parts.append(f"Rules checked: {requested or 'none'}.")
    return blocks(parts)


def drift(bundle: Bundle, limits: Limits) -> str:
    """Each stack's status, and what was changed past it."""
    report = bundle.drift
    parts = ["## Drift"]
    if not report.detected_at:
        parts.append("Drift was not detected: nothing is known about changes outside the stacks.")
    else:
        parts.append(f"Detected at {text(report.detected_at, 40)}.")
    if report.stacks:
        shown = [f"{text(one.stack, limits.text)}: **{text(one.status, 40)}**" for one in report.stacks]
        parts.append(bullets(shown, limits))
    drifted = [(stack, one) for stack in report.stacks for one in stack.resources]
    if drifted:
        rows = [
            [
                f"**{text(one.status, 40)}**",
                f"{code(one.logical_id, limits.text)} of {text(stack.stack, limits.text)}",
                text("; ".join(one.differences) or one.type, limits.text),
            ]
            for stack, one in drifted[: limits.rows]
        ]
        parts.append(table(("", "Resource", "Difference"), rows, limits, all_rows=len(drifted)))
    elif report.detected_at and not any(stack.status == "NOT_CHECKED" for stack in report.stacks):
        parts.append("No drift.")
    return blocks(parts)
