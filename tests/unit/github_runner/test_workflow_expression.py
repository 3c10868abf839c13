"""Expressions of workflow files, as GitHub's documentation says what they give."""

from __future__ import annotations

from typing import Any

import pytest
from workflow_expression import ExpressionError, condition, interpolate

CONTEXT: dict[str, Any] = {
    "github": {"event": {"number": 7, "head": {"repo": "O/N"}}, "repository": "o/n"},
    "needs": {"build": {"result": "success", "outputs": {"changed": '["dev"]'}}, "deploy-dev": {"result": "skipped"}},
}
FUNCTIONS = {"cancelled": lambda: False}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contains(fromJSON(needs.build.outputs.changed), 'dev')", True),
        ("contains(fromJSON(needs.build.outputs.changed), 'prod')", False),
        ("!cancelled() && needs.build.result == 'success'", True),
        ("!contains(needs.*.result, 'failure')", True),
        ("contains(needs.*.result, 'skipped')", True),
        ("github.event.head.repo == github.repository", True),  # texts without regard to case
        ("needs.build.result != 'success' || needs.deploy-dev.result == 'skipped'", True),
        ("${{ github.event.nothing.at.all }}", False),
        ("(needs.build.result == 'failure' || cancelled()) && 'x'", False),
    ],
)
def test_conditions(text: str, expected: bool) -> None:
    assert condition(text, CONTEXT, FUNCTIONS) is expected


def test_texts_are_filled_in() -> None:
    assert interpolate("pull/${{ github.event.number }} ${{ github.none }}'s", CONTEXT, FUNCTIONS) == "pull/7 's"
    assert interpolate("${{ 'it''s' }}", CONTEXT, FUNCTIONS) == "it's"


@pytest.mark.parametrize("text", ["hashFiles('x')", "secrets.KEY", "1 + 1", "contains('a'", "github.event ~ 2"])
def test_what_is_not_known_is_an_error_and_no_guess(text: str) -> None:
    with pytest.raises(ExpressionError):
        condition(text, CONTEXT, FUNCTIONS)
