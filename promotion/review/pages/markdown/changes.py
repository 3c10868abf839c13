"""What changes in the stacks, and who may do what afterwards, as Markdown."""

from __future__ import annotations

from promotion.review.bundle import Bundle
from promotion.review.pages.markdown.text import Limits, blocks, code, folded, sentences, table, text
from promotion.review.pages.resource_words import action, because, property_row, tally
from promotion.review.pages.verdict import counted
from promotion.review.parts import PropertyChange, ResourceChange, StackChange


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
