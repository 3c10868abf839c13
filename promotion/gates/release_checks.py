"""The gates that look at the release and at the stacks with it: `metrics`, `signature`, `artifact-scan` and `policy`.

`metrics`: limits of the figures that training reported. `signature`: signed by somebody whom the target trusts.
`artifact-scan`: the artifact is the release's, byte for byte, and holds a model and nothing else. `policy`: the
target's stacks, with the candidate in them, break none of the rules.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kickstand.aws.s3 import changed_sentence
from kickstand.config.promotion_rules import MetricLimit, parse_limit
from kickstand.errors import KickstandError, Problem
from kickstand.release.file import release_path, write_release
from kickstand.release.model import Artifact
from kickstand.release.rules import require_serving
from kickstand.xgboost_container import model_count
from promotion.gates.context import Evidence, GateContext
from promotion.gates.gate import Gate, Verdict
from training.model.artifact import FetchedArtifact
from training.model.inspection.archive import OLD_BINARY, extract_model, require_readable
from training.model.inspection.model_run import find_models, run_model

if TYPE_CHECKING:
    from review.reports import Finding, PolicyReport


def _metric_limits(context: GateContext) -> tuple[MetricLimit, ...]:
    return tuple(parse_limit(text) for text in context.gates.metrics)


def _metrics_limit(context: GateContext) -> str:
    limits = _metric_limits(context)
    return limits[0].demand if len(limits) == 1 else ", ".join(f"{each.metric} {each.demand}" for each in limits)


def evaluate_metrics(context: GateContext, _: Evidence | None = None) -> Verdict:
    """Every limit must hold. A metric that the release does not have fails, by its name."""
    metrics = context.release.metrics
    figures, faults = [], []
    for limit in _metric_limits(context):
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


METRICS_GATE = Gate(
    name="metrics",
    applies=lambda context: bool(context.gates.metrics),
    limit=_metrics_limit,
    how_to_check=lambda context: context.commands(f"release show {context.source.environment.name}"),
    evaluate=evaluate_metrics,
)


def evaluate_signature(context: GateContext, _: Evidence | None = None) -> Verdict:
    """Passed where the signature fits the release and is trusted. Else KickstandError with what is wrong."""
    from kickstand.signing.verify import verify_signature

    target = context.target.environment
    where = target.where("signing.required")
    signed = verify_signature(context.release, context.source.release_file, target.signing, where=where)
    return Verdict(True, signed.sentence(), (f"{context.source.release_file} {signed.sentence()}.",))


SIGNATURE_GATE = Gate(
    name="signature",
    # In a rollback the release is not in its place yet: its signature was verified as it was read from git.
    applies=lambda context: context.target.environment.signing.required and not context.is_rollback,
    limit=lambda context: f"one that {context.target.environment.name} trusts",
    how_to_check=lambda context: context.commands(f"release verify {context.source.environment.name}"),
    evaluate=evaluate_signature,
)


_UBJSON = re.compile(rb"\{[UiIlL]")
"""An object whose first key has a length of one of these integer types. https://ubjson.org/type-reference/"""
_JSON = re.compile(rb'\{\s*"')
_LARGEST_GROWTH = 1000
"""How many times its size an archive may unpack to: gzip packs no better than about 1,030 to 1."""


def evaluate_artifact(context: GateContext, evidence: Evidence) -> Verdict:
    """Passed where digest and size are the release's and XGBoost loads the model. Else KickstandError, by name.

    So it is where the target would serve a model whose callers meet a fault of the image that it does not accept.
    """
    artifact = context.release.artifact
    require_serving(context.release, context.target.environment.known_faults)
    require_bytes(artifact, evidence.artifact)
    with tempfile.TemporaryDirectory(dir=evidence.folder) as folder:
        files = extract_model(evidence.artifact.file, Path(folder), max_bytes=artifact.size * _LARGEST_GROWTH)
        models = find_models(
            files, model_count(context.release.hyperparameters), folder=Path(folder), where=artifact.s3_uri
        )
        held = [_content_sentence(model, artifact.s3_uri) for model in models]
        for model in models:
            require_readable(model, context.release.algorithm.version, where=artifact.s3_uri)
        features = run_model(models, (), where=artifact.s3_uri).features
    released = f"{artifact.s3_uri}: {artifact.size:,} bytes of SHA-256 {artifact.sha256}."
    what = _models_sentence(context)
    if len(models) == 1:
        held = [f"It holds {held[0].replace(',', ' alone,', 1)}, which XGBoost loads: {features} features."]
    else:
        held = [f"It holds {'; '.join(held)}.", f"XGBoost loads them as one ensemble: {features} features."]
    return Verdict(True, f"SHA-256 {artifact.sha256[:12]} as released; {what}, no code", (released, *held))


