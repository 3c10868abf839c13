"""Limits of metrics: what a text means, and what is said of one that means nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kickstand.config.metric_limit import LimitError, MetricLimit, limit_fault, parse_limit


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("validation:rmse <= 0.35", MetricLimit("validation:rmse", "<=", 0.35)),
        ("validation:rmse<=0.35", MetricLimit("validation:rmse", "<=", 0.35)),
        ("  train:auc   >  .9 ", MetricLimit("train:auc", ">", 0.9)),
        ("validation:ndcg@5- >= 1e-1", MetricLimit("validation:ndcg@5-", ">=", 0.1)),
        ("validation:gamma-deviance < -2.", MetricLimit("validation:gamma-deviance", "<", -2.0)),
    ],
)
def test_a_limit(text: str, limit: MetricLimit) -> None:
    assert parse_limit(text) == limit
    assert limit_fault(text) is None


@pytest.mark.parametrize(
    ("sign", "below", "at", "above"),
    [("<=", True, True, False), ("<", True, False, False), (">=", False, True, True), (">", False, False, True)],
)
def test_what_holds(sign: str, below: bool, at: bool, above: bool) -> None:
    limit = MetricLimit("validation:rmse", sign, 2.0)
    assert (limit.holds(1.9), limit.holds(2.0), limit.holds(2.1)) == (below, at, above)
    assert not limit.holds(float("nan"))
    assert limit.demand == f"{sign} 2.0"


EXAMPLE = "Write it as validation:rmse <= 0.35, with <=, <, >= or >."


@pytest.mark.parametrize(
    ("text", "fault", "fix"),
    [
        ("", 'must be a metric, a sign and a number, not ""', EXAMPLE),
        ("validation:rmse", 'must be a metric, a sign and a number, not "validation:rmse"', EXAMPLE),
        (
            "validation:rmse == 1",
            'must be a metric, a sign and a number, not "validation:rmse == 1"',
            EXAMPLE,
        ),
        (
            "validation:rmse <= 1 <= 2",
            'must be a metric, a sign and a number, not "validation:rmse <= 1 <= 2"',
            EXAMPLE,
        ),
        (
            "rmse <= 1",
            'must name a metric as CHANNEL:METRIC, not "rmse"',
            "For example validation:rmse, as a release does.",
        ),
        ("validation:rmse <= nan", 'must end in a finite number, not "nan"', EXAMPLE),
        ("validation:rmse <= 1e999", 'must end in a finite number, not "1e999"', EXAMPLE),
        ("validation:rmse <= 0,35", 'must end in a finite number, not "0,35"', EXAMPLE),
    ],
)
def test_what_is_no_limit(text: str, fault: str, fix: str) -> None:
    assert limit_fault(text) == (fault, fix)
    with pytest.raises(LimitError) as refused:
        parse_limit(text)
    assert str(refused.value) == f"The limit {fault}. {fix}"


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["<=", "<", ">=", ">"]))
def test_every_finite_number_is_read_exactly(value: float, sign: str) -> None:
    assert parse_limit(f"validation:rmse {sign} {value!r}") == MetricLimit("validation:rmse", sign, value)
