"""The gates that look at the source's endpoint: `golden-rows`, `latency` and `age`.

`golden-rows`: it serves the release's very artifact and answers as the release says; in a rollback the source serves
another model by now, and the artifact itself is evaluated on this machine. `latency`: how long it takes for one row, at
the 99th percentile. `age`: how long it has served this model.
"""

from __future__ import annotations

import math
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from deployment.endpoint.verify import golden_problems, verify_endpoint
from kickstand.aws.errors import explained
from kickstand.errors import KickstandError, Problem
from kickstand.release.model import GoldenRows
from kickstand.xgboost_container import model_count
from promotion.gates.context import Evidence, GateContext
from promotion.gates.gate import Gate, Verdict
from training.model.golden_rows import read_golden
from training.model.inspection.archive import extract_model
from training.model.inspection.model_run import find_models, run_model
from training.prediction.batches import Batch
from training.prediction.endpoint_client import EndpointClient, runtime_client


def evaluate_golden_rows(context: GateContext, evidence: Evidence) -> Verdict:
    """Passed where every golden row is reproduced. Raises KickstandError with what differs."""
    golden = _golden_rows(context)
    if context.is_rollback:
        return _artifact_answers(context, evidence, golden)
    source, release = context.source, context.release
    if evidence.source_served is None:
        message = f"There is no endpoint {source.names.endpoint}, so no golden row can be checked."
        raise KickstandError(Problem(message, fix=f"Deploy it: {source.command('deploy')}"))
    with explained(f"asking {source.names.endpoint} for the golden rows", f"endpoint {source.names.endpoint}"):
        proof = verify_endpoint(source.session, source.names, release)
    return Verdict(
        True,
        f"{proof.golden_rows} of {proof.golden_rows} reproduced by {proof.endpoint}",
        (f"The live configuration {proof.config} serves the artifact {proof.artifact_sha256}.",),
    )


def _golden_rows(context: GateContext) -> GoldenRows:
    release = context.release
    golden = read_golden(context.source.session.client("s3"), release.golden_rows)
    where = release.golden_rows.s3_uri or str(context.source.release_file)
    if not golden.rows:
        raise KickstandError(Problem("The release has no golden rows.", where, "Set [data] golden_rows; fit again."))
    for number, given in enumerate(golden.predictions, start=1):
        values = given if isinstance(given, tuple) else (given,)
        if any(value - value != 0 for value in values):
            message = f"The prediction of golden row {number} is {given}: the model has not learned."
            raise KickstandError(Problem(message, where, "Make the release anew: fit again."))
    return golden


def _artifact_answers(context: GateContext, evidence: Evidence, golden: GoldenRows) -> Verdict:
    uri = context.release.artifact.s3_uri
    with tempfile.TemporaryDirectory(dir=evidence.folder) as folder:
        files = extract_model(evidence.artifact.file, Path(folder))
        models = find_models(files, model_count(context.release.hyperparameters), folder=Path(folder), where=uri)
        given = run_model(models, golden.rows, where=uri).predictions
    answers = [one if isinstance(one, tuple) else (one,) for one in given]
    if problems := golden_problems(golden, answers):
        raise KickstandError(*problems)
    count = len(golden.rows)
    return Verdict(
        True, f"{count} of {count} reproduced by the artifact itself", (f"{uri} was asked on this machine.",)
    )


def _check_golden_rows(context: GateContext) -> str:
    rows, name = context.release.golden_rows.rows, context.source.environment.name
    if not rows or context.is_rollback:
        return context.rerun_command("golden-rows")
    return f"echo {shlex.quote(rows[0])} | {context.commands(f'predict {name} -')}"


GOLDEN_ROWS_GATE = Gate(
    name="golden-rows",
    applies=lambda context: True,
    limit=lambda context: "all reproduced",
    how_to_check=_check_golden_rows,
    evaluate=evaluate_golden_rows,
)


WARM_UP = 10
"""Requests that are not counted: connections, caches."""


