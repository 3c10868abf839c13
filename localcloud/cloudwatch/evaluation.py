"""Which state an alarm's data points make: M of N, missing data, alarms that would be premature.

CloudWatch looks at more periods than the alarm names, takes the real data points first, and treats as many as are
missing the way the alarm says. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
(the tables of that page are in the tests).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
STATES = (OK, ALARM, INSUFFICIENT_DATA)
TREATMENTS = {"missing": "Missing", "ignore": "Ignore", "breaching": "Breaching", "notBreaching": "NonBreaching"}
"""TreatMissingData, and its word in the reasons of states."""
_MORE = 2
"""Periods that are looked at beside those of the alarm: 5 for 3, in the tables of the page."""

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What of an alarm decides about its state.

    periods:  EvaluationPeriods, the N of M of N.
    needed:   DatapointsToAlarm, the M.
    treat:    TreatMissingData.
    """

    comparison: str
    threshold: float
    periods: int
    needed: int
    treat: str = "missing"

    @property
    def range(self) -> int:
        """How many periods are looked at."""
        return self.periods + _MORE

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an evaluation found.

    state:   None where the alarm keeps the one that it has.
    used:    the numbers of the periods whose points were evaluated, oldest first.
    filled:  how many missing points were treated as the alarm says.
    """

    state: str | None
    used: tuple[int, ...]
    filled: int


def evaluate(rule: Rule, values: Sequence[float | None]) -> Outcome:
    """The outcome for the values of the last `rule.range` periods, oldest first; None where a period has none."""
    real = [number for number, value in enumerate(values) if value is not None]
    used = tuple(real[-rule.periods :])
    breaching = [number for number in used if rule.breaches(_value(values, number))]
    filled = rule.periods - len(used)
    if len(breaching) >= rule.needed:
        return Outcome(ALARM, used, filled)
    if not filled:
        return Outcome(OK, used, filled)
    if rule.treat == "breaching":
        return Outcome(ALARM if len(breaching) + filled >= rule.needed else OK, used, filled)
    if rule.treat == "notBreaching" or len(breaching) < len(used):
        return Outcome(OK, used, filled)
    # All that there is breaches, or there is nothing, and missing points stay missing.
    if rule.treat == "ignore":
        return Outcome(None, used, filled)
    if not used:
        return Outcome(INSUFFICIENT_DATA, used, filled)
    # An alarm is not premature once the oldest breaching point is as old as the number that it needs. A younger one
    # makes no alarm; AWS does not say what it makes of the state: it stays.
    return Outcome(ALARM if len(values) - breaching[0] >= rule.needed else None, used, filled)


def reason(rule: Rule, outcome: Outcome, values: Sequence[float | None], dates: Sequence[str]) -> str:
    """StateReason in CloudWatch's form. dates: of the periods, as `29/11/26 15:04:00`."""
    if outcome.state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(rule.periods, 'datapoint')} unknown."
    breaching = outcome.state == ALARM
    chosen = [number for number in outcome.used if rule.breaches(_value(values, number)) == breaching]
    treated = f"{_counted(outcome.filled, 'missing datapoint')} treated as [{TREATMENTS[rule.treat]}]"
    if not chosen:
        periods = f"{outcome.filled} period{'' if outcome.filled == 1 else 's'}"
        return f"Threshold Crossed: no datapoints were received for {periods} and {treated}."
    points = ", ".join(f"{_value(values, number)!r} ({dates[number]})" for number in chosen)
    verb = "was" if len(chosen) == 1 else "were"
    compared = f"{verb} {'' if breaching else 'not '}{COMPARISONS[rule.comparison][1]} the threshold"
    limit = f"({float(rule.threshold)!r})"
    if outcome.filled and rule.treat in ("breaching", "notBreaching"):
        noun = f"{len(chosen)} datapoint{'' if len(chosen) == 1 else 's'}"
        return f"Threshold Crossed: {noun} [{points}] {compared} {limit} and {treated}."
    least = rule.needed if breaching else rule.periods - rule.needed + 1
    way = "OK -> ALARM" if breaching else "ALARM -> OK"
    minimum = f"(minimum {least} datapoint{'' if least == 1 else 's'} for {way} transition)"
    return (
        f"Threshold Crossed: {len(chosen)} out of the last {len(outcome.used)} datapoints [{points}] {compared} "
        f"{limit} {minimum}."
    )


def _value(values: Sequence[float | None], number: int) -> float:
    value = values[number]
    assert value is not None
    return float(value)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun} was" if number == 1 else f"{number} {noun}s were"
