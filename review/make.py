"""Make the review of one environment: read what is deployed and what would be, and put the parts together.

The bundle also names the versions of everything that made it, and begins with what the key policies refuse.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deployment.assembly import assembly_digest, require_assembly
from deployment.cdk import CLI
from deployment.keys.access import KeyAccess, key_access
from deployment.keys.needs import key_needs
from kickstand import __version__
from kickstand.aws.errors import explained
from kickstand.json_text import parse_json
from kickstand.names import Names
from review.bundle import REVIEW_JSON, Bundle, bundle_json
from review.changes.stacks import read_pairs
from review.cost.report import cost_report
from review.drift import detect_drift
from review.infrastructure import infrastructure
from review.reports import DriftReport, Headline, ModelReport

if TYPE_CHECKING:
    from deployment.cdk import Cdk
    from kickstand.release.model import Release
    from kickstand.workspace import Workspace
    from review.changes.stacks import StackPair


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """What is reviewed: one environment's assembly and release, on one day."""

    cdk: Cdk
    """Working from a cloud assembly (`Cdk.synthesise`)."""
    release: Release | None
    as_of: date
    """The day that ages are counted to."""
    drift: DriftReport | None = None
    """Recorded before; None: AWS is asked."""


def make_bundle(request: ReviewRequest, *, now: datetime, say: Callable[[str], None]) -> Bundle:
    """The review. now: when drift was detected, UTC. say: told what is being done.

    Raises InputError (an assembly of something else) and KickstandError (AWS does not tell).
    """
    from review.policy.report import policy_report

    cdk, workspace = request.cdk, request.cdk.workspace
    environment, names = workspace.environment, workspace.names
    require_assembly(cdk.assembly(), environment, request.release)
    with explained("reading the deployed stacks"):
        pairs = read_pairs(workspace.session.client("cloudformation"), cdk.assembly(), names)
    drift = request.drift
    if drift is None:
        say("Detecting drift …")
        with explained("detecting drift"):
            drift = detect_drift(workspace.session, names, now=now)
    say("Checking the stacks against the policy rules …")
    policy = policy_report(workspace.project, environment, workspace.releases)
    policy = policy.model_copy(update={"headlines": (*policy.headlines, *_key_headlines(workspace))})
    say("Comparing infrastructure, model and cost …")
    return Bundle(
        project=environment.project,
        environment=environment.name,
        account=environment.account,
        region=environment.region,
        as_of=request.as_of.isoformat(),
        assembly_sha256=assembly_digest(cdk.assembly()),
        release_sha256=request.release.sha256 if request.release is not None else "",
        versions=versions(),
        infrastructure=infrastructure(pairs, environment),
        policy=policy,
        model=_model(request),
        cost=cost_report(_templates(pairs, "live"), _templates(pairs, "planned"), environment, as_of=request.as_of),
        drift=drift,
    )


def _templates(pairs: Sequence[StackPair], side: Literal["live", "planned"]) -> dict[str, Mapping[str, Any] | None]:
    return {pair.stack: pair.live if side == "live" else pair.planned for pair in pairs}


def _key_headlines(workspace: Workspace) -> tuple[Headline, ...]:
    """Whether the keys let the roles that need them: read live, since no template of ours has a key's policy."""
    environment = workspace.environment
    needs = key_needs(environment, workspace.project.environments)
    return key_headlines(key_access(needs, lambda owner: workspace.open(owner.name).session), environment.name)


def _model(request: ReviewRequest) -> ModelReport | None:
    """The model part; None without a release."""
    from kickstand.signing.verify import require_signature
    from review.model.releases import live_release, served_artifact
    from review.model.section import model_report
    from training.evaluation.stores import ModelStore

    release, workspace = request.release, request.cdk.workspace
    environment, names = workspace.environment, workspace.names
    if release is None:
        return None
    with explained("asking what the endpoint serves", f"endpoint {names.endpoint}"):
        served = served_artifact(workspace.session, names)
    s3 = workspace.session.client("s3")
    source = environment.promotes_from
    buckets = [names.bucket, *([Names(workspace.project.environments[source]).bucket] if source else [])]
    return model_report(
        environment,
        release,
        live_release(served, release, workspace.release_file),
        stores=[ModelStore(s3, bucket) for bucket in dict.fromkeys(buckets)],
        signed=lambda: require_signature(release, workspace.release_file, environment),
        live_artifact_sha256=served,
    )


def pages(bundle: Bundle) -> dict[str, bytes]:
    """The files of a review's folder, by name."""
    from review.pages import review_html, review_markdown

    return {
        REVIEW_JSON: bundle_json(bundle),
        "review.md": review_markdown(bundle).encode(),
        "index.html": review_html(bundle).encode(),
    }


PACKAGES = (
    "aws-cdk-lib",
    "boto3",
    "cdk-nag",
    "cdklabs.cdk-validator-cfnguard",
    "cfn-lint",
    "constructs",
    "securesystemslib",
    "sigstore",
)


def versions() -> dict[str, str]:
    """Name to version, of what is installed."""
    found = {"kickstand": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    manifest = CLI.parents[1] / "package.json"
    if manifest.is_file():
        found["aws-cdk (command line)"] = _package_version(manifest)
    return dict(sorted(found.items()))


def _package_version(manifest: Path) -> str:
    return str(parse_json(manifest.read_bytes())["version"])


def key_headlines(answers: Iterable[KeyAccess], environment: str) -> tuple[Headline, ...]:
    """A danger where the environment's own jobs or endpoint will fail, a warning where a promotion will, and a note
    for what is unknown; nothing for what is good. environment: its name."""
    return tuple(_headline(one, environment) for one in answers if one.status != "ok")


def _headline(answer: KeyAccess, environment: str) -> Headline:
    if answer.status == "unknown":
        return Headline(level="note", sentence=answer.found)
    sentence = f"{answer.found} The statement to add: kickstand doctor {environment}."
    return Headline(level="warning" if answer.need.promotion else "danger", sentence=sentence)
