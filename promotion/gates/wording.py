"""How gates write a change: `+1.24 %`, `-0.3 %`, `0 %`."""

from __future__ import annotations

import math


def percent(share: float) -> str:
    """A share as per cent with its sign, three digits of it; an infinite one in words."""
    if math.isinf(share):
        return "infinitely worse" if share > 0 else "infinitely better"
    if share == 0:
        return "0 %"
    return f"{share * 100:+.3g} %" if abs(share) < 10 else f"{share * 100:+,.0f} %"
