"""A deployment is proven by the live endpoint's config and its golden rows."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from memory_s3 import MemoryS3
from samples import environment, release

from deployment.endpoint.verify import verify_endpoint
from kickstand.errors import KickstandError
from kickstand.names import Names
from kickstand.release.model import GoldenRows, Release
from training.model.golden_rows import golden_digest

RELEASE = release()
GOLDEN = "s3://b/golden/x.json"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Aws(MemoryS3):
    """The three clients that verification asks, with what each would answer."""

    def __init__(
        self, *, status: str = "InService", model: str = RELEASE.artifact.s3_uri, answers: str = "2.5\n3.5\n"
    ) -> None:
        super().__init__()
        self.status, self.model, self.answers = status, model, answers
        golden = b'{\n  "predictions": [\n    2.5,\n    3.5\n  ],\n  "rows": [\n    "1,2",\n    "3,4"\n  ]\n}\n'
        self.put(GOLDEN, golden)

    def client(self, _service: str) -> Aws:
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointName == "bikes-dev"
        return {
            "EndpointStatus": self.status,
            "EndpointConfigName": "config-1",
            "FailureReason": "no capacity",
            "CreationTime": NOW,
        }

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointConfigName == "config-1"
        return {"ProductionVariants": [{"ModelName": "model-1"}], "CreationTime": NOW}

    def describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        assert ModelName == "model-1"
        return {"PrimaryContainer": {"ModelDataUrl": self.model}}

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        assert request["Body"] == b"1,2\n3,4\n"
        return {"Body": io.BytesIO(self.answers.encode())}


def verify(aws: Aws) -> str:
    return verify_endpoint(aws, Names(environment()), RELEASE).sentence()  # type: ignore[arg-type]


def test_the_proof_names_the_model_and_counts_the_golden_rows() -> None:
    assert (
        verify(Aws())
        == "bikes-dev is InService and serves the release's model abababababab; 2 golden rows came back equal."
    )


def test_float32_noise_is_no_difference() -> None:
    assert "2 golden rows" in verify(Aws(answers="2.5000002\n3.4999998\n"))


@pytest.mark.parametrize(
    ("aws", "message"),
    [
        (Aws(status="Failed"), "Expected the endpoint to be InService, found Failed. no capacity"),
        (Aws(model="s3://b/old"), f"Expected the model {RELEASE.artifact.s3_uri}, found s3://b/old."),
        (Aws(answers="2.5\n3.6\n"), "Expected the prediction (3.5,), found (3.6,)."),
        (
            Aws(answers="2.5\n<html>\x1b[2J\n"),
            "An answer to the golden rows is no number: could not convert string to float: '<html>\\x1b[2J'.",
        ),
        (
            Aws(answers="9" * 5000 + "x\n"),
            f"An answer to the golden rows is no number: could not convert string to float: '{'9' * 54} … [5,038 "
            f"characters] … {'9' * 28}x'.",
        ),
    ],
)
def test_whatever_differs_fails_loudly(aws: Aws, message: str) -> None:
    with pytest.raises(KickstandError) as failed:
        verify(aws)
    assert [problem.message for problem in failed.value.problems] == [message]


def confidential() -> Release:
    digest = golden_digest(RELEASE.golden_rows.rows, RELEASE.golden_rows.predictions)
    return release(golden_rows=GoldenRows(sha256=digest, s3_uri=GOLDEN))


def test_golden_rows_that_are_kept_out_of_git_prove_as_well() -> None:
    proof = verify_endpoint(Aws(), Names(environment()), confidential())  # type: ignore[arg-type]
    assert proof.golden_rows == 2
    with pytest.raises(KickstandError, match=r"Expected the prediction \(3.5,\)"):
        verify_endpoint(Aws(answers="2.5\n3.6\n"), Names(environment()), confidential())  # type: ignore[arg-type]


def test_golden_rows_that_were_changed_in_s3_prove_nothing() -> None:
    aws = Aws()
    aws.put(GOLDEN, aws.body(GOLDEN).replace(b"3.5", b"3.6"))
    with pytest.raises(KickstandError, match="The golden rows were changed: expected SHA-256"):
        verify_endpoint(aws, Names(environment()), confidential())  # type: ignore[arg-type]


def test_fewer_answers_than_golden_rows_are_no_proof() -> None:
    with pytest.raises(KickstandError, match="Expected 2 predictions for the golden rows, found 1"):
        verify(Aws(answers="2.5\n"))
