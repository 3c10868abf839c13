"""Expressions of metric math, their values worked out by hand."""

from __future__ import annotations

import pytest

from localcloud.cloudwatch.metric_math import Expression, MathError, Value

ERRORS: Value = [0.0, 3.0, None, 1.0]
REQUESTS: Value = [10.0, 6.0, None, 0.0]
VALUES = {"m1": ERRORS, "m2": REQUESTS, "n": 2.0}


@pytest.mark.contract("N09")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m1", [0.0, 3.0, None, 1.0]),
        ("m1 / m2 * 100", [0.0, 50.0, None, None]),
        ("m1 + 1 - n", [-1.0, 2.0, None, 0.0]),
        ("-m1", [0.0, -3.0, None, -1.0]),
        ("2 * (3 + 4)", 14.0),
        ("m1 > 0", [0.0, 1.0, None, 1.0]),
        ("m1 >= 3 AND m2 < 7", [0.0, 1.0, None, 0.0]),
        ("m1 == 0 || m1 == 1", [1.0, 0.0, None, 1.0]),
        ("IF(m2 > 5, m1 / m2, 0)", [0.0, 0.5, None, 0.0]),
        ("IF(FILL(m2, 0) > 5, FILL(m1, 0), 0)", [0.0, 3.0, 0.0, 0.0]),
        ("IF(1 > 2, m1, m2)", [10.0, 6.0, None, 0.0]),
        ("FILL(m1, 7)", [0.0, 3.0, 7.0, 1.0]),
        ("FILL(m1, REPEAT)", [0.0, 3.0, 3.0, 1.0]),
        ("FILL(m1, n)", [0.0, 3.0, 2.0, 1.0]),
        ("SUM([m1, m2])", [10.0, 9.0, None, 1.0]),
        ("MAX([m1, m2, n])", [10.0, 6.0, 2.0, 2.0]),
        ("MIN([m1, m2])", [0.0, 3.0, None, 0.0]),
        ("SUM(m1)", 4.0),
        ("AVG(m2)", 16 / 3),
    ],
)
def test_values(text: str, expected: Value) -> None:
    assert Expression(text).value(VALUES, 4) == expected


def test_the_ids_that_it_needs() -> None:
    assert Expression("IF(m2 > 5, SUM([m1, a_b]) / m2, FILL(m3, REPEAT))").ids == {"m1", "m2", "m3", "a_b"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SUM(METRICS())", "the function METRICS"),
        ("RATE(m1)", "the function RATE"),
        ("SEARCH('{x}', 'Sum', 300)", "the function SEARCH"),
        ("ANOMALY_DETECTION_BAND(m1, 2)", "the function ANOMALY_DETECTION_BAND"),
        ("FILL(m1, LINEAR)", "LINEAR is not supported"),
        ("m1 ^ 2", "m1 \\^ 2 is not supported"),
        ("1 < m1 < 2", "1 < m1 < 2 is not supported"),
        ("m1[0]", "m1\\[0\\] is not supported"),
        ("m1.real", "m1.real is not supported"),
        ("'a'", "'a' is not supported"),
        ("IF(m1, 2)", "IF takes 3 arguments"),
        ("SUM(m1, m2)", "SUM takes 1 arguments"),
        ("m1 +", "cannot be read"),
        ("", "1 to 2048 characters"),
        ("(" * 2000, "cannot be read"),
    ],
)
def test_what_is_refused_is_named(text: str, named: str) -> None:
    with pytest.raises(MathError, match=named):
        Expression(text)
