"""Lines of text for a terminal of 80 columns: labels and values, words wrapped, digests and addresses whole. Pure.

What stands in a release or a commit came from others: a control character in it is shown, not obeyed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from kickstand.text import plain

COLUMNS = 80
LABEL = 13
"""Columns of a label: so that a SHA-256 beside it ends at the terminal's last column."""


def row(label: str, value: str, *, indent: int = 2, width: int = 0) -> Iterator[str]:
    """`  label         value`, the value wrapped at words below itself; what has no blank is never broken.

    indent: columns before the label. width: of the label; default: values of every indentation stand in one column.
    """
    head = f"{' ' * indent}{plain(label):<{width or LABEL + 2 - indent}} "
    return _wrapped(value, head, " " * len(head))


def text(words: str, *, indent: int = 2) -> Iterator[str]:
    """Words alone, wrapped."""
    return _wrapped(words, " " * indent, " " * (indent + 2))


def rows(*pairs: tuple[str, str], indent: int = 2, width: int = 0) -> Iterator[str]:
    """Several of them."""
    for label, value in pairs:
        yield from row(label, value, indent=indent, width=width)


def _wrapped(words: str, first: str, then: str) -> Iterator[str]:
    wrap = textwrap.TextWrapper(
        COLUMNS, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False
    )
    for line in wrap.wrap(plain(words)) or [first]:
        yield line.rstrip(" ")
