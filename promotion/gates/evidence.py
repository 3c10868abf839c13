"""What several gates look at, fetched once: the test rows, the answers to them, the artifact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kickstand.aws_errors import explained
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.release import Release
from promotion.gates.contest import Contest
from promotion.gates.endpoint_answers import endpoint_answers
from promotion.gates.judged_rows import TestRows, read_test_rows
from promotion.gates.row_losses import Answered
from promotion.gates.served import Served, served
from promotion.place import Place
from training.model.artifact import FetchedArtifact, fetch_artifact


@dataclass(frozen=True)
class Evidence:
    """Of one contest. folder: a temporary one, for the artifact."""

    contest: Contest
    folder: Path

    @cached_property
    def rows(self) -> TestRows:
        """The rows of the release's test channel."""
        contest = self.contest
        environments = (contest.source.environment, contest.target.environment)
        return read_test_rows(contest.release, contest.source.release_file, environments, contest.s3_of)

    @cached_property
    def source_served(self) -> Served | None:
        """What the source's endpoint serves; None where there is no endpoint."""
        return _served(self.contest.source)

    @cached_property
    def target_served(self) -> Served | None:
        """What the target's endpoint serves now; None where there is no endpoint."""
        return _served(self.contest.target)

    @cached_property
    def candidate(self) -> Answered:
        """The answers of the source's live endpoint, which must serve the release's very artifact."""
        source, release = self.contest.source, self.contest.release
        live = self.source_served
        if live is None:
            raise KickstandError(_no_endpoint(source))
        live.require_serving()
        live.require_artifact(release.artifact.s3_uri)
        texts = endpoint_answers(source.session, source.names.endpoint, self.rows)
        return Answered(texts, objective_of(release), release.target_transform)

    @cached_property
    def incumbent_release(self) -> Release | None:
        """The target's release, where it is of what is served there; None where it is not, or cannot be read."""
        live = self.target_served
        try:
            release = self.contest.target.release()
        except InputError:
            return None
        return release if live is not None and live.models == (release.artifact.s3_uri,) else None

    @cached_property
    def incumbent(self) -> Answered:
        """The answers of what the target's endpoint serves now. Only asked where something is served."""
        target, live = self.contest.target, self.target_served
        if live is None:
            raise KickstandError(_no_endpoint(target))
        live.require_serving()
        texts = endpoint_answers(target.session, target.names.endpoint, self.rows)
        # Without its release, its labels are taken for the candidate's.
        release = self.incumbent_release or self.contest.release
        return Answered(texts, objective_of(release), release.target_transform)

    @cached_property
    def artifact(self) -> FetchedArtifact:
        """The source's model artifact, on this machine; not yet compared with the release."""
        s3 = self.contest.source.session.client("s3")
        return fetch_artifact(s3, self.contest.release.artifact.s3_uri, self.folder / "model.tar.gz")


def objective_of(release: Release) -> str:
    """The objective that a release's model was trained for; XGBoost's default where none was given."""
    return release.hyperparameters.get("objective", "reg:squarederror")


def _served(place: Place) -> Served | None:
    with explained(f"looking at the endpoint {place.names.endpoint}", f"endpoint {place.names.endpoint}"):
        return served(place.session.client("sagemaker"), place.names.endpoint)


def _no_endpoint(place: Place) -> Problem:
    message = f"There is no endpoint {place.names.endpoint}, so its model cannot be asked."
    return Problem(message, fix=f"Deploy {place.environment.name} first.")
