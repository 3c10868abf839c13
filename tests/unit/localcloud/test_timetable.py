"""When schedules are due: rates, times of the day, time zones and the two days on which their clocks are changed."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from localcloud.clock import Clock
from localcloud.timetable import Timetable, expression_fault, rate_seconds, time_zone

BERLIN = "Europe/Berlin"


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def moments(expression: str, zone: str, after: str, count: int, **bounds: str) -> list[str]:
    """The moments of an expression behind one, in UTC."""
    place = time_zone(zone)
    assert place is not None
    edges = {name: at(text) for name, text in bounds.items()}
    timetable = Timetable(expression, place, edges.pop("first", 0.0), **edges)

    def following() -> object:
        moment: float | None = at(after)
        while moment is not None and (moment := timetable.following(Clock(), moment)) is not None:
            yield datetime.fromtimestamp(moment, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%MZ")

    return list(islice(following(), count))  # type: ignore[call-overload]


@pytest.mark.contract("Z01")
def test_a_time_of_the_day_is_the_zones() -> None:
    evenings = "cron(0 19 ? * MON-FRI *)"
    assert moments(evenings, BERLIN, "2026-01-09T12:00Z", 2) == ["2026-01-09T18:00Z", "2026-01-12T18:00Z"]
    assert moments(evenings, BERLIN, "2026-07-10T12:00Z", 2) == ["2026-07-10T17:00Z", "2026-07-13T17:00Z"]
    assert moments("at(2026-07-10T19:00:00)", BERLIN, "2026-07-01T00:00Z", 2) == ["2026-07-10T17:00Z"]
    assert moments("at(2026-07-10T19:00:00)", "UTC", "2026-07-01T00:00Z", 2) == ["2026-07-10T19:00Z"]


@pytest.mark.contract("Z01")
def test_a_time_that_the_clock_leaps_over_is_none() -> None:
    """On 29 March 2026 at 02:00 it is 03:00 in Berlin."""
    found = moments("cron(30 2 * * ? *)", BERLIN, "2026-03-27T12:00Z", 3)
    assert found == ["2026-03-28T01:30Z", "2026-03-30T00:30Z", "2026-03-31T00:30Z"]


@pytest.mark.contract("Z01")
def test_a_time_that_comes_twice_is_the_first_one() -> None:
    """On 25 October 2026 at 03:00 it is 02:00 in Berlin: 02:30 is at 00:30 and at 01:30 UTC."""
    daily = "cron(30 2 * * ? *)"
    assert moments(daily, BERLIN, "2026-10-24T12:00Z", 2) == ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]
    assert moments(daily, BERLIN, "2026-10-25T00:45Z", 1) == ["2026-10-26T01:30Z"]
    assert moments(daily, BERLIN, "2026-10-25T01:15Z", 1) == ["2026-10-26T01:30Z"]


@pytest.mark.contract("Z02")
def test_a_rate_goes_on_from_its_first_moment() -> None:
    found = moments("rate(1 hour)", "UTC", "2026-01-01T10:30Z", 2, first="2026-01-01T08:15:00Z")
    assert found == ["2026-01-01T11:15Z", "2026-01-01T12:15Z"]
    assert moments("rate(1 hour)", "UTC", "2026-01-01T07:00Z", 1, first="2026-01-01T08:15:00Z") == ["2026-01-01T08:15Z"]
    assert Timetable("rate(1 hour)", ZoneInfo("UTC"), 1000.0).following(Clock(60.0), 1000.0) == 1060.0


def test_nothing_is_due_outside_its_bounds() -> None:
    hourly = "cron(0 * * * ? *)"
    assert moments(hourly, "UTC", "2026-01-01T00:10Z", 1, begin="2026-01-02T05:00:30Z") == ["2026-01-02T06:00Z"]
    assert moments(hourly, "UTC", "2026-01-01T00:10Z", 9, end="2026-01-01T02:00:00Z") == [
        "2026-01-01T01:00Z",
        "2026-01-01T02:00Z",
    ]


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("rate(1 hour)", False),
        ("cron(0 19 ? * MON-FRI *)", False),
        ("at(2026-07-10T19:00:00)", False),
        ("at(2026-07-10)", True),
        ("at(2026-02-30T00:00:00)", True),
        ("rate(0 hours)", True),
        ("cron(0 19 * * MON-FRI *)", True),
        ("every day", True),
    ],
)
def test_an_expression_that_aws_refuses_has_a_fault(expression: str, fault: bool) -> None:
    assert (expression_fault(expression) is not None) == fault


def test_zones_and_rates_are_known() -> None:
    assert str(time_zone(None)) == "UTC"
    assert str(time_zone(BERLIN)) == BERLIN
    assert [time_zone(name) for name in ("Europe/Atlantis", "../etc/passwd", "Europe")] == [None, None, None]
    assert (rate_seconds("rate(2 days)"), rate_seconds("cron(0 * * * ? *)")) == (172800.0, None)
