"""EventBridge schedule expressions: `rate(7 days)`, `cron(0 6 ? * MON *)`.

Rules: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import re

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 1, 7, _DAYS),
    ("year", 1970, 2199, ()),
)


_LONGEST = 256
"""https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html, ScheduleExpression"""


def schedule_fault(expression: str) -> str | None:
    """What EventBridge would refuse in a schedule expression; None where it is well-formed."""
    if len(expression) > _LONGEST or not expression.isascii():
        return f"must be at most {_LONGEST} characters of ASCII"
    if match := re.fullmatch(r"rate\((\d+) (minute|minutes|hour|hours|day|days)\)", expression):
        return _rate_fault(int(match[1]), match[2])
    if match := re.fullmatch(r"cron\((.*)\)", expression):
        return _cron_fault(match[1].split())
    return "must be rate(NUMBER minutes|hours|days) or cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR)"


def _rate_fault(count: int, unit: str) -> str | None:
    if count < 1:
        return "must have a rate of at least 1"
    if (count == 1) == unit.endswith("s"):
        right = unit.removesuffix("s") if count == 1 else f"{unit}s"
        return f"must be rate({count} {right}): EventBridge wants the singular for 1 and the plural for more"
    return None


def _cron_fault(fields: list[str]) -> str | None:
    if len(fields) != len(_FIELDS):
        return f"must have the six fields minutes, hours, day of month, month, day of week, year; it has {len(fields)}"
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if text == "?" and name.startswith("day"):
            continue
        if not all(_is_part(part, name, low, high, words) for part in text.split(",")):
            return f"has {text!r} for the {name}, which goes from {low} to {high}"
    if "#" in fields[4] and "," in fields[4]:
        return f"has {fields[4]!r} for the day of week: beside a # there can be no other day"
    if (fields[2] == "?") == (fields[4] == "?"):
        return "must have ? for exactly one of day of month and day of week"
    return None


def _is_part(part: str, name: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    """One part of a comma list: `*`, `5`, `1-5`, `MON-FRI`, `*/15`, `0/15`, `L`, `15W`, `6#3`, `5L`."""
    if part == "*":
        return True
    if name == "day of month" and (part in ("L", "LW") or re.fullmatch(r"L-\d{1,2}", part)):
        return True
    if name == "day of month" and part.endswith("W"):
        return _number(part[:-1], low, high, ()) is not None
    if name == "day of week" and (match := re.fullmatch(r"(\w+?)(L|#[1-5])", part)):
        return _number(match[1], low, high, words) is not None
    if name == "day of week" and part == "L":
        return True
    body, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and 1 <= int(step) <= high):
        return False
    if body == "*":
        return bool(slash)
    start, dash, end = body.partition("-")
    return _number(start, low, high, words) is not None and (not dash or _number(end, low, high, words) is not None)


def _number(text: str, low: int, high: int, words: tuple[str, ...]) -> int | None:
    if text.upper() in words:
        return words.index(text.upper()) + low
    return int(text) if text.isdecimal() and low <= int(text) <= high else None
