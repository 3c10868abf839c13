"""Values of properties, figures and money as text that fits on a page."""

from __future__ import annotations

import json
import math
from typing import Any

ELLIPSIS = " … "
NOTHING = "—"
"""Stands where a value is not there."""


def shown(value: Any) -> str:
    """A JSON value as text: a string as it is, anything else as JSON; NOTHING for None."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value if value else '""'
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and end where it is longer than `most` characters (at least 5): names in AWS differ at
    either."""
    if len(text) <= most:
        return text
    kept = most - len(ELLIPSIS)
    head = math.ceil(kept / 2)
    return f"{text[:head]}{ELLIPSIS}{text[len(text) - (kept - head) :]}"


def figure(value: float | None) -> str:
    """A metric to six digits; NOTHING for None."""
    return NOTHING if value is None else f"{value:.6g}"


def money(amount: float | None, *, signed: bool = False) -> str:
    """`1,460.00`, `+83.95`, `−83.95`; `no price` for None."""
    if amount is None:
        return "no price"
    rounded = round(amount, 2) + 0.0
    sign = "−" if rounded < 0 else "+" if signed and rounded > 0 else ""
    return f"{sign}{abs(rounded):,.2f}"
