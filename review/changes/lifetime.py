"""That an endpoint stops by itself: when and why, and whether that is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.state_machines.stop_definition import COMMENT
from kickstand.json_text import parse_json
from review.changes.stacks import StackPair
from review.changes.template import StackScope, effective_resources

_MACHINE = "AWS::StepFunctions::StateMachine"
_STAYS = "The endpoint no longer stops by itself: it is paid for until it is destroyed."


def ends(pairs: Sequence[StackPair], place: StackScope) -> Iterator[tuple[bool, str]]:
    """(whether a deployed endpoint will stop that did not, or otherwise; sentence) of what a deployment changes."""
    hosted = any(pair.live is not None and "hosting" in pair.stack for pair in pairs)
    for pair in pairs:
        if pair.planned is None:
            continue
        before = _reasons(effective_resources(pair.live, place))
        after = _reasons(effective_resources(pair.planned, place))
        if after and after != before:
            yield hosted, f"The endpoint stops by itself {after} Notice is given half an hour before."
        elif before and not after:
            yield False, _STAYS


def _reasons(resources: Mapping[str, Mapping[str, Any]]) -> str:
    """Why the state machine of a stack stops the endpoint, as its definition's comment says; empty without one."""
    for one in resources.values():
        text = one.get("Properties", {}).get("DefinitionString") if one.get("Type") == _MACHINE else None
        if isinstance(text, str) and COMMENT in text:
            try:
                comment = parse_json(text).get("Comment", "")
            except ValueError:
                continue
            if comment.startswith(COMMENT):
                return str(comment.removeprefix(COMMENT).strip())
    return ""