def nearest_rank(values: Sequence[float], percentile: float) -> float:
    """The percentile by the nearest-rank method: the smallest value that so many per cent are not above."""
    ordered = sorted(values)
    # In floats 56 / 100 * 25 is above 14, and 99.9, of which the decimal digits are meant, is no such number.
    rank = math.ceil(Fraction(str(percentile)) * len(ordered) / 100)
    return ordered[max(1, rank) - 1]


def timed(
    send: Callable[[str], object], rows: Sequence[str], count: int, *, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Milliseconds of `count` requests of one row each, one after another, the rows in turn.

    WARM_UP requests come before and are not in it. ask: sends one row and waits for the answer.
    """
    taken = []
    for number in range(WARM_UP + count):
        row = rows[number % len(rows)]
        before = clock()
        send(row)
        after = clock()
        if number >= WARM_UP:
            taken.append((after - before) * 1000)
    return taken


def evaluate_latency(context: GateContext, evidence: Evidence) -> Verdict:
    """Passed where the 99th percentile is within the limit."""
    source, gates, live = context.source, context.gates, evidence.source_served
    if live is None:
        raise KickstandError(Problem(f"There is no endpoint {source.names.endpoint} to be timed."))
    live.require_serving()
    live.require_artifact(context.release.artifact.s3_uri)
    rows = read_golden(source.session.client("s3"), context.release.golden_rows).rows
    if not rows:
        raise KickstandError(Problem("The release has no golden rows to send.", str(context.source.release_file)))
    client = EndpointClient(
        runtime_client(source.session, parallel=1),
        endpoint=source.names.endpoint,
        accept="csv",
        source="golden rows",
        attempts=1,  # a second attempt would be a second request
    )
    taken = timed(lambda row: client(Batch(f"{row}\n".encode(), 1, 1)), rows, gates.latency_requests)
    assert gates.max_p99_ms is not None
    return latency_verdict(taken, gates.max_p99_ms)


def latency_verdict(taken: Sequence[float], most: float) -> Verdict:
    """What the measured milliseconds come to."""
    p50, p95, p99 = (nearest_rank(taken, percentile) for percentile in (50, 95, 99))
    details = (
        f"p50 {p50:.3g} ms, p95 {p95:.3g} ms, slowest {max(taken):.3g} ms",
        f"{len(taken):,} requests of one row, one after another, from this machine; {WARM_UP} before them not counted",
    )
    return Verdict(p99 <= most, f"p99 {p99:.3g} ms", details)


LATENCY_GATE = Gate(
    name="latency",
    applies=lambda context: context.gates.max_p99_ms is not None,
    limit=lambda context: f"<= {context.gates.max_p99_ms:g} ms",
    how_to_check=lambda context: context.rerun_command("latency"),
    evaluate=evaluate_latency,
    live=True,
)


def evaluate_age(context: GateContext, evidence: Evidence) -> Verdict:
    """Passed where the endpoint configuration that serves the model is old enough."""
    live = evidence.source_served
    if live is None:
        raise KickstandError(Problem(f"There is no endpoint {context.source.names.endpoint}."))
    live.require_serving()
    live.require_artifact(context.release.artifact.s3_uri)
    assert context.gates.min_age_hours is not None
    return age_verdict(live.since, context.now, context.gates.min_age_hours)


def age_verdict(since: datetime, now: datetime, least_hours: float) -> Verdict:
    """What the time of service comes to."""
    hours = (now - since).total_seconds() / 3600
    figure = f"served for {_hours(hours)}"
    return Verdict(hours >= least_hours, figure, (f"Since {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}.",))


def _hours(hours: float) -> str:
    if 0 <= hours < 1:
        minutes = int(hours * 60)  # not rounded up to the limit
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{int(hours * 10) / 10:g} hours"


AGE_GATE = Gate(
    name="age",
    applies=lambda context: context.gates.min_age_hours is not None,
    limit=lambda context: f">= {context.gates.min_age_hours:g} hours",
    how_to_check=lambda context: context.rerun_command("age"),
    evaluate=evaluate_age,
    live=True,
)
