"""The states of alarms, by the tables of CloudWatch's page on missing data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: 0 is a point that does not
breach, X one that does, - a missing one; the newest is on the right; three periods are evaluated, five looked at.
"""

from __future__ import annotations

import pytest

from localcloud.cloudwatch.evaluation import ALARM, INSUFFICIENT_DATA, OK, Rule, evaluate, reason

KEEP = None
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def values(points: str) -> list[float | None]:
    return [{"0": 0.0, "X": 2.0, "-": None}[point] for point in points.split()]


def rule(needed: int, treat: str = "missing", periods: int = 3) -> Rule:
    return Rule("GreaterThanThreshold", 1.0, periods, needed, treat)


@pytest.mark.contract("N03")
@pytest.mark.parametrize(
    ("points", "filled", "states"),
    [
        ("0 - X - X", 0, (OK, OK, OK, OK)),
        ("0 - - - -", 2, (OK, OK, OK, OK)),
        ("- - - - -", 3, (INSUFFICIENT_DATA, KEEP, ALARM, OK)),
        ("0 X X - X", 0, (ALARM, ALARM, ALARM, ALARM)),
        ("- - X - -", 2, (ALARM, KEEP, ALARM, OK)),
    ],
)
def test_three_of_three(points: str, filled: int, states: tuple[str | None, ...]) -> None:
    found = [evaluate(rule(3, treat), values(points)) for treat in TREATMENTS]
    assert tuple(outcome.state for outcome in found) == states
    assert {outcome.filled for outcome in found} == {filled}


@pytest.mark.contract("N03")
@pytest.mark.parametrize(
    ("points", "filled", "states"),
    [
        ("0 - X - X", 0, (ALARM, ALARM, ALARM, ALARM)),
        ("0 0 X 0 X", 0, (ALARM, ALARM, ALARM, ALARM)),
        ("0 - X - -", 1, (OK, OK, ALARM, OK)),
        ("- - - - 0", 2, (OK, OK, ALARM, OK)),
        ("- - - X -", 2, (ALARM, KEEP, ALARM, OK)),
    ],
)
def test_two_of_three(points: str, filled: int, states: tuple[str | None, ...]) -> None:
    found = [evaluate(rule(2, treat), values(points)) for treat in TREATMENTS]
    assert tuple(outcome.state for outcome in found) == states
    assert {outcome.filled for outcome in found} == {filled}


@pytest.mark.contract("N04")
@pytest.mark.parametrize("points", ["- - - - X", "- - - X -"])
def test_an_alarm_of_three_of_three_is_not_premature(points: str) -> None:
    assert evaluate(rule(3), values(points)).state is KEEP


@pytest.mark.contract("N04")
@pytest.mark.parametrize(
    ("points", "state"),
    [("- - X - 0", OK), ("- - - X 0", OK), ("- - X X X", ALARM), ("- - X X -", ALARM), ("X - - - -", ALARM)],
)
def test_what_follows_a_first_breaching_point(points: str, state: str) -> None:
    assert evaluate(rule(3), values(points)).state == state


def test_one_of_one_looks_two_periods_further_back() -> None:
    one = rule(1, "notBreaching", periods=1)
    assert one.range == 3
    assert [evaluate(one, values(points)).state for points in ("0 0 X", "X - -", "X - 0", "- - -")] == [
        ALARM,
        ALARM,
        OK,
        OK,
    ]


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [False, False, True]),
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_comparisons(comparison: str, breaching: list[bool]) -> None:
    one = Rule(comparison, 1.0, 1, 1)
    assert [one.breaches(value) for value in (0.5, 1.0, 1.5)] == breaching


DATES = [f"29/11/26 15:0{minute}:00" for minute in range(5)]


@pytest.mark.parametrize(
    ("chosen", "points", "text"),
    [
        (
            rule(1, periods=1),
            "0 X",
            "Threshold Crossed: 1 out of the last 1 datapoints [2.0 (29/11/26 15:01:00)] was greater than the "
            "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            rule(2),
            "0 - X - X",
            "Threshold Crossed: 2 out of the last 3 datapoints [2.0 (29/11/26 15:02:00), 2.0 (29/11/26 15:04:00)] were "
            "greater than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition).",
        ),
        (
            rule(2),
            "X X X 0 0",
            "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (29/11/26 15:03:00), 0.0 (29/11/26 15:04:00)] were "
            "not greater than the threshold (1.0) (minimum 2 datapoints for ALARM -> OK transition).",
        ),
        (
            rule(1, "notBreaching", periods=1),
            "- - -",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[NonBreaching].",
        ),
        (
            rule(3, "notBreaching"),
            "0 - - - -",
            "Threshold Crossed: 1 datapoint [0.0 (29/11/26 15:00:00)] was not greater than the threshold (1.0) and 2 "
            "missing datapoints were treated as [NonBreaching].",
        ),
        (rule(1, periods=1), "- - -", "Insufficient Data: 1 datapoint was unknown."),
        (rule(3), "- - - - -", "Insufficient Data: 3 datapoints were unknown."),
    ],
)
def test_reasons(chosen: Rule, points: str, text: str) -> None:
    assert reason(chosen, evaluate(chosen, values(points)), values(points), DATES) == text
