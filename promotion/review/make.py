"""Make the review of one environment: read what is deployed and what would be, and put the parts together.

Only reads. With the same assembly, release, live stacks, day and recorded drift it gives the same bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kickstand.aws_errors import explained
from kickstand.names import Names
from kickstand.release_file import release_path
from promotion.assembly import assembly_digest, require_assembly
from promotion.review.bundle import Bundle
from promotion.review.parts import Headline
from promotion.review.reports import DriftReport, ModelReport
from promotion.review.review_file import REVIEW_JSON, bundle_json

if TYPE_CHECKING:
    import boto3

    from kickstand.config.model import Environment
    from kickstand.release import Release
    from promotion.cdk import Cdk
    from promotion.review.changes.stack_pair import StackPair


@dataclass(frozen=True, slots=True)
class Question:
    """What is reviewed: one environment's assembly and release, on one day."""

    cdk: Cdk
    """Working from a cloud assembly (`Cdk.synthesise`)."""
    release: Release | None
    as_of: date
    """The day that ages are counted to."""
    drift: DriftReport | None = None
    """Recorded before; None: AWS is asked."""
    open_other: Callable[[Environment], boto3.Session] | None = None
    """Opens a session of another environment, whose key this one's release role needs; None: there is none here."""

    @property
    def names(self) -> Names:
        return Names(self.cdk.environment)

    @property
    def release_file(self) -> Path:
        return release_path(self.cdk.releases, self.cdk.environment.name)


def make_bundle(question: Question, *, now: datetime, say: Callable[[str], None]) -> Bundle:
    """The review. now: when drift was detected, UTC. say: told what is being done.

    Raises InputError (an assembly of something else) and KickstandError (AWS does not tell).
    """
    from promotion.cost.report import cost_report
    from promotion.policy.report import policy_report
    from promotion.review.changes.infrastructure import infrastructure
    from promotion.review.changes.read import read_pairs
    from promotion.review.drift import detect_drift
    from promotion.review.versions import versions

    cdk, names = question.cdk, question.names
    environment = cdk.environment
    require_assembly(cdk.assembly(), environment, question.release)
    with explained("reading the deployed stacks"):
        pairs = read_pairs(cdk.session.client("cloudformation"), cdk.assembly(), names)
    drift = question.drift
    if drift is None:
        say("Asking CloudFormation for drift …")
        with explained("detecting drift"):
            drift = detect_drift(cdk.session, names, now=now)
    say("Holding the stacks to the policy rules …")
    policy = policy_report(cdk.project, environment, cdk.releases)
    policy = policy.model_copy(update={"headlines": (*policy.headlines, *_key_headlines(question))})
    say("Comparing infrastructure, model and cost …")
    return Bundle(
        project=environment.project,
        environment=environment.name,
        account=environment.account,
        region=environment.region,
        as_of=question.as_of.isoformat(),
        assembly_sha256=assembly_digest(cdk.assembly()),
        release_sha256=question.release.sha256 if question.release is not None else "",
        versions=versions(),
        infrastructure=infrastructure(pairs, environment),
        policy=policy,
        model=_model(question),
        cost=cost_report(_templates(pairs, "live"), _templates(pairs, "planned"), environment, as_of=question.as_of),
        drift=drift,
    )


def _templates(pairs: Sequence[StackPair], side: Literal["live", "planned"]) -> dict[str, Mapping[str, Any] | None]:
    return {pair.stack: pair.live if side == "live" else pair.planned for pair in pairs}


def _key_headlines(question: Question) -> tuple[Headline, ...]:
    """Whether the keys let the roles that need them: read live, since no template of ours has a key's policy."""
    from kickstand.errors import KickstandError
    from promotion.keys.answers import answers
    from promotion.keys.headlines import key_headlines
    from promotion.keys.needs import key_needs

    cdk = question.cdk

    def session(environment: Environment) -> boto3.Session:
        if environment.name == cdk.environment.name:
            return cdk.session
        if question.open_other is None:
            raise KickstandError(f"No session of {environment.name} can be opened here.")
        return question.open_other(environment)

    return key_headlines(answers(key_needs(cdk.environment, cdk.project.environments), session), cdk.environment.name)


def _model(question: Question) -> ModelReport | None:
    """The model part; None without a release."""
    from promotion.review.live_release import live_release, served_artifact
    from promotion.review.model.section import model_report
    from promotion.review.model.stores import ModelStore
    from promotion.signing.verify import require_signature

    release, cdk, names = question.release, question.cdk, question.names
    if release is None:
        return None
    with explained("asking what the endpoint serves", f"endpoint {names.endpoint}"):
        served = served_artifact(cdk.session, names)
    s3 = cdk.session.client("s3")
    source = cdk.environment.promotes_from
    buckets = [names.bucket, *([Names(cdk.project.environments[source]).bucket] if source else [])]
    return model_report(
        cdk.environment,
        release,
        live_release(served, release, question.release_file),
        stores=[ModelStore(s3, bucket) for bucket in dict.fromkeys(buckets)],
        signed=lambda: require_signature(release, question.release_file, cdk.environment),
        live_artifact_sha256=served,
    )


def pages(bundle: Bundle) -> dict[str, bytes]:
    """The files of a review's folder, by name."""
    from promotion.review.pages import review_html, review_markdown

    return {
        REVIEW_JSON: bundle_json(bundle),
        "review.md": review_markdown(bundle).encode(),
        "index.html": review_html(bundle).encode(),
    }
