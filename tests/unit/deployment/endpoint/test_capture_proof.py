"""A deployment is proven by what the endpoint captures, too: as its configuration asks, under the model's digest."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import DIGEST, environment, release

from deployment.endpoint.capture import require_capture
from kickstand.errors import KickstandError
from kickstand.names import Names

NAMES = Names(environment())
PLACE = NAMES.capture_uri(DIGEST)
OLD = NAMES.capture_uri("cd" * 32)
ASKED = {"EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": PLACE}
FOUND = {
    "EnableCapture": True,
    "CaptureStatus": "Started",
    "CurrentSamplingPercentage": 100,
    "DestinationS3Uri": PLACE,
    "KmsKeyId": "",
}


class Aws:
    """SageMaker, with an endpoint that captures as `found` says and a configuration that asks for `asked`."""

    def __init__(self, asked: dict[str, Any] | None, found: dict[str, Any] | None, *, there: bool = True) -> None:
        self.asked, self.found, self.there = asked, found, there

    def client(self, _service: str) -> Aws:
        return self

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointName == "bikes-dev"
        if not self.there:
            message = 'Could not find endpoint "bikes-dev".'
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "DescribeEndpoint")
        shown = {"EndpointConfigName": "config-1", "EndpointStatus": "InService"}
        return {**shown, **({"DataCaptureConfig": self.found} if self.found else {})}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointConfigName == "config-1"
        return {"DataCaptureConfig": self.asked} if self.asked else {}


def proof(aws: Aws) -> str:
    return require_capture(aws, NAMES, release())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("aws", "sentence"),
    [
        (Aws(ASKED, FOUND), f"all requests are captured at {PLACE}/"),
        (
            Aws(
                {**ASKED, "InitialSamplingPercentage": 5, "KmsKeyId": "k"},
                {**FOUND, "CurrentSamplingPercentage": 5, "KmsKeyId": "k"},
            ),
            f"5 % of the requests are captured at {PLACE}/",
        ),
        (Aws(None, None), "no requests are captured"),
        (
            Aws({**ASKED, "EnableCapture": False}, {**FOUND, "EnableCapture": False, "CaptureStatus": "Stopped"}),
            "no requests are captured",
        ),
    ],
)
def test_what_is_captured_is_one_sentence(aws: Aws, sentence: str) -> None:
    assert proof(aws) == sentence


@pytest.mark.parametrize(
    ("aws", "messages"),
    [
        (Aws(ASKED, None), [f"Expected requests to be captured at {PLACE}/, found none that are."]),
        (
            Aws(ASKED, {**FOUND, "CaptureStatus": "Stopped"}),
            [f"Expected requests to be captured at {PLACE}/, found none that are."],
        ),
        (Aws(None, FOUND), [f"Expected no requests to be captured, found that they are at {PLACE}/."]),
        (
            Aws(ASKED, {**FOUND, "DestinationS3Uri": OLD, "CurrentSamplingPercentage": 20, "KmsKeyId": "k"}),
            [
                "Expected 100 % of the requests to be captured, found 20 %.",
                f"Expected requests to be captured at {PLACE}/, found {OLD}/.",
                "Expected captured requests to be encrypted with the key none, found k.",
            ],
        ),
        (
            Aws({**ASKED, "DestinationS3Uri": OLD}, {**FOUND, "DestinationS3Uri": OLD}),
            [f"Expected requests to be captured under the model's digest abababababab, found {OLD}/."],
        ),
        (Aws(None, None, there=False), ["There is no such endpoint: nothing is served."]),
    ],
)
def test_whatever_differs_fails(aws: Aws, messages: list[str]) -> None:
    with pytest.raises(KickstandError) as failed:
        proof(aws)
    assert [problem.message for problem in failed.value.problems] == messages
    assert all(problem.fix for problem in failed.value.problems)
