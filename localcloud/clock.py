"""The time of the local cloud: real moments, and durations of AWS that a time factor makes shorter.

All timestamps are real: signatures, CloudFormation's events and log lines fit together. What lasts is shortened: with
the factor 60 a wait, a bake or an alarm's period of five minutes takes five seconds, and every record still says five
minutes.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

_SLACK = 1e-4
"""Of a period: a beginning is a multiple of a length that may be no whole number, and lies in the period it begins."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one server.

    factor: how many seconds of AWS pass in a real second; at least 1.
    """

    factor: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.factor) or self.factor < 1:
            raise ValueError(f"Expected a time factor of at least 1, found {self.factor:g}.")

    def now(self) -> float:
        """The present moment: real seconds since 1970."""
        return time.time()

    def real(self, seconds: float) -> float:
        """How many real seconds a duration of AWS takes."""
        return seconds / self.factor

    def beginning(self, moment: float, seconds: float) -> float:
        """When the period of so many AWS seconds began that holds a moment; periods are counted from 1970."""
        length = self.real(seconds)
        return math.floor(moment / length + _SLACK) * length

    def following(self, moment: float, seconds: float) -> float:
        """When the period ends that holds a moment, and the next one begins."""
        length = self.real(seconds)
        return (math.floor(moment / length + _SLACK) + 1) * length
