"""When an endpoint stops by itself: `expires_after`, `awake`, `idle_after`, and what of them is refused by line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from project_files import SMALLEST, problems, write

from kickstand.config.load import load_project
from kickstand.config.operation import Lifetime
from kickstand.config.values import Window, duration_seconds, parse_window

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


def test_an_environment_without_an_end_has_none(tmp_path: Path) -> None:
    assert load_project(write(tmp_path, SMALLEST)).environments["dev"].lifetime is None


def test_the_ends_of_an_environment_are_read(tmp_path: Path) -> None:
    text = 'expires_after = "8h"\nidle_after = "90m"\nawake = "Mon-Fri 08:00-19:00 Europe/Berlin"\n'
    lifetime = load_project(write(tmp_path, SMALLEST + text)).environments["dev"].lifetime
    assert lifetime == Lifetime(28_800, 5400, Window(WEEKDAYS, 480, 1140, "Europe/Berlin"))
    assert lifetime.watched
    awake = load_project(write(tmp_path, SMALLEST + text.splitlines()[2])).environments["dev"].lifetime
    assert awake is not None and not awake.watched


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("8h", 28_800), ("30d", 2_592_000), ("1d", 86_400)])
def test_durations(text: str, seconds: int) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("Mon-Fri", WEEKDAYS),
        ("Sat,Mon", ("Mon", "Sat")),
        ("Sun", ("Sun",)),
        ("Fri-Sun,Mon", ("Mon", "Fri", "Sat", "Sun")),
    ],
)
def test_days(days: str, expected: tuple[str, ...]) -> None:
    assert parse_window(f"{days} 00:00-24:00 UTC") == Window(expected, 0, 1440, "UTC")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        *[
            (
                f'expires_after = "{text}"',
                f'8: expires_after must be a duration such as "8h", not "{text}". A whole number and m, h or d: "90m", '
                '"8h", "2d".',
            )
            for text in ("8", "0h", "8 h", "1h30m", "-1h", "8H", "1.5h", "PT8H", "never")
        ],
        ('expires_after = "59m"', '8: expires_after must be "1h" to "30d", not "59m".'),
        ('expires_after = "31d"', '8: expires_after must be "1h" to "30d", not "31d".'),
        ("expires_after = 8", '8: expires_after must be text, not the number 8. Put it in quotes: "8"'),
        ('idle_after = "8d"', '8: idle_after must be "1h" to "7d", not "8d".'),
        (
            'expires_after = "8h"\nidle_after = "8h"',
            "9: idle_after (8h) is never reached: expires_after is 8h. Write a shorter one, or take it out.",
        ),
        (
            'awake = "08:00-19:00"',
            '8: awake must be DAYS HH:MM-HH:MM ZONE, not "08:00-19:00". For example "Mon-Fri 08:00-19:00 '
            'Europe/Berlin".',
        ),
        (
            'awake = "Mon-Fri 22:00-06:00 UTC"',
            '8: awake has a window past midnight: "Mon-Fri 22:00-06:00 UTC". It begins and ends on the same day: 24:00 '
            "is the latest end.",
        ),
        (
            'awake = "Mon 08:00-08:00 UTC"',
            '8: awake has a window of no length: "Mon 08:00-08:00 UTC". It begins and ends on the same day: 24:00 is '
            "the latest end.",
        ),
        (
            'awake = "Mon 08:00-08:59 UTC"',
            '8: awake has a window shorter than an hour: "Mon 08:00-08:59 UTC". The notice comes half an hour before '
            "its end.",
        ),
        ('awake = "Mon 08:60-19:00 UTC"', "8: awake has 08:60 for a time, which goes from 00:00 to 23:59."),
        ('awake = "Mon 24:00-24:00 UTC"', "8: awake has 24:00 for a time, which goes from 00:00 to 23:59."),
        ('awake = "Mon 08:00-24:01 UTC"', "8: awake has 24:01 for a time, which goes from 00:00 to 24:00."),
        (
            'awake = "Mo-Fr 08:00-19:00 UTC"',
            '8: awake has "Mo-Fr" for days, which are Mon, Tue, Wed, Thu, Fri, Sat, Sun. For example "Mon-Fri" or '
            '"Mon,Wed".',
        ),
        (
            'awake = "Fri-Mon 08:00-19:00 UTC"',
            '8: awake has "Fri-Mon" for days: a week runs from Mon to Sun. Write "Fri-Sun,Mon-Mon".',
        ),
        (
            'awake = "Mon-Fri,Wed 08:00-19:00 UTC"',
            "8: awake names Wed more than once. Each day stands once.",
        ),
        (
            'awake = "Mon 08:00-19:00 Europe/Berln"',
            '8: awake has no time zone that there is: "Europe/Berln". Did you mean Europe/Berlin?',
        ),
        (
            'awake = "Mon 08:00-19:00 ../etc/passwd"',
            '8: awake has no time zone that there is: "../etc/passwd". It is named by region and city: Europe/Berlin, '
            "or UTC.",
        ),
    ],
)  # fmt: skip
def test_what_is_no_end_is_refused_by_its_line(tmp_path: Path, written: str, said: str) -> None:
    assert problems(tmp_path, f"{SMALLEST}{written}\n") == [said]


def test_prod_never_stops_by_itself(tmp_path: Path) -> None:
    prod = '[environments.prod]\naccount = "111122223333"\nregion = "us-east-1"\n'
    text = 'expires_after = "8h"\nawake = "Mon 08:00-19:00 UTC"\nidle_after = "1h"\n'
    assert problems(tmp_path, f"{SMALLEST}{prod}{text}") == [
        f"{line}: {name} stops the endpoint by itself, and prod never stops. Take it out."
        for line, name in ((11, "expires_after"), (12, "awake"), (13, "idle_after"))
    ]


def test_an_end_belongs_to_an_environment_alone(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, f'expires_after = "8h"\n{SMALLEST}')
    assert said.startswith('1: Unknown table "expires_after".')


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-11-30T12:00:00+00:00", "2026-11-30T19:00:00+01:00"),  # a Monday
        ("2026-11-30T18:00:00+00:00", "2026-12-01T19:00:00+01:00"),  # at its end: the next one
        ("2026-12-04T18:30:00+00:00", "2026-12-07T19:00:00+01:00"),  # Friday night
        ("2026-03-27T18:00:00+00:00", "2026-03-30T19:00:00+02:00"),  # over the change to summer time
        ("2026-11-30T23:30:00-12:00", "2026-12-01T19:00:00+01:00"),  # another day here
    ],
)
def test_a_window_ends_by_the_clock_of_its_zone(moment: str, end: str) -> None:
    window = Window(WEEKDAYS, 480, 1140, "Europe/Berlin")
    assert window.end_after(datetime.fromisoformat(moment)) == datetime.fromisoformat(end)


def test_a_window_may_end_with_its_day() -> None:
    window = Window(("Sun",), 480, 1440, "UTC")
    assert window.end_after(datetime(2026, 11, 29, 23, 59, tzinfo=UTC)) == datetime(2026, 11, 30, tzinfo=UTC)
    assert window.end_after(datetime(2026, 11, 30, tzinfo=UTC)) == datetime(2026, 12, 7, tzinfo=UTC)


PAGE = (Path(__file__).resolve().parents[4] / "docs" / "expiry.md").read_text(encoding="utf-8")


def test_the_project_file_of_the_page_is_right(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    dev = load_project(write(tmp_path, SMALLEST.partition("[environments")[0] + text)).environments["dev"]
    assert dev.lifetime == Lifetime(28_800, 7200, Window(WEEKDAYS, 480, 1140, "Europe/Berlin"))
    assert dev.alerts.emails == ("team@example.com",)


def test_the_commands_of_the_page_are_there() -> None:
    typed = {line.split("#")[0].strip() for line in PAGE.splitlines() if line.startswith("    kickstand ")}
    # tests/local/test_stopping_endpoint.py types each of them.
    assert typed == {
        *("kickstand deploy dev", "kickstand status dev", "kickstand local start --time-factor 60"),
        *("kickstand --local deploy dev --yes", "kickstand --local status dev"),
    }
