"""Policy findings, accepted exceptions and drift as Markdown."""

from __future__ import annotations

from promotion.review.bundle import Bundle
from promotion.review.pages.markdown.text import Limits, blocks, bullets, code, folded, table, text
from promotion.review.pages.verdict import counted


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
    asked = ", ".join(f"{count:,} of {text(source, 40)}" for source, count in sorted(report.rules_run.items())[:10])
    parts.append(f"Rules asked: {asked or 'none'}.")
    return blocks(parts)


def drift(bundle: Bundle, limits: Limits) -> str:
    """Each stack's status, and what was changed past it."""
    report = bundle.drift
    parts = ["## Drift"]
    if not report.detected_at:
        parts.append("Nobody asked AWS whether the stacks still are as they were deployed.")
    else:
        parts.append(f"As AWS told at {text(report.detected_at, 40)}.")
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
