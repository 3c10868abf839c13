"""A table of settings, and the forms of a setting's value: TOML types, ARNs, schedules, durations, weekly windows.

A value of another type is described by what was found instead. Schedules: `rate(7 days)`, `cron(0 6 ? * MON *)`;
durations: `8h`; windows: `Mon-Fri 08:00-19:00 Europe/Berlin`.
"""

from __future__ import annotations

import re
import types
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A table of the project file: immutable, and without keys that nobody asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def mismatch(value: object, wanted: Any) -> tuple[str, str] | None:
    """None where `value` fits the annotation `wanted`; else (what was expected and found, how to fix it).

    Nothing is converted: "3" is no number, true is no 1, 1 is no true, 3.0 is no whole number; infinity is no number.
    Known annotations: str, int, float (a whole number is one), bool, Path, tuple of texts or paths, Literal of texts,
    and any of these or None.
    """
    wanted = _without_none(wanted)
    if wanted is int:
        if type(value) is int:
            return None
        return f"must be a whole number, not {found_type(value)}", _suggested_number(value)
    if wanted is float:
        if type(value) in (int, float) and isfinite(value):  # type: ignore[arg-type]
            return None
        return f"must be a number, not {found_type(value)}", _suggested_number(value)
    if wanted is bool:
        if type(value) is bool:
            return None
        plain = value.lower() if isinstance(value, str) else ""
        fix = f"Write {plain}, without quotes." if plain in ("true", "false") else ""
        return f"must be true or false, not {found_type(value)}", fix
    if get_origin(wanted) is tuple:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return None
        if isinstance(value, list):
            odd = next(item for item in value if not isinstance(item, str))
            return f"must be a list of texts; it holds {found_type(odd)}", "Put each of them in quotes."
        fix = f'Put it in brackets: ["{value}"]' if isinstance(value, str) else ""
        return f"must be a list of texts, not {found_type(value)}", fix
    if isinstance(value, str):
        return None
    fix = f'Put it in quotes: "{value}"' if type(value) in (int, float) else ""
    return f"must be {'a path' if wanted is Path else 'text'}, not {found_type(value)}", fix


def choices(wanted: Any) -> tuple[str, ...]:
    """The texts that a Literal annotation allows; empty for every other annotation."""
    wanted = _without_none(wanted)
    return get_args(wanted) if get_origin(wanted) is Literal else ()


def found_type(value: object) -> str:
    """A value in a message: `the text "3"`, `the number 3.0`, `true`, `a list`, `a table`, `a date`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'the text "{value}"' if len(value) <= 60 else f'the text "{value[:60]}…"'
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, date | datetime | time):
        return "a date or time"
    return "a table" if isinstance(value, dict) else "a list"


def _suggested_number(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"Write {int(value)}."
    if isinstance(value, str) and value.strip().isdecimal():
        return f"Write {value.strip()}, without quotes."
    return ""


def _without_none(wanted: Any) -> Any:
    if get_origin(wanted) in (Union, types.UnionType):
        return next(part for part in get_args(wanted) if part is not type(None))
    return wanted


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


_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|aws|):(\S+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; region and account are empty where the service has none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse_arn(text: str) -> Arn | None:
    """The parts of an ARN; None for text that is not one."""
    match = _ARN.fullmatch(text)
    return Arn(*match.groups()) if match else None


_DURATION = re.compile(r"([1-9]\d{0,5})([mhd])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}


def duration_seconds(text: str) -> int | None:
    """The seconds of `90m`, `8h` or `2d`; None for what is no duration."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _SECONDS[match[2]] if match else None


WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TIMEZONE = r"UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z_+-]*[A-Za-z0-9])+"
"""The form of a time zone's IANA name."""


@dataclass(frozen=True, slots=True)
class Window:
    """The same hours on some days of each week. begins, ends: minutes after midnight of `timezone`, 0 to 1,440."""

    days: tuple[str, ...]
    begins: int
    ends: int
    timezone: str

    def end_after(self, moment: datetime) -> datetime:
        """When it ends next, later than an aware moment; in its own zone, whose name the machine must know."""
        zone = ZoneInfo(self.timezone)
        today = moment.astimezone(zone).date()
        for number in range(8):
            day = today + timedelta(days=number)
            midnight = datetime(day.year, day.month, day.day)
            end = (midnight + timedelta(minutes=self.ends)).replace(tzinfo=zone)
            if WEEK[day.weekday()] in self.days and end > moment:
                return end
        raise ValueError("a window has a day of the week")


def parse_window(text: str) -> Window | tuple[str, str]:
    """A weekly window, `Mon-Fri 08:00-19:00 Europe/Berlin`; else what is wrong with it, and how to fix it."""
    match = re.fullmatch(r"(\S+) (\d\d):(\d\d)-(\d\d):(\d\d) (\S+)", text, re.ASCII)
    if match is None:
        return f'must be DAYS HH:MM-HH:MM ZONE, not "{text}"', 'For example "Mon-Fri 08:00-19:00 Europe/Berlin".'
    days, unknown = _days(match[1])
    if unknown:
        return unknown
    for hours, minutes, last in ((match[2], match[3], "23:59"), (match[4], match[5], "24:00")):
        if int(minutes) > 59 or f"{hours}:{minutes}" > last:
            return f"has {hours}:{minutes} for a time, which goes from 00:00 to {last}", ""
    begins, ends = (60 * int(match[one]) + int(match[one + 1]) for one in (2, 4))
    if begins >= ends:
        what = "of no length" if begins == ends else "past midnight"
        return f'has a window {what}: "{text}"', "It begins and ends on the same day: 24:00 is the latest end."
    if fault := timezone_fault(match[6]):
        return fault
    return Window(days, begins, ends, match[6])


def _days(text: str) -> tuple[tuple[str, ...], tuple[str, str] | None]:
    """The days of `Mon-Thu,Sat`, from Monday on; or what is wrong with them."""
    found: list[str] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not {first, last or first} <= set(WEEK):
            return (), (f'has "{part}" for days, which are {", ".join(WEEK)}', 'For example "Mon-Fri" or "Mon,Wed".')
        begin, end = WEEK.index(first), WEEK.index(last if dash else first)
        if begin > end:
            return (), (f'has "{part}" for days: a week runs from Mon to Sun', f'Write "{first}-Sun,Mon-{last}".')
        found += WEEK[begin : end + 1]
    if twice := sorted({day for day in found if found.count(day) > 1}, key=WEEK.index):
        return (), (f"names {', '.join(twice)} more than once", "Each day stands once.")
    return tuple(sorted(found, key=WEEK.index)), None


def timezone_fault(name: str) -> tuple[str, str] | None:
    """What is wrong with the IANA name of a time zone; its form alone where the machine has no table of them."""
    known: set[str] = set()
    if re.fullmatch(TIMEZONE, name):
        try:
            ZoneInfo(name)
            return None
        except (ZoneInfoNotFoundError, OSError):
            known = available_timezones()
            if not known:
                return None
    near = get_close_matches(name, sorted(known), n=1)
    fix = f"Did you mean {near[0]}?" if near else "It is named by region and city: Europe/Berlin, or UTC."
    return f'has no time zone that there is: "{name}"', fix
