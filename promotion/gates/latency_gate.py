"""The gate `latency`: how long the source's endpoint takes for one row, at the 99th percentile."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from fractions import Fraction

from kickstand.errors import KickstandError, Problem
from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict
from training.model.golden_rows import read_golden
from training.prediction.batches import Batch
from training.prediction.endpoint_client import EndpointClient, runtime_client

WARM_UP = 10
"""Requests that are not counted: connections, caches."""


def nearest_rank(values: Sequence[float], percentile: float) -> float:
    """The percentile by the nearest-rank method: the smallest value that so many per cent are not above."""
    ordered = sorted(values)
    # In floats 56 / 100 * 25 is above 14, and 99.9, of which the decimal digits are meant, is no such number.
    rank = math.ceil(Fraction(str(percentile)) * len(ordered) / 100)
    return ordered[max(1, rank) - 1]


def timed(
    ask: Callable[[str], object], rows: Sequence[str], count: int, *, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Milliseconds of `count` requests of one row each, one after another, the rows in turn.

    WARM_UP requests come before and are not in it. ask: sends one row and waits for the answer.
    """
    taken = []
    for number in range(WARM_UP + count):
        row = rows[number % len(rows)]
        before = clock()
        ask(row)
        after = clock()
        if number >= WARM_UP:
            taken.append((after - before) * 1000)
    return taken


def judge(contest: Contest, evidence: Evidence) -> Verdict:
    """Passed where the 99th percentile is within the limit."""
    place, gates, live = contest.source, contest.gates, evidence.source_served
    if live is None:
        raise KickstandError(Problem(f"There is no endpoint {place.names.endpoint} to be timed."))
    live.require_serving()
    live.require_artifact(contest.release.artifact.s3_uri)
    rows = read_golden(place.session.client("s3"), contest.release.golden_rows).rows
    if not rows:
        raise KickstandError(Problem("The release has no golden rows to ask.", str(contest.source.release_file)))
    client = EndpointClient(
        runtime_client(place.session, parallel=1),
        endpoint=place.names.endpoint,
        accept="csv",
        source="golden rows",
        attempts=1,  # a second attempt would be a second request
    )
    taken = timed(lambda row: client(Batch(f"{row}\n".encode(), 1, 1)), rows, gates.latency_requests)
    assert gates.max_p99_ms is not None
    return verdict(taken, gates.max_p99_ms)


def verdict(taken: Sequence[float], most: float) -> Verdict:
    """What the measured milliseconds come to."""
    p50, p95, p99 = (nearest_rank(taken, percentile) for percentile in (50, 95, 99))
    details = (
        f"p50 {p50:.3g} ms, p95 {p95:.3g} ms, slowest {max(taken):.3g} ms",
        f"{len(taken):,} requests of one row, one after another, from this machine; {WARM_UP} before them not counted",
    )
    return Verdict(p99 <= most, f"p99 {p99:.3g} ms", details)


GATE = Gate(
    name="latency",
    asked=lambda contest: contest.gates.max_p99_ms is not None,
    limit=lambda contest: f"<= {contest.gates.max_p99_ms:g} ms",
    see=lambda contest: contest.again("latency"),
    judge=judge,
    live=True,
)
