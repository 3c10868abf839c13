"""What gates evaluate: one model on its way from one environment to another, and the evidence, each fetched once.

The evidence: the test rows, the answers of both endpoints to them and the losses of these, and the model artifact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from kickstand.aws.deployed import Served, served
from kickstand.aws.errors import explained
from kickstand.aws.s3 import parse_location
from kickstand.config.promotion import Gates
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.names import Names
from kickstand.release.model import Channel, Release
from kickstand.workspace import Workspace
from training.evaluation.answers import endpoint_answers
from training.evaluation.metrics import Answers, Vector, losses, objective_of
from training.evaluation.rows import Rows, read_test_rows
from training.evaluation.stores import ModelStore
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

    def stores_of(self, channel: Channel) -> tuple[ModelStore, ...]:
        """The bucket that a channel is in. Raises KickstandError where it is of no environment of the project."""
        bucket = parse_location(channel.s3_uri).bucket
        environments = self.target.project.environments.items()
        owner = next((name for name, environment in environments if Names(environment).bucket == bucket), None)
        if owner is None:
            message = f"The test rows are in the bucket {bucket}, which is of no environment of the project."
            raise KickstandError(Problem(message, channel.s3_uri, "Put the very files where [data] test names them."))
        workspace = self.source if owner == self.source.environment.name else self.target.open(owner)
        return (ModelStore(workspace.session.client("s3"), bucket),)

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
    def rows(self) -> Rows:
        """The rows of the release's test channel."""
        context = self.context
        environments = (context.source.environment, context.target.environment)
        where = str(context.source.release_file)
        return read_test_rows(context.release, environments, context.stores_of, self.folder / "rows", where=where)

    @cached_property
    def source_served(self) -> Served | None:
        """What the source's endpoint serves; None where there is no endpoint."""
        return _served(self.context.source)

    @cached_property
    def target_served(self) -> Served | None:
        """What the target's endpoint serves now; None where there is no endpoint."""
        return _served(self.context.target)

    @cached_property
    def candidate(self) -> Answers:
        """The answers of the source's live endpoint, which must serve the release's very artifact."""
        source, release = self.context.source, self.context.release
        live = self.source_served
        if live is None:
            raise KickstandError(_no_endpoint(source))
        live.require_serving()
        live.require_artifact(release.artifact.s3_uri)
        return self._answers(source, release)

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
    def incumbent(self) -> Answers:
        """The answers of what the target's endpoint serves now. Only asked where something is served."""
        target, live = self.context.target, self.target_served
        if live is None:
            raise KickstandError(_no_endpoint(target))
        live.require_serving()
        # Without its release, its labels are taken for the candidate's.
        return self._answers(target, self.incumbent_release or self.context.release)

    def _answers(self, workspace: Workspace, release: Release) -> Answers:
        return endpoint_answers(
            workspace.session,
            workspace.names.endpoint,
            self.rows,
            objective=objective_of(release.hyperparameters),
            transform=release.target_transform,
        )

    @cached_property
    def artifact(self) -> FetchedArtifact:
        """The source's model artifact, on this machine; not yet compared with the release."""
        s3 = self.context.source.session.client("s3")
        return fetch_artifact(s3, self.context.release.artifact.s3_uri, self.folder / "model.tar.gz")


def _served(workspace: Workspace) -> Served | None:
    endpoint = workspace.names.endpoint
    with explained(f"looking at the endpoint {endpoint}", f"endpoint {endpoint}"):
        return served(workspace.session.client("sagemaker"), endpoint)


def _no_endpoint(workspace: Workspace) -> Problem:
    message = f"There is no endpoint {workspace.names.endpoint}, so its model cannot be compared."
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
    target = context.target.names.endpoint
    notes = [f"{target} serves {live.models[0]}."]
    if evidence.incumbent_release is None:
        notes.append(
            f"{context.target.release_file} is not the release of it, so its answers are read as the candidate's: "
            f"target_transform {rows.labels.transform}."
        )
    return Losses(
        metric=metric,
        candidate=losses(metric, evidence.candidate, rows.labels),
        incumbent=losses(metric, evidence.incumbent, rows.labels),
        incumbent_id=_digest(live.models[0]),
        source=rows.source,
        notes=tuple(notes),
    )


def _digest(uri: str) -> str:
    """The digest in `s3://…/models/<sha256>/model.tar.gz`; a foreign address as it is."""
    parts = uri.split("/")
    return parts[-2] if len(parts) > 2 and len(parts[-2]) == 64 else uri
