"""The gate `not-worse`: on the same rows, the candidate is not worse than what the target serves now.

A test of non-inferiority: the upper end of the interval of the change must not be above the margin
(docs/decisions/0008-non-inferiority-gate.md).
"""

from __future__ import annotations

from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict
from promotion.gates.losses import Losses, nothing_to_compare, paired_losses
from promotion.gates.paired_bootstrap import Change, compare, seed_of
from promotion.gates.wording import percent


def judge(contest: Contest, evidence: Evidence) -> Verdict:
    """Passed where nothing, or the same model, is served; else where the interval's upper end is within the margin."""
    alone = nothing_to_compare(evidence)
    if alone is not None:
        return Verdict(True, alone)
    losses, gates = paired_losses(evidence), contest.gates
    seed = seed_of(contest.release.artifact.sha256, losses.incumbent_id)
    change = compare(
        losses.metric,
        losses.candidate,
        losses.incumbent,
        confidence=gates.confidence,
        resamples=gates.resamples,
        seed=seed,
    )
    assert gates.max_regression is not None
    return Verdict(change.high <= gates.max_regression, _figure(losses.metric, change), _details(contest, losses, seed))


def _figure(metric: str, change: Change) -> str:
    return (
        f"{metric} {change.candidate:.6g} against {change.incumbent:.6g}: {percent(change.share)}, "
        f"interval {percent(change.low)} to {percent(change.high)}"
    )


def _details(contest: Contest, losses: Losses, seed: int) -> tuple[str, ...]:
    gates = contest.gates
    return (
        f"{contest.source.names.endpoint} and {contest.target.names.endpoint} were asked for the same "
        f"{len(losses.candidate):,} rows of {losses.source}.",
        f"The {gates.confidence * 100:g} % interval is of {gates.resamples:,} paired resamples (seed {seed}); "
        "more than 0 % is worse.",
        *losses.notes,
    )


def _limit(contest: Contest) -> str:
    assert contest.gates.max_regression is not None
    return f"interval ends at {percent(contest.gates.max_regression)} or below"


GATE = Gate(
    name="not-worse",
    asked=lambda contest: contest.gates.max_regression is not None and contest.moves,
    limit=_limit,
    see=lambda contest: contest.see(
        f"evaluate {contest.source.environment.name}", f"evaluate {contest.target.environment.name}"
    ),
    judge=judge,
    live=True,
)
