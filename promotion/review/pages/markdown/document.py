"""`review.md`: the whole review as Markdown that fits into a comment, whatever the size of the bundle."""

from __future__ import annotations

from promotion.review.bundle import Bundle
from promotion.review.pages.facts import facts
from promotion.review.pages.markdown.about import about, cost, unshown
from promotion.review.pages.markdown.changes import changes, permissions, traffic
from promotion.review.pages.markdown.model import model
from promotion.review.pages.markdown.policy import drift, policy
from promotion.review.pages.markdown.text import Limits, blocks, bullets, table, text
from promotion.review.pages.verdict import verdict, worst
from promotion.review.parts import Level

MOST_CHARACTERS = 64_000
"""Of a comment. GitHub refuses one of more than 65,536; a workflow may put its own words before it."""
LADDER = (
    *(Limits(400, 600), Limits(100, 400), Limits(60, 240), Limits(30, 160), Limits(15, 120)),
    *(Limits(8, 100), Limits(4, 80), Limits(2, 60), Limits(1, 24)),
)
"""Tried from the first on, until the review fits."""
SECTIONS = (changes, traffic, permissions, policy, model, cost, drift, about, unshown)

_ALERT = {"danger": "CAUTION", "warning": "WARNING", "note": "NOTE"}
_MARKS: dict[Level, str] = {"danger": "🛑 **DANGER:**", "warning": "⚠️ **Warning:**", "note": "ℹ️"}


def review_markdown(bundle: Bundle) -> str:
    """The review for a pull request: always below 65,000 characters; the same bundle gives the same text."""
    for limits in LADDER:
        written = _written(bundle, limits)
        if length(written) <= MOST_CHARACTERS:
            return written
    return blocks([_title(bundle), _alert(bundle), "The review is too long for a comment: see index.html."]) + "\n"


def length(written: str) -> int:
    """Characters as GitHub counts them: UTF-16 code units."""
    return len(written.encode("utf-16-le")) // 2


def _written(bundle: Bundle, limits: Limits) -> str:
    return blocks([_top(bundle, limits), *(section(bundle, limits) for section in SECTIONS)]) + "\n"


def _title(bundle: Bundle) -> str:
    return f"# Review of {text(bundle.project, 60)}, {text(bundle.environment, 60)}"


def _alert(bundle: Bundle) -> str:
    return f"> [!{_ALERT[worst(bundle)]}]\n> **{verdict(bundle)}**"


def _top(bundle: Bundle, limits: Limits) -> str:
    """The verdict, every headline, and the facts."""
    most, found = Limits(max(limits.rows, 4), limits.text), bundle.headlines
    headlines = [f"{_MARKS[one.level]} {text(one.sentence, 2 * limits.text)}" for one in found[: most.rows]]
    shown = bullets(headlines, most, all_items=len(found))
    place = ["Environment", f"{text(bundle.environment, 60)}: account {text(bundle.account, 20)}, "]
    place[1] += f"{text(bundle.region, 30)}; as of {text(bundle.as_of, 20)}"
    rows = [place, *([f"**{label}**", text(said, 2 * limits.text)] for _, label, said in facts(bundle))]
    rows[0][0] = f"**{rows[0][0]}**"
    return blocks([_title(bundle), _alert(bundle), shown, table(("", ""), rows, Limits(len(rows), limits.text))])
