"""What is read of another load generator's report, and the latencies that both generators meet."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.programs.known_latency import COUNT, latencies
from benchmarks.serving.senders import Measured, _figures, percentile, read_report

REPORT = """
Target URL:          http://127.0.0.1:1234/endpoints/known/invocations
Max requests:        1000
Target rps:          100
Concurrent clients:  62
Running on cores:    1
Agent:               keepalive

Completed requests:  1000
Total errors:        0
Total time:          10.25 s
Mean latency:        251.3 ms
Effective rps:       98

Percentage of requests served within a certain time
  50%      220 ms
  90%      381 ms
  95%      450 ms
  99%      610 ms
 100%      910 ms (longest request)
"""


def test_the_report_is_read() -> None:
    found = read_report(REPORT)
    assert found.rate == pytest.approx(1000 / 10.25)
    assert {percent: found.latencies[percent] for percent in (50, 90, 99)} == {50: 220, 90: 381, 99: 610}


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("Total errors:        0", "Total errors:        3"),
        ("Completed requests:  1000", "Completed requests:  999"),
        ("  99%      610 ms\n", ""),
        ("Total time:", "Time:"),
    ],
)
def test_a_report_of_failures_or_of_another_form_is_no_measurement(line: str, other: str) -> None:
    with pytest.raises(SystemExit, match="loadtest reports"):
        read_report(REPORT.replace(line, other))


def test_the_latencies_are_those_of_the_distribution() -> None:
    """450 ms, and what falls off exponentially with a mean of 300 ms: its quantiles are -300 ln(1 - p)."""
    found = np.sort(latencies()) * 1000
    assert len(found) == COUNT == len(set(found))
    for percent in (50, 90, 99):
        assert percentile(found, percent) == pytest.approx(450 - 300 * math.log(1 - percent / 100), rel=0.01)
    assert latencies() == latencies() != sorted(latencies())


def test_a_percentile_is_the_least_value_that_more_than_its_share_do_not_exceed() -> None:
    assert [percentile([1.0, 2.0, 3.0, 4.0], percent) for percent in (0, 50, 90, 99)] == [1, 3, 4, 4]


def test_only_what_both_generators_measure_alike_has_a_limit() -> None:
    ours = Measured(96.0, {50: 221.0, 90: 390.0, 99: 612.0}, {50: 222.0, 90: 391.0, 99: 900.0})
    peer = Measured(97.0, {50: 220.0, 90: 380.0, 99: 600.0}, {})
    figures = _figures([{"ours": ours, "peer": peer}] * 5)
    assert {figure.name.partition(": ")[2]: figure.verdict for figure in figures if figure.peer.startswith("load")} == {
        **{"rate": "good", "p50": "good", "p90": "good", "p99": "good"},
        "p99 from the planned instant": "",
    }
    assert {figure.limit for figure in figures if not figure.peer.startswith("load")} == {None}
    assert figures[-1].ratio == 1.5
