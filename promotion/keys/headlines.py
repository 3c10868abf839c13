"""What a manager reads of the keys in a review: who will be refused, and what these credentials cannot tell."""

from __future__ import annotations

from collections.abc import Iterable

from promotion.keys.answers import Answer
from promotion.review.parts import Headline


def key_headlines(answers: Iterable[Answer], environment: str) -> tuple[Headline, ...]:
    """A danger where the environment's own jobs or endpoint will fail, a warning where a promotion will, and a note
    for what is unknown; nothing for what is good. environment: its name."""
    return tuple(_headline(one, environment) for one in answers if one.status != "ok")


def _headline(answer: Answer, environment: str) -> Headline:
    if answer.status == "unknown":
        return Headline(level="note", sentence=answer.found)
    sentence = f"{answer.found} The statement to add: kickstand doctor {environment}."
    return Headline(level="warning" if answer.need.promotion else "danger", sentence=sentence)
