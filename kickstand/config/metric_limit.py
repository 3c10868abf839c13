"""A limit of one of a release's metrics, as `[gates] metrics` writes it: `validation:rmse <= 0.35`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_SIGNS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
)
_LIMIT = re.compile(r"\s*([^\s<>=]+)\s*(<=|>=|<|>)\s*([^\s<>=]+)\s*")
_METRIC = re.compile(r"[a-z]+:[A-Za-z0-9_.@+-]+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EXAMPLE = "Write it as validation:rmse <= 0.35, with <=, <, >= or >."


@dataclass(frozen=True, slots=True)
class MetricLimit:
    """One metric, and what it must be.

    metric: as a release names it, `validation:rmse`. sign: `<=`, `<`, `>=` or `>`. value: finite.
    """

    metric: str
    sign: str
    value: float

    def holds(self, figure: float) -> bool:
        """Whether a figure is within the limit. NaN never is."""
        return _SIGNS[self.sign](figure, self.value)

    @property
    def demand(self) -> str:
        """`<= 0.35`."""
        return f"{self.sign} {self.value!r}"


class LimitError(ValueError):
    """A text that is no limit. `fault`: what follows "the limit …" in a message, and how to mend it."""

    def __init__(self, fault: str, fix: str) -> None:
        self.fault, self.fix = fault, fix
        super().__init__(f"The limit {fault}. {fix}")


def parse_limit(text: str) -> MetricLimit:
    """The limit that a text writes. LimitError: it writes none."""
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise LimitError(f'must be a metric, a sign and a number, not "{text}"', _EXAMPLE)
    metric, sign, number = found.groups()
    if not _METRIC.fullmatch(metric):
        raise LimitError(
            f'must name a metric as CHANNEL:METRIC, not "{metric}"', "For example validation:rmse, as a release does."
        )
    if not _NUMBER.fullmatch(number) or not math.isfinite(float(number)):
        raise LimitError(f'must end in a finite number, not "{number}"', _EXAMPLE)
    return MetricLimit(metric, sign, float(number))


def limit_fault(text: str) -> tuple[str, str] | None:
    """The rule of a setting: what is wrong with a text as a limit, and how to mend it; None where nothing is."""
    try:
        parse_limit(text)
    except LimitError as error:
        return error.fault, error.fix
    return None
