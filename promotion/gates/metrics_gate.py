"""The gate `metrics`: limits of the figures that training reported of the released model."""

from __future__ import annotations

from kickstand.config.metric_limit import MetricLimit, parse_limit
from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict


def _limits(contest: Contest) -> tuple[MetricLimit, ...]:
    return tuple(parse_limit(text) for text in contest.gates.metrics)


def _demand(contest: Contest) -> str:
    limits = _limits(contest)
    return limits[0].demand if len(limits) == 1 else ", ".join(f"{each.metric} {each.demand}" for each in limits)


def judge(contest: Contest, _: Evidence | None = None) -> Verdict:
    """Every limit must hold. A metric that the release does not have fails, by its name."""
    metrics = contest.release.metrics
    figures, faults = [], []
    for limit in _limits(contest):
        value = metrics.get(limit.metric)
        if value is None:
            figures.append(f"{limit.metric} unknown")
            known = ", ".join(sorted(metrics)) or "none"
            faults.append(f"The release has no metric {limit.metric}; it has {known}.")
            continue
        figures.append(f"{limit.metric} {value:.6g}")
        if not limit.holds(value):
            faults.append(f"{limit.metric} is {value!r}; it must be {limit.demand}.")
    return Verdict(not faults, ", ".join(figures), tuple(faults))


GATE = Gate(
    name="metrics",
    asked=lambda contest: bool(contest.gates.metrics),
    limit=_demand,
    see=lambda contest: contest.typed(f"release show {contest.source.environment.name}"),
    judge=judge,
)
