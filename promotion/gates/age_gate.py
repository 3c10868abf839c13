"""The gate `age`: how long the source has served this model."""

from __future__ import annotations

from datetime import UTC, datetime

from kickstand.errors import KickstandError, Problem
from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict


def judge(contest: Contest, evidence: Evidence) -> Verdict:
    """Passed where the endpoint configuration that serves the model is old enough."""
    live = evidence.source_served
    if live is None:
        raise KickstandError(Problem(f"There is no endpoint {contest.source.names.endpoint}."))
    live.require_serving()
    live.require_artifact(contest.release.artifact.s3_uri)
    assert contest.gates.min_age_hours is not None
    return verdict(live.since, contest.now, contest.gates.min_age_hours)


def verdict(since: datetime, now: datetime, least_hours: float) -> Verdict:
    """What the time of service comes to."""
    hours = (now - since).total_seconds() / 3600
    figure = f"served for {_hours(hours)}"
    return Verdict(hours >= least_hours, figure, (f"Since {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}.",))


def _hours(hours: float) -> str:
    if 0 <= hours < 1:
        minutes = int(hours * 60)  # not rounded up to the limit
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{int(hours * 10) / 10:g} hours"


GATE = Gate(
    name="age",
    asked=lambda contest: contest.gates.min_age_hours is not None,
    limit=lambda contest: f">= {contest.gates.min_age_hours:g} hours",
    see=lambda contest: contest.again("age"),
    judge=judge,
    live=True,
)
