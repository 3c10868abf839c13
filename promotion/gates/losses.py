"""The losses of both models, row by row, and when there is nothing to compare."""

from __future__ import annotations

from dataclasses import dataclass

from kickstand.errors import KickstandError, Problem
from promotion.gates.evidence import Evidence
from promotion.gates.row_losses import row_losses
from training.prediction.metrics import Vector


@dataclass(frozen=True, slots=True)
class Losses:
    """Of the same rows in the same order.

    incumbent_id: the digest of what is served, or its address where that has none. source: where the rows were read.
    notes: what a reader must know of the comparison.
    """

    metric: str
    candidate: Vector
    incumbent: Vector
    incumbent_id: str
    source: str
    notes: tuple[str, ...]


def nothing_to_compare(evidence: Evidence) -> str | None:
    """Why there is no incumbent to be worse than, as a sentence's part; None where there is one.

    Raises KickstandError where the target's endpoint exists and does not answer: what it would serve is not known
    to be worse.
    """
    contest, live = evidence.contest, evidence.target_served
    if live is None:
        return f"{contest.target.names.endpoint} serves nothing yet"
    live.require_serving()
    digest = contest.release.artifact.sha256
    if live.models[0].endswith(f"/models/{digest}/model.tar.gz"):
        return f"{contest.target.names.endpoint} serves the same model already"
    return None


def paired_losses(evidence: Evidence) -> Losses:
    """The losses of both models. Raises KickstandError where one cannot be asked, or they cannot be compared."""
    contest, rows, live = evidence.contest, evidence.rows, evidence.target_served
    metric = contest.gates.metric
    if metric is None:
        message = "There is no metric to compare models by."
        raise KickstandError(Problem(message, contest.target.environment.where("gates"), "Name one as metric."))
    assert live is not None  # nothing_to_compare came first
    labels = contest.release.target_transform
    source, target = contest.source.names.endpoint, contest.target.names.endpoint
    notes = [f"{target} serves {live.models[0]}."]
    if evidence.incumbent_release is None:
        notes.append(
            f"{contest.target.release_file} is not the release of it, so its answers are read as the candidate's: "
            f"target_transform {labels}."
        )
    return Losses(
        metric=metric,
        candidate=row_losses(metric, evidence.candidate, rows, labels, where=f"endpoint {source}"),
        incumbent=row_losses(metric, evidence.incumbent, rows, labels, where=f"endpoint {target}"),
        incumbent_id=_digest(live.models[0]),
        source=rows.source,
        notes=tuple(notes),
    )


def _digest(uri: str) -> str:
    """The digest in `s3://…/models/<sha256>/model.tar.gz`; a foreign address as it is."""
    parts = uri.split("/")
    return parts[-2] if len(parts) > 2 and len(parts[-2]) == 64 else uri
