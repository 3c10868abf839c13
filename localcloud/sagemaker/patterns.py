"""The patterns of botocore's models, which are written in Java's dialect, as Python's."""

from __future__ import annotations

import re
from functools import cache

# Java's Unicode classes as they may stand inside brackets. \p{L} takes the underscore and digits with it, because
# Python has no class for letters alone; every pattern of SageMaker that has \p{L} has \p{N} beside it.
_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\p{M}": r"\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff",
    r"\p{S}": r"$+<=>^`|~\u00a2-\u00a9\u00ac\u00ae-\u00b1\u00b4\u00d7\u00f7\u2000-\u2bff",
    r"\p{P}": r"!-#%-*,-/:;?@\[-\]_{}\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2010-\u2027\u2030-\u205e",
    r"\p{Alnum}": "A-Za-z0-9",
    r"\p{ASCII}": r"[\x00-\x7f]",
    r"\p{Print}": r"\x20-\x7e",
}


@cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern, to be used with fullmatch; None where it cannot be said in Python (then nothing is checked)."""
    # Two metadata patterns carry a stray "$" before their length: "(…)${1,128}".
    text = re.sub(r"\$\{\d+,\d+\}$", "", pattern)
    for java, python in _CLASSES.items():
        text = text.replace(java, python)
    try:
        return re.compile(text)
    except re.error:
        return None


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value fits, as AWS asks."""
    regex = compiled(pattern)
    return regex is None or regex.fullmatch(value) is not None
