"""The gate `artifact-scan`: the artifact is the release's, byte for byte, and holds a model and nothing else."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from kickstand.errors import KickstandError, Problem
from kickstand.folds import model_count
from kickstand.release import Artifact
from kickstand.release_serving import require_serving
from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict
from training.model.archive import extract_model
from training.model.artifact import FetchedArtifact
from training.model.probe import ask_model, find_models
from training.model.saved_version import OLD_BINARY, require_readable

_UBJSON = re.compile(rb"\{[UiIlL]")
"""An object whose first key has a length of one of these integer types. https://ubjson.org/type-reference/"""
_JSON = re.compile(rb'\{\s*"')
_LARGEST_GROWTH = 1000
"""How many times its size an archive may unpack to: gzip packs no better than about 1,030 to 1."""


def judge(contest: Contest, evidence: Evidence) -> Verdict:
    """Passed where digest and size are the release's and XGBoost loads the model. Else KickstandError, by name.

    So it is where the target would serve a model whose callers meet a fault of the image that it does not accept.
    """
    artifact = contest.release.artifact
    require_serving(contest.release, contest.target.environment.known_faults)
    require_bytes(artifact, evidence.artifact)
    with tempfile.TemporaryDirectory(dir=evidence.folder) as folder:
        files = extract_model(evidence.artifact.file, Path(folder), max_bytes=artifact.size * _LARGEST_GROWTH)
        models = find_models(
            files, model_count(contest.release.hyperparameters), folder=Path(folder), where=artifact.s3_uri
        )
        held = [_held(model, artifact.s3_uri) for model in models]
        for model in models:
            require_readable(model, contest.release.algorithm.version, where=artifact.s3_uri)
        features = ask_model(models, (), where=artifact.s3_uri).features
    released = f"{artifact.s3_uri}: {artifact.size:,} bytes of SHA-256 {artifact.sha256}."
    what = _models(contest)
    if len(models) == 1:
        held = [f"It holds {held[0].replace(',', ' alone,', 1)}, which XGBoost loads: {features} features."]
    else:
        held = [f"It holds {'; '.join(held)}.", f"XGBoost loads them as one ensemble: {features} features."]
    return Verdict(True, f"SHA-256 {artifact.sha256[:12]} as released; {what}, no code", (released, *held))


def _models(contest: Contest) -> str:
    count = model_count(contest.release.hyperparameters)
    return f"{count} models, one a fold" if count > 1 else "one model"


def _held(model: Path, where: str) -> str:
    form = model_format(model, where)
    return f"{model.name}, {model.stat().st_size:,} bytes of {form}"


def require_bytes(artifact: Artifact, fetched: FetchedArtifact) -> None:
    """KickstandError: what lies at the artifact's key is not what the release names."""
    found = fetched.read
    if (found.sha256, found.size) != (artifact.sha256, artifact.size):
        message = (
            f"The model artifact is not the release's: expected {artifact.size:,} bytes of SHA-256 {artifact.sha256}, "
            f"found {found.size:,} bytes of {found.sha256}."
        )
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


GATE = Gate(
    name="artifact-scan",
    asked=lambda contest: True,
    limit=lambda contest: f"the released bytes, {_models(contest)}, no pickle, no code",
    see=lambda contest: contest.again("artifact-scan"),
    judge=judge,
)
