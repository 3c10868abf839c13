"""Text for a terminal: control characters escaped, lines wrapped at 80 columns. Pure.

Names, values, messages and logs come from archives, project files, releases, git and AWS: anybody's. A control
character in them moves the cursor or overwrites what was printed (https://www.xfree86.org/current/ctlseqs.html), a
direction character reverses what is read (Unicode TR 9), and a line that begins with `::` is a command to a runner
of GitHub Actions (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands). `plain` and
its kind escape them; `labelled` sets a value beside its label and never breaks a digest or an address.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

LONGEST = 2000
"""Characters of one message or line that a person reads; what is longer is cut, with its length."""
_COMMAND = re.compile(r"^(\s*)::|##\[", re.MULTILINE)


def plain(text: str) -> str:
    """Text on one line, every character of it visible: control and direction characters, line breaks and lone
    surrogates as their escapes (`\\x1b`, `\\u202e`, `\\n`)."""
    if text.isprintable():
        return text
    escapes = {ord(c): c.encode("unicode_escape").decode("ascii") for c in set(text) if not c.isprintable()}
    return text.translate(escapes)


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
    return text.translate({ord(c): _json_escape(c) for c in set(text) if not (c.isprintable() or c == "\n")})


def cut(text: str, most: int = LONGEST) -> str:
    """The text, or its beginning and end around its real length where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    head = most * 3 // 4
    return f"{text[:head]} … [{len(text):,} characters] … {text[head - most :]}"


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


COLUMNS = 80
LABEL = 13
"""Columns of a label: so that a SHA-256 beside it ends at the terminal's last column."""


def labelled(label: str, value: str, *, indent: int = 2, width: int = 0) -> Iterator[str]:
    """`  label         value`, the value wrapped at words below itself; what has no blank is never broken.

    indent: columns before the label. width: of the label; default: values of every indentation stand in one column.
    """
    head = f"{' ' * indent}{plain(label):<{width or LABEL + 2 - indent}} "
    return _wrap(value, head, " " * len(head))


def wrapped(words: str, *, indent: int = 2) -> Iterator[str]:
    """Words alone, wrapped."""
    return _wrap(words, " " * indent, " " * (indent + 2))


def labelled_rows(*pairs: tuple[str, str], indent: int = 2, width: int = 0) -> Iterator[str]:
    """Several of them."""
    for label, value in pairs:
        yield from labelled(label, value, indent=indent, width=width)


def _wrap(words: str, first: str, then: str) -> Iterator[str]:
    wrap = textwrap.TextWrapper(
        COLUMNS, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )
    for line in wrap.wrap(plain(words)) or [first]:
        yield line.rstrip(" ")
