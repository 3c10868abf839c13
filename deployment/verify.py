"""Prove a deployment: the endpoint serves what the template asked for, and answers the golden rows as released.

SageMaker can roll an update back by itself and say InService, so success of the deployment is not proof.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kickstand.aws.deployed import Served, served
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names
from kickstand.release.model import GoldenRows, Release
from kickstand.text import cut, plain
from training.model.golden_rows import read_golden

if TYPE_CHECKING:
    import boto3

RELATIVE_TOLERANCE = 1e-5
"""Between the golden predictions and the live ones: they are float32, and machines add in their own order."""
_SHOWN = 120
"""Characters of an answer that a message repeats."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen of a live endpoint."""

    endpoint: str
    config: str
    artifact_sha256: str
    golden_rows: int

    def sentence(self) -> str:
        rows = f"; {self.golden_rows} golden rows came back equal" if self.golden_rows else ""
        return f"{self.endpoint} is InService and serves the release's model {self.artifact_sha256[:12]}{rows}."


def verify_endpoint(session: boto3.Session, names: Names, release: Release) -> Proof:
    """Compare the live endpoint with the release.

    Raises KickstandError with everything that differs: the status, the model that the live configuration
    names, a golden row whose live prediction is another.
    """
    live = served(session.client("sagemaker"), names.endpoint)
    if live is None:
        fix = f"Deploy the environment: kickstand deploy {names.environment.name}"
        raise KickstandError(
            Problem("There is no such endpoint: nothing is served.", f"endpoint {names.endpoint}", fix)
        )
    problems = _state_problems(live)
    problems += [
        Problem(
            f"Expected the model {release.artifact.s3_uri}, found {found}.",
            live.where,
            "SageMaker rolled the update back, or somebody changed the endpoint by hand. Deploy again.",
        )
        for found in live.models
        if found != release.artifact.s3_uri
    ]
    if problems:
        raise KickstandError(*problems)
    golden = read_golden(session.client("s3"), release.golden_rows)
    if golden.rows:
        problems += golden_problems(golden, _live_predictions(session, names.endpoint, golden.rows))
    if problems:
        raise KickstandError(*problems)
    return Proof(names.endpoint, live.config, release.artifact.sha256, len(golden.rows))


def _state_problems(live: Served) -> list[Problem]:
    if live.status != "InService":
        message = f"Expected the endpoint to be InService, found {live.status}. {live.reason}"
        return [Problem(message.strip(), live.where)]
    return []


def golden_problems(golden: GoldenRows, live: Sequence[tuple[float, ...]]) -> list[Problem]:
    """The golden rows whose live prediction is not the released one."""
    if len(live) != len(golden.rows):
        return [Problem(f"Expected {len(golden.rows)} predictions for the golden rows, found {len(live)}.")]
    problems = []
    for number, (expected, found) in enumerate(zip(golden.predictions, live, strict=True), start=1):
        wanted = expected if isinstance(expected, tuple) else (expected,)
        same = len(wanted) == len(found) and all(
            math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-6) for a, b in zip(wanted, found, strict=True)
        )
        if not same:
            problems.append(
                Problem(
                    f"Expected the prediction {wanted}, found {found}.",
                    f"golden row {number}",
                    "Do not use this endpoint.",
                )
            )
    return problems


def _live_predictions(session: boto3.Session, endpoint: str, rows: Sequence[str]) -> list[tuple[float, ...]]:
    """A tuple a line of the answer. Raises KickstandError for one that holds no numbers."""
    answer = session.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body="\n".join(rows).encode() + b"\n"
    )
    lines = answer["Body"].read().decode("utf-8", "replace").splitlines()
    try:
        return [tuple(float(value) for value in line.split(",")) for line in lines]
    except ValueError as error:
        message = f"An answer to the golden rows is no number: {cut(plain(str(error)), _SHOWN)}."
        raise KickstandError(Problem(message, f"endpoint {endpoint}", "Do not use this endpoint.")) from None
