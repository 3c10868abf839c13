"""What a manager reads of the policy findings."""

from __future__ import annotations

from collections.abc import Sequence

from promotion.review.parts import Headline
from promotion.review.reports import Acknowledged, Finding

_NAMED = 3
"""Resources that a headline names; the rest it counts."""


def policy_headlines(findings: Sequence[Finding], acknowledged: Sequence[Acknowledged]) -> tuple[Headline, ...]:
    """A danger for each rule that is broken, in words; one warning for all warnings; a note where there is nothing."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.level == "error":
            kinds.setdefault(finding.rule.partition("[")[0], []).append(finding)
    found = [Headline(level="danger", sentence=_sentence(rule, broken)) for rule, broken in sorted(kinds.items())]
    warnings = sum(finding.level == "warning" for finding in findings)
    if warnings:
        found.append(Headline(level="warning", sentence=f"{_count(warnings, 'policy warning')}."))
    accepted = (
        f"{_count(len(acknowledged), 'finding')} accepted with {'its reason' if len(acknowledged) == 1 else 'reasons'}"
    )
    if not findings:
        sentence = f"No policy findings; {accepted}." if acknowledged else "No policy findings."
        found.append(Headline(level="note", sentence=sentence))
    elif acknowledged:
        found.append(Headline(level="note", sentence=f"{accepted}."))
    return tuple(found)


def _sentence(rule: str, broken: Sequence[Finding]) -> str:
    """`The bucket can be made public. (KICKSTAND-…: prod/training/ArtifactBucket/Bucket)`"""
    places = sorted({finding.resource or finding.stack for finding in broken})
    more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    message = broken[0].message.rstrip(".")
    return f"{message}. ({rule}: {', '.join(places[:_NAMED])}{more})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
