"""What came of requests, counted while they are sent: errors by kind, who answered, percentiles of the latency."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any, Final

from training.traffic.sender import TIMEOUT_SECONDS, Plan, Sent

PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)

_MICROSECONDS = 1_000_000
_HIGHEST = int(2 * TIMEOUT_SECONDS * _MICROSECONDS)
_DIGITS = 3
"""Significant digits of the histogram: a percentile is within 0.1 % of its value."""


class Figures:
    """The figures of one run. Latencies count from the planned instants, and those of failed requests count too."""

    def __init__(self, plan: Plan) -> None:
        from hdrh.histogram import HdrHistogram

        self.plan = plan
        self.errors: Counter[str] = Counter()
        self.variants: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        """Answers to golden rows: those of the `released` model, and `another`'s."""
        self.planned, self.latencies, self.failed = array("d"), array("d"), array("b")
        """One a request, in the order of the answers: seconds from the start, seconds, 1 where it failed."""
        self._latency, self._lag = (HdrHistogram(1, _HIGHEST, _DIGITS) for _ in range(2))

    def record(self, sent: Sent) -> None:
        """Count one request."""
        outcome = sent.outcome
        self.planned.append(sent.planned)
        self.latencies.append(sent.latency)
        self.failed.append(bool(outcome.error))
        for histogram, seconds in ((self._latency, sent.latency), (self._lag, sent.lag)):
            histogram.record_value(min(max(round(seconds * _MICROSECONDS), 1), _HIGHEST))
        if outcome.error:
            self.errors[outcome.error] += 1
        if outcome.variant:
            self.variants[outcome.variant] += 1
        if outcome.model:
            self.models[outcome.model] += 1

    @property
    def sent(self) -> int:
        """How many requests were answered or failed."""
        return len(self.latencies)

    @property
    def failures(self) -> int:
        return self.errors.total()

    def latency(self, percentile: float) -> float:
        """Milliseconds within which that share of the requests was answered or failed; 0 where there was none."""
        return float(self._latency.get_value_at_percentile(percentile)) / 1000 if self.sent else 0.0

    def lag(self, percentile: float) -> float:
        """Milliseconds by which this machine came late to send that share of the requests."""
        return float(self._lag.get_value_at_percentile(percentile)) / 1000 if self.sent else 0.0

    @property
    def rate(self) -> float:
        """Requests a second, from the first planned instant to the end of the last one's turn."""
        return self.sent / (max(self.planned) + 1 / self.plan.rate) if self.sent else 0.0

    @property
    def throughput(self) -> float:
        """Requests a second that were answered, until the last one ended."""
        until = max((a + b for a, b in zip(self.planned, self.latencies, strict=True)), default=0.0)
        return (self.sent - self.failures) / until if until else 0.0

    @property
    def sender_was_late(self) -> bool:
        """Whether this machine was a noticeable part of the latencies: of its lag, the 99th percentile."""
        return self.lag(99) > max(5.0, self.latency(99) / 10)

    def fields(self) -> dict[str, Any]:
        """The same for programs. Latencies and lags in milliseconds."""
        return {
            "planned": self.plan.count,
            "planned_rate": self.plan.rate,
            "seconds": self.plan.seconds,
            "sent": self.sent,
            "answered": self.sent - self.failures,
            "failed": self.failures,
            "rate": round(self.rate, 3),
            "throughput": round(self.throughput, 3),
            "errors": dict(self.errors.most_common()),
            "variants": dict(self.variants.most_common()),
            "golden_answers": {name: self.models[name] for name in ("released", "another")},
            "latency_ms": {**{f"p{one:g}": self.latency(one) for one in PERCENTILES}, "max": self.latency(100)},
            "sender_lag_ms": {"p50": self.lag(50), "p99": self.lag(99), "max": self.lag(100)},
        }
