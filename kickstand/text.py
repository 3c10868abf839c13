"""Text of others made fit for a screen: what a terminal or GitHub's runner would obey is shown instead. Pure.

Names, values, messages and logs come from archives, project files, releases, git and AWS: anybody's. A control
character in them moves the cursor or writes over what was said (https://www.xfree86.org/current/ctlseqs.html), a
direction character reverses what is read (Unicode TR 9), and a line that begins with `::` is a command to a runner
of GitHub Actions (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
"""

from __future__ import annotations

import re

LONGEST = 2000
"""Characters of one message or line that a person reads; what is longer is cut, with its length."""
_COMMAND = re.compile(r"^(\s*)::|##\[", re.MULTILINE)


def plain(text: str) -> str:
    """Text on one line, every character of it visible: control and direction characters, line breaks and lone
    surrogates as their escapes (`\\x1b`, `\\u202e`, `\\n`)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def plain_lines(text: str) -> str:
    """Text of several lines: as `plain`, but line breaks and tabs stay, and no line is a command to GitHub's runner."""
    text = text.replace("\r\n", "\n")
    if not text.replace("\n", "").replace("\t", "").isprintable():
        text = "\n".join("\t".join(map(plain, line.split("\t"))) for line in text.split("\n"))
    return _COMMAND.sub(lambda one: one[0].replace("::", r"\x3a:").replace("##[", r"\x23#["), text)


def one_line(text: str) -> str:
    """A line that is printed: as `plain_lines`, but only line breaks at its beginning and end stay."""
    words = text.strip("\n")
    if not words:
        return text
    before, after = text[: text.index(words)], text[text.index(words) + len(words) :]
    return before + cut(plain_lines(words).replace("\n", r"\n")) + after


def plain_json(text: str) -> str:
    """A JSON text of the same meaning, every character of it visible: by JSON's own escapes (`\\u001b`)."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def cut(text: str, most: int = LONGEST) -> str:
    """The text, or its beginning and end around its real length where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    head = most * 3 // 4
    return f"{text[:head]} … [{len(text):,} characters] … {text[head - most :]}"


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
