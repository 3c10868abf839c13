"""Text of others in GitHub's Markdown: it is shown as it is, and is never markup, a mention, a reference or a link.

Each character that could mean something is written as a numeric character reference, which Markdown never takes for
structure (https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references). What GitHub looks for after
rendering (`@name`, `#1`) is parted by a space without width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kickstand.text import plain
from promotion.review.pages.values import shortened

_MEANING = re.compile(r"[&<>`*_\[\]|\\~#@$]")
_LIST_NUMBER = re.compile(r"^(\d+)([.)])(?=\s|$)")
_APART = "&#8203;"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a review is written out. rows: of a table or list. text: characters of a value or sentence."""

    rows: int
    text: int


def text(value: str, most: int) -> str:
    """A sentence or name on one line; `most`: characters of it that are shown."""
    line = " ".join(shortened(value, 4 * most).split())
    return _escaped(" ".join(shortened(plain(shortened(line, most)), most).split()))


def code(value: str, most: int) -> str:
    """A value in a fixed-width font, every character of it visible."""
    return f"<code>{_escaped(shortened(plain(shortened(value, most)), most))}</code>"


def _escaped(value: str) -> str:
    found = _MEANING.sub(lambda one: f"&#{ord(one[0])};", value)
    found = re.sub(r"(&#(?:64|35);)(?=\w)", rf"\1{_APART}", found)
    found = re.sub(r"\b(GH)-(?=\d)", rf"\1{_APART}-", found)
    found = found.replace("://", "&#58;//").replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
    found = _LIST_NUMBER.sub(lambda one: f"{one[1]}&#{ord(one[2])};", found)
    return f"&#{ord(found[0])};{found[1:]}" if found[:1] in ("-", "+", "=", "!") else found


def table(head: Sequence[str], rows: Sequence[Sequence[str]], limits: Limits, *, all_rows: int | None = None) -> str:
    """A table of cells that are Markdown already; what is beyond the limit is counted below it.

    all_rows: how many there are, where `rows` are only the first of them.
    """
    lines = [head, ["---"] * len(head), *rows[: limits.rows]]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return drawn + _more((all_rows if all_rows is not None else len(rows)) - min(len(rows), limits.rows))


def bullets(items: Sequence[str], limits: Limits, *, all_items: int | None = None) -> str:
    """A list of items that are Markdown already. all_items: how many there are, where these are only the first."""
    shown = items[: limits.rows]
    return "\n".join(f"- {item}" for item in shown) + _more((all_items or len(items)) - len(shown))


def sentences(items: Sequence[str], limits: Limits) -> str:
    """A list of sentences of others."""
    return bullets([text(one, 2 * limits.text) for one in items[: limits.rows]], limits, all_items=len(items))


def _more(left: int) -> str:
    return f"\n\n*… and {left:,} more, see index.html.*" if left > 0 else ""


def folded(summary: str, body: str) -> str:
    """A part that is opened with a click. summary: Markdown already."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def blocks(parts: Iterable[str]) -> str:
    """Paragraphs one below the other; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)
