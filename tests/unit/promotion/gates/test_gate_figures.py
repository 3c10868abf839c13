"""The gates that are a figure against a limit: metrics, latency, age, policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from gate_context import NOW, gate_context
from hypothesis import example, given
from hypothesis import strategies as st

from kickstand.config.promotion import Gates
from promotion.gates import endpoint, release_checks
from promotion.gates.comparison import percent
from promotion.gates.endpoint import nearest_rank, timed
from promotion.gates.gate import Verdict
from review.reports import Acknowledged, Finding, PolicyReport


def metrics(tmp_path: Path, *limits: str) -> tuple[Verdict, str]:
    made = gate_context(tmp_path, gates=Gates(metrics=limits))
    return release_checks.evaluate_metrics(made), release_checks.METRICS_GATE.limit(made)


def test_metrics_within_their_limits(tmp_path: Path) -> None:
    assert metrics(tmp_path, "validation:rmse <= 0.35") == (Verdict(True, "validation:rmse 0.29"), "<= 0.35")
    assert metrics(tmp_path, "validation:rmse <= 0.29", "train:rmse > 0.2") == (
        Verdict(True, "validation:rmse 0.29, train:rmse 0.21"),
        "validation:rmse <= 0.29, train:rmse > 0.2",
    )


def test_a_metric_over_its_limit(tmp_path: Path) -> None:
    judged, _ = metrics(tmp_path, "validation:rmse < 0.29", "train:rmse <= 1")
    assert judged == Verdict(
        False, "validation:rmse 0.29, train:rmse 0.21", ("validation:rmse is 0.29; it must be < 0.29.",)
    )


def test_a_metric_that_the_release_does_not_have(tmp_path: Path) -> None:
    judged, _ = metrics(tmp_path, "validation:auc >= 0.8")
    assert judged == Verdict(
        False,
        "validation:auc unknown",
        ("The release has no metric validation:auc; it has train:rmse, validation:rmse.",),
    )


@pytest.mark.parametrize(
    ("values", "percentile", "found"),
    [
        # The examples of the nearest-rank method in Wikipedia's "Percentile".
        ([15, 20, 35, 40, 50], 5, 15),
        ([15, 20, 35, 40, 50], 30, 20),
        ([15, 20, 35, 40, 50], 40, 20),
        ([15, 20, 35, 40, 50], 50, 35),
        ([15, 20, 35, 40, 50], 100, 50),
        (list(range(1, 101)), 99, 99),
        (list(range(1, 201)), 99, 198),
        ([0.0] * 14 + [1.0] * 11, 56, 0.0),  # exactly 14 of 25
        (list(range(1, 1001)), 99.9, 999),
    ],
)
def test_nearest_rank(values: list[float], percentile: float, found: float) -> None:
    assert nearest_rank(values[::-1], percentile) == found


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.integers(1, 100))
@example([0.0] * 14 + [1.0] * 11, 56)
def test_so_many_per_cent_are_not_above_it(values: list[float], percentile: int) -> None:
    found = nearest_rank(values, percentile)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percentile * len(values)
    assert sum(value < found for value in values) * 100 < percentile * len(values)


def test_the_first_requests_are_not_counted() -> None:
    """The clock stands still but for the request that is sent: 1 s for each of the ten first ones, then 2 ms."""
    sent: list[str] = []
    moment = 0.0

    def ask(row: str) -> None:
        nonlocal moment
        sent.append(row)
        moment += 1.0 if len(sent) <= 10 else 0.002

    taken = timed(ask, ("a", "b", "c"), 4, clock=lambda: moment)
    assert taken == pytest.approx([2.0, 2.0, 2.0, 2.0])
    assert sent == ["a", "b", "c"] * 4 + ["a", "b"]


def test_latency() -> None:
    taken = [1.0] * 98 + [20.0, 500.0]
    judged = endpoint.latency_verdict(taken, 20.0)
    assert judged == Verdict(
        True,
        "p99 20 ms",
        (
            "p50 1 ms, p95 1 ms, slowest 500 ms",
            "100 requests of one row, one after another, from this machine; 10 before them not counted",
        ),
    )
    assert not endpoint.latency_verdict(taken, 19.9).passed


@pytest.mark.parametrize(
    ("hours", "passed", "figure"),
    [
        (24.0, True, "served for 24 hours"),
        (23.999, False, "served for 23.9 hours"),
        (0.999, False, "served for 59 minutes"),
        (1 / 60, False, "served for 1 minute"),
        (-1.0, False, "served for -1 hours"),
    ],
)
def test_age(hours: float, passed: bool, figure: str) -> None:
    judged = endpoint.age_verdict(NOW - timedelta(hours=hours), NOW, 24)
    assert (judged.passed, judged.figure) == (passed, figure)


def test_age_tells_since_when() -> None:
    assert endpoint.age_verdict(NOW - timedelta(hours=30), NOW, 24).details == ("Since 2026-11-22T06:00:00Z.",)


def findings(*levels: str) -> Iterator[Finding]:
    for number, level in enumerate(levels, start=1):
        yield Finding(
            source="guard",
            rule=f"R{number}",
            level=level,
            stack="bikes-staging-hosting",
            resource="Endpoint",
            message="Is open.",
            fix="Close it.",
        )


def test_policy() -> None:
    accepted = Acknowledged(rule="S1", reason="Logged elsewhere.", where="kickstand.toml:41", resources=())
    ours = Acknowledged(rule="IAM5", reason="By prefix.", where="dev/hosting/Role", resources=())
    clean = PolicyReport(
        findings=tuple(findings("warning")), acknowledged=(accepted, ours), rules_run={"guard": 9}, headlines=()
    )
    assert release_checks.policy_verdict(clean, "kickstand.toml") == Verdict(
        True,
        "0 findings, 1 warning, 1 accepted in kickstand.toml",
        (
            "warning: R1, bikes-staging-hosting Endpoint: Is open. Close it.",
            "accepted: S1 (kickstand.toml:41): Logged elsewhere.",
            "1 exception of the constructs themselves: the review gives the reasons.",
            "Rules checked: 9 of guard.",
        ),
    )
    broken = clean.model_copy(update={"findings": tuple(findings("warning", "error")), "acknowledged": ()})
    judged = release_checks.policy_verdict(broken, "kickstand.toml")
    assert (judged.passed, judged.figure) == (False, "1 finding, 1 warning")
    assert judged.details[0] == "error: R2, bikes-staging-hosting Endpoint: Is open. Close it."


def test_where_no_rule_was_asked_nothing_is_shown() -> None:
    empty = PolicyReport(findings=(), acknowledged=(), rules_run={}, headlines=())
    assert release_checks.policy_verdict(empty, "kickstand.toml") == Verdict(
        False, "0 findings, 0 warnings", ("Rules checked: none.",)
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.0124, "+1.24 %"),
        (-0.003, "-0.3 %"),
        (12.5, "+1,250 %"),
        (float("inf"), "infinitely worse"),
        (float("-inf"), "infinitely better"),
        (1e-30, "+1e-28 %"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text
