"""A deployment is proven by the live endpoint's config and its golden rows."""

from __future__ import annotations

import io
from typing import Any

import pytest
from samples import environment, release

from kickstand.errors import KickstandError
from kickstand.names import Names
from promotion.verify import verify_endpoint

RELEASE = release()


class Aws:
    """The three clients that verification asks, with what each would answer."""

    def __init__(
        self, *, status: str = "InService", model: str = RELEASE.artifact.s3_uri, answers: str = "2.5\n3.5\n"
    ) -> None:
        self.status, self.model, self.answers = status, model, answers

    def client(self, _service: str) -> Aws:
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointName == "bikes-dev"
        return {"EndpointStatus": self.status, "EndpointConfigName": "config-1", "FailureReason": "no capacity"}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointConfigName == "config-1"
        return {"ProductionVariants": [{"ModelName": "model-1"}]}

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
    ],
)
def test_whatever_differs_fails_loudly(aws: Aws, message: str) -> None:
    with pytest.raises(KickstandError) as failed:
        verify(aws)
    assert [problem.message for problem in failed.value.problems] == [message]
