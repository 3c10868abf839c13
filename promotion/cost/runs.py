"""How often a schedule runs in a month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

HOURS_A_MONTH = 730
"""365 days of 24 hours, by 12: as AWS's own calculator counts."""

_DAYS_A_MONTH = Decimal(365) / 12
_WEEKS_A_MONTH = _DAYS_A_MONTH / 7
_IN_HOURS = {"minute": Decimal(1) / 60, "hour": Decimal(1), "day": Decimal(24)}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def runs_a_month(expression: str) -> Decimal | None:
    """Runs in an average month of an EventBridge expression, `rate(…)` or `cron(…)`; None where it is neither.

    A cron's year is not looked at, and a day of the month that short months lack counts in each.
    """
    if match := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return HOURS_A_MONTH / (int(match[1]) * _IN_HOURS[match[2]])
    match = re.fullmatch(r"cron\((.*)\)", expression)
    fields = match[1].split() if match else []
    if len(fields) != 6:
        return None
    minutes, hours, days, months, weekdays, _ = fields
    a_day = _values(minutes, 0, 59) * _values(hours, 0, 23)
    return a_day * _days(days, weekdays) * Decimal(_values(months, 1, 12, _MONTHS)) / 12


def _days(days: str, weekdays: str) -> Decimal:
    """Days of an average month that a cron names, by their number or by the day of the week."""
    if "*" in (days, weekdays):
        return _DAYS_A_MONTH
    if weekdays == "?":
        return Decimal(_values(days, 1, 31))
    once = [part for part in weekdays.split(",") if re.fullmatch(r"\w+?#\d|\w+L", part)]
    every = [part for part in weekdays.split(",") if part not in once]
    weekly = _values(",".join(every), 1, 7, _WEEKDAYS) if every else 0
    return len(once) + weekly * _WEEKS_A_MONTH


def _values(field: str, low: int, high: int, words: Sequence[str] = ()) -> int:
    """How many values a field of a cron names."""
    return len({value for part in field.split(",") for value in _part(part, low, high, words)})


def _part(part: str, low: int, high: int, words: Sequence[str]) -> set[int | str]:
    """The values of one part: `*`, `5`, `MON-FRI`, `*/15`, `0/15`; `L` and `15W` are one day each."""
    body, slash, step = part.partition("/")
    start, dash, end = body.partition("-")
    if body == "*":
        first, last = low, high
    elif (at := _number(start, low, words)) is None or (dash and _number(end, low, words) is None):
        return {part}
    else:
        first = at
        last = (_number(end, low, words) or high) if dash else (high if slash else at)
    if last < first:  # FRI-MON goes over the end
        return {*range(first, high + 1), *range(low, last + 1)}
    return set(range(first, last + 1, int(step) if slash else 1))


def _number(text: str, low: int, words: Sequence[str]) -> int | None:
    if text.upper() in words:
        return words.index(text.upper()) + low
    return int(text) if text.isdecimal() else None