def _models_sentence(context: GateContext) -> str:
    count = model_count(context.release.hyperparameters)
    return f"{count} models, one a fold" if count > 1 else "one model"


def _content_sentence(model: Path, where: str) -> str:
    form = model_format(model, where)
    return f"{model.name}, {model.stat().st_size:,} bytes of {form}"


def require_bytes(artifact: Artifact, fetched: FetchedArtifact) -> None:
    """KickstandError: what lies at the artifact's key is not what the release names."""
    found = fetched.read
    if (found.sha256, found.size) != (artifact.sha256, artifact.size):
        message = changed_sentence("model artifact", artifact.sha256, found.sha256, (artifact.size, found.size))
        raise KickstandError(Problem(message, artifact.s3_uri, "Find out who wrote it; do not use it."))


def model_format(model: Path, where: str) -> str:
    """`UBJSON`, `JSON` or XGBoost's old binary: numbers and no code. KickstandError: anything else."""
    with model.open("rb") as opened:
        head = opened.read(64)
    if _UBJSON.match(head):
        return "UBJSON"
    if _JSON.match(head):
        return "JSON"
    if head.startswith(OLD_BINARY):
        return "XGBoost's old binary"
    message = f"{model.name} is neither UBJSON nor JSON, XGBoost's own formats: it begins with {head[:8]!r}."
    raise KickstandError(Problem(message, where, "Train it again with image 3.2-0."))


ARTIFACT_SCAN_GATE = Gate(
    name="artifact-scan",
    applies=lambda context: True,
    limit=lambda context: f"the released bytes, {_models_sentence(context)}, no pickle, no code",
    how_to_check=lambda context: context.rerun_command("artifact-scan"),
    evaluate=evaluate_artifact,
)


def evaluate_policy(context: GateContext, evidence: Evidence) -> Verdict:
    """Passed where rules were asked and none has a finding of level error.

    The stacks are synthesised with the candidate as their release.
    """
    target = context.target.environment
    with TemporaryDirectory(dir=evidence.folder) as folder:
        releases = Path(folder)
        write_release(release_path(releases, target.name), context.candidate)
        return policy_verdict(candidate_policy(context, releases), target.where(""))


def candidate_policy(context: GateContext, releases: Path) -> PolicyReport:
    """The policy rules over the target's stacks. releases: the folder that has the candidate as their release."""
    from review.policy.report import policy_report  # loads the CDK, which takes seconds

    return policy_report(context.target.project, context.target.environment, releases)


def policy_verdict(report: PolicyReport, project_file: str) -> Verdict:
    """What the findings come to. project_file: as places in it begin; what it accepts is told with its reason.

    What the constructs themselves accept is counted: the review has each of them.
    """
    errors = [finding for finding in report.findings if finding.level == "error"]
    warnings = [finding for finding in report.findings if finding.level == "warning"]
    accepted = [one for one in report.acknowledged if one.where.startswith(project_file)]
    figure = f"{_counted(len(errors), 'finding')}, {_counted(len(warnings), 'warning')}"
    if accepted:
        figure += f", {len(accepted)} accepted in {project_file}"
    rules = ", ".join(f"{count} of {source}" for source, count in sorted(report.rules_run.items()))
    details = [*map(_line, errors), *map(_line, warnings)]
    details += [f"accepted: {one.rule} ({one.where}): {one.reason}" for one in accepted]
    if others := len(report.acknowledged) - len(accepted):
        details.append(f"{_counted(others, 'exception')} of the constructs themselves: the review gives the reasons.")
    details.append(f"Rules checked: {rules or 'none'}.")
    return Verdict(not errors and sum(report.rules_run.values()) > 0, figure, tuple(details))


def _line(finding: Finding) -> str:
    place = f"{finding.stack} {finding.resource}".strip()
    return f"{finding.level}: {finding.rule}, {place}: {finding.message} {finding.fix}".strip()


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


POLICY_GATE = Gate(
    name="policy",
    applies=lambda context: True,
    limit=lambda context: "0 findings",
    how_to_check=lambda context: context.commands(f"review {context.target.environment.name}"),
    evaluate=evaluate_policy,
)
