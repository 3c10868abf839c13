"""What gates evaluate: one model on its way from one environment to another, and the evidence, each fetched once.

The evidence: the test rows, the answers of both endpoints to them and the losses of these, and the model artifact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from kickstand.aws.endpoint import Served, served
from kickstand.aws.errors import explained
from kickstand.config.model import Gates
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.names import Names
from kickstand.release.model import Release
from kickstand.workspace import Workspace
from training.evaluation.comparison import EndpointAnswers, row_losses
from training.evaluation.metrics import Vector
from training.evaluation.test_rows import TestRows, endpoint_answers, read_test_rows
from training.model.artifact import FetchedArtifact, fetch_artifact


@dataclass(frozen=True, slots=True)
class GateContext:
    """One model, where it is served, and where it would be.

    source and target may be the same environment: its own release is then evaluated by its own gates.
    """

    source: Workspace
    target: Workspace
    """Its `[gates]`, `[signing]` and stacks are what the model is held to."""
    release: Release
    """The source's release."""
    candidate: Release
    """The release as it would be written for the target."""
    now: datetime
    """UTC, with its time zone."""
    is_rollback: bool = False
    """The release is an earlier one: gates that compare with the served model or measure the source live are left
    out."""
    rollback_command: str = ""
    """What evaluates these gates again in a rollback: `kickstand rollback prod --to 2`. Empty: `rollback ENV`."""

    @property
    def gates(self) -> Gates:
        """What the target demands."""
        return self.target.environment.gates

    @property
    def moves(self) -> bool:
        """Whether the model goes to another environment."""
        return self.source.environment.name != self.target.environment.name

    def s3_of(self, bucket: str) -> Any | None:
        """A client of S3 for a bucket of the project; None where the bucket is of no environment."""
        environments = self.target.project.environments.items()
        owner = next((name for name, environment in environments if Names(environment).bucket == bucket), None)
        if owner is None:
            return None
        workspace = self.source if owner == self.source.environment.name else self.target.open(owner)
        return workspace.session.client("s3")

    def commands(self, *commands: str) -> str:
        """Commands as they are typed, one after another."""
        return "; ".join(self.target.typed(command) for command in commands)

    def rerun_command(self, gate: str) -> str:
        """What evaluates one gate again; in a rollback all of them, by the command that changes nothing unasked."""
        if self.is_rollback:
            return self.rollback_command or self.target.command("rollback")
        origin = f" --from {self.source.environment.name}" if self._unusual else ""
        return self.target.typed(f"gate {self.target.environment.name}{origin} --only {gate}")

    @property
    def _unusual(self) -> bool:
        environment = self.target.environment
        return self.source.environment.name != (environment.promotes_from or environment.name)


@dataclass(frozen=True)
class Evidence:
    """Of one model. folder: a temporary one, for the artifact."""

    context: GateContext
    folder: Path

    @cached_property
    def rows(self) -> TestRows:
        """The rows of the release's test channel."""
        context = self.context
        environments = (context.source.environment, context.target.environment)
        return read_test_rows(context.release, context.source.release_file, environments, context.s3_of)

    @cached_property
    def source_served(self) -> Served | None:
        """What the source's endpoint serves; None where there is no endpoint."""
        return _served(self.context.source)

    @cached_property
    def target_served(self) -> Served | None:
        """What the target's endpoint serves now; None where there is no endpoint."""
        return _served(self.context.target)

    @cached_property
    def candidate(self) -> EndpointAnswers:
        """The answers of the source's live endpoint, which must serve the release's very artifact."""
        source, release = self.context.source, self.context.release
        live = self.source_served
        if live is None:
            raise KickstandError(_no_endpoint(source))
        live.require_serving()
        live.require_artifact(release.artifact.s3_uri)
        texts = endpoint_answers(source.session, source.names.endpoint, self.rows)
        return EndpointAnswers(texts, objective_of(release), release.target_transform)

    @cached_property
    def incumbent_release(self) -> Release | None:
        """The target's release, where it is of what is served there; None where it is not, or cannot be read."""
        live = self.target_served
        try:
            release = self.context.target.release()
        except InputError:
            return None
        return release if live is not None and live.models == (release.artifact.s3_uri,) else None

    @cached_property
    def incumbent(self) -> EndpointAnswers:
        """The answers of what the target's endpoint serves now. Only asked where something is served."""
        target, live = self.context.target, self.target_served
        if live is None:
            raise KickstandError(_no_endpoint(target))
        live.require_serving()
        texts = endpoint_answers(target.session, target.names.endpoint, self.rows)
        # Without its release, its labels are taken for the candidate's.
        release = self.incumbent_release or self.context.release
        return EndpointAnswers(texts, objective_of(release), release.target_transform)

    @cached_property
    def artifact(self) -> FetchedArtifact:
        """The source's model artifact, on this machine; not yet compared with the release."""
        s3 = self.context.source.session.client("s3")
        return fetch_artifact(s3, self.context.release.artifact.s3_uri, self.folder / "model.tar.gz")


def objective_of(release: Release) -> str:
    """The objective that a release's model was trained for; XGBoost's default where none was given."""
    return release.hyperparameters.get("objective", "reg:squarederror")


def _served(workspace: Workspace) -> Served | None:
    endpoint = workspace.names.endpoint
    with explained(f"looking at the endpoint {endpoint}", f"endpoint {endpoint}"):
        return served(workspace.session.client("sagemaker"), endpoint)


def _no_endpoint(workspace: Workspace) -> Problem:
    message = f"There is no endpoint {workspace.names.endpoint}, so its model cannot be asked."
    return Problem(message, fix=f"Deploy {workspace.environment.name} first.")


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
    context, live = evidence.context, evidence.target_served
    if live is None:
        return f"{context.target.names.endpoint} serves nothing yet"
    live.require_serving()
    digest = context.release.artifact.sha256
    if live.models[0].endswith(f"/models/{digest}/model.tar.gz"):
        return f"{context.target.names.endpoint} serves the same model already"
    return None


def paired_losses(evidence: Evidence) -> Losses:
    """The losses of both models. Raises KickstandError where one cannot be asked, or they cannot be compared."""
    context, rows, live = evidence.context, evidence.rows, evidence.target_served
    metric = context.gates.metric
    if metric is None:
        message = "There is no metric to compare models by."
        raise KickstandError(Problem(message, context.target.environment.where("gates"), "Name one as metric."))
    assert live is not None  # nothing_to_compare came first
    labels = context.release.target_transform
    source, target = context.source.names.endpoint, context.target.names.endpoint
    notes = [f"{target} serves {live.models[0]}."]
    if evidence.incumbent_release is None:
        notes.append(
            f"{context.target.release_file} is not the release of it, so its answers are read as the candidate's: "
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
