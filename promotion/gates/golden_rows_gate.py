"""The gate `golden-rows`: the source serves that very artifact, and it answers as the release says.

On a way back the source serves another model by now: then the artifact itself is asked, on this machine.
"""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from kickstand.aws_errors import explained
from kickstand.errors import KickstandError, Problem
from kickstand.folds import model_count
from kickstand.release import GoldenRows
from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict
from promotion.verify import golden_problems, verify_endpoint
from training.model.archive import extract_model
from training.model.golden_rows import read_golden
from training.model.probe import ask_model, find_models


def judge(contest: Contest, evidence: Evidence) -> Verdict:
    """Passed where every golden row is reproduced. Raises KickstandError with what differs."""
    golden = _golden(contest)
    if not contest.newer:
        return _artifact_answers(contest, evidence, golden)
    place, release = contest.source, contest.release
    if evidence.source_served is None:
        message = f"There is no endpoint {place.names.endpoint}, so no golden row can be asked."
        raise KickstandError(Problem(message, fix=f"Deploy it: {contest.typed(f'deploy {place.environment.name}')}"))
    with explained(f"asking {place.names.endpoint} for the golden rows", f"endpoint {place.names.endpoint}"):
        proof = verify_endpoint(place.session, place.names, release)
    return Verdict(
        True,
        f"{proof.golden_rows} of {proof.golden_rows} reproduced by {proof.endpoint}",
        (f"The live configuration {proof.config} serves the artifact {proof.artifact_sha256}.",),
    )


def _golden(contest: Contest) -> GoldenRows:
    release = contest.release
    golden = read_golden(contest.source.session.client("s3"), release.golden_rows)
    where = release.golden_rows.s3_uri or str(contest.source.release_file)
    if not golden.rows:
        raise KickstandError(Problem("The release has no golden rows.", where, "Set [data] golden_rows; fit again."))
    for number, given in enumerate(golden.predictions, start=1):
        values = given if isinstance(given, tuple) else (given,)
        if any(value - value != 0 for value in values):
            message = f"The prediction of golden row {number} is {given}: the model has not learned."
            raise KickstandError(Problem(message, where, "Make the release anew: fit again."))
    return golden


def _artifact_answers(contest: Contest, evidence: Evidence, golden: GoldenRows) -> Verdict:
    uri = contest.release.artifact.s3_uri
    with tempfile.TemporaryDirectory(dir=evidence.folder) as folder:
        files = extract_model(evidence.artifact.file, Path(folder))
        models = find_models(files, model_count(contest.release.hyperparameters), folder=Path(folder), where=uri)
        given = ask_model(models, golden.rows, where=uri).predictions
    answers = [one if isinstance(one, tuple) else (one,) for one in given]
    if problems := golden_problems(golden, answers):
        raise KickstandError(*problems)
    count = len(golden.rows)
    return Verdict(
        True, f"{count} of {count} reproduced by the artifact itself", (f"{uri} was asked on this machine.",)
    )


def _see(contest: Contest) -> str:
    rows, name = contest.release.golden_rows.rows, contest.source.environment.name
    if not rows or not contest.newer:
        return contest.again("golden-rows")
    return f"echo {shlex.quote(rows[0])} | {contest.typed(f'predict {name} -')}"


GATE = Gate(
    name="golden-rows",
    asked=lambda contest: True,
    limit=lambda contest: "all reproduced",
    see=_see,
    judge=judge,
)
