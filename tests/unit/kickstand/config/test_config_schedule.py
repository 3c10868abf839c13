"""EventBridge's schedule expressions: what it takes and what it refuses."""

from __future__ import annotations

import pytest

from kickstand.config.values import schedule_fault


@pytest.mark.parametrize(
    "expression",
    [
        *("rate(1 minute)", "rate(1 hour)", "rate(7 days)"),
        *("cron(0 10 * * ? *)", "cron(15 12 ? * * *)", "cron(0 18 ? * MON-FRI *)", "cron(0 8 1 * ? *)"),
        *("cron(0/15 * * * ? *)", "cron(0/5 8-17 ? * mon-fri 2026)", "cron(0 0 L * ? *)", "cron(0 0 L-3 * ? *)"),
        *("cron(0 0 15W * ? *)", "cron(0 0 LW * ? *)", "cron(0 0 ? * 6#3 *)", "cron(0 0 ? JAN,JUL FRIL 2026-2030)"),
        "cron(*/10 0,12 ? * 1 *)",
    ],
)
def test_taken(expression: str) -> None:
    assert schedule_fault(expression) is None


FORM = "must be rate(NUMBER minutes|hours|days) or cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR)"
QUESTION = "must have ? for exactly one of day of month and day of week"


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("daily", FORM),
        ("rate(1 week)", FORM),
        ("rate(1 day", FORM),
        ("rate(0 days)", "must have a rate of at least 1"),
        ("rate(1 days)", "must be rate(1 day): EventBridge wants the singular for 1 and the plural for more"),
        ("rate(2 hour)", "must be rate(2 hours): EventBridge wants the singular for 1 and the plural for more"),
        (
            "cron(0 6 * * *)",
            "must have the six fields minutes, hours, day of month, month, day of week, year; it has 5",
        ),
        ("cron(0 6 * * * *)", QUESTION),
        ("cron(0 6 ? * ? *)", QUESTION),
        ("cron(60 6 * * ? *)", "has '60' for the minutes, which goes from 0 to 59"),
        ("cron(0 24 * * ? *)", "has '24' for the hours, which goes from 0 to 23"),
        ("cron(0 6 0 * ? *)", "has '0' for the day of month, which goes from 1 to 31"),
        ("cron(0 6 ? * 0 *)", "has '0' for the day of week, which goes from 1 to 7"),
        ("cron(0 6 ? * MO *)", "has 'MO' for the day of week, which goes from 1 to 7"),
        ("cron(0 6 * 13 ? *)", "has '13' for the month, which goes from 1 to 12"),
        ("cron(? 6 * * ? *)", "has '?' for the minutes, which goes from 0 to 59"),
        ("cron(0/0 6 * * ? *)", "has '0/0' for the minutes, which goes from 0 to 59"),
        ("cron(0- 6 * * ? *)", "has '0-' for the minutes, which goes from 0 to 59"),
        ("cron(0 6 1,? * MON *)", "has '1,?' for the day of month, which goes from 1 to 31"),
        ("cron(0 6 ? * 3#1,6#3 *)", "has '3#1,6#3' for the day of week: beside a # there can be no other day"),
        (f"cron({','.join(['0'] * 200)} 6 * * ? *)", "must be at most 256 characters of ASCII"),
        ("cron(0 6 * * ? 1969)", "has '1969' for the year, which goes from 1970 to 2199"),
    ],
)
def test_refused(expression: str, fault: str) -> None:
    assert schedule_fault(expression) == fault
