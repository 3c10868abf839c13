"""Patience with what passes, plain words for what does not."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from kickstand.errors import InputError, KickstandError
from training.prediction.batches import Batch
from training.prediction.endpoint_client import ATTEMPTS, EndpointClient


class Runtime:
    """A sagemaker-runtime client that plays a list of outcomes."""

    def __init__(self, *outcomes: Exception | bytes) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[dict[str, Any]] = []

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return {"Body": io.BytesIO(outcome)}


def failure(code: str, message: str = "", status: int = 400, **more: Any) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(response, "InvokeEndpoint")  # type: ignore[arg-type]


def client(runtime: Runtime, waits: list[float] | None = None) -> EndpointClient:
    return EndpointClient(
        runtime,  # type: ignore[arg-type]
        endpoint="bikes-dev",
        accept="csv",
        source="rows.csv",
        sleep=(waits if waits is not None else []).append,
        jitter=lambda: 1.0,
    )


BATCH = Batch(b"1,2\n3,4\n", 5, 2)


def test_the_rows_go_as_they_are_and_the_answers_come_back() -> None:
    runtime = Runtime(b"0.5\n0.25\n")
    assert client(runtime)(BATCH) == ["0.5", "0.25"]
    assert runtime.requests == [
        {"EndpointName": "bikes-dev", "ContentType": "text/csv", "Accept": "text/csv", "Body": b"1,2\n3,4\n"}
    ]


@pytest.mark.parametrize(
    "passing",
    [
        failure("ThrottlingException", status=400),
        failure("ServiceUnavailable", status=503),
        failure("InternalFailure", status=500),
        failure("ModelError", OriginalStatusCode=503, status=424),
        EndpointConnectionError(endpoint_url="https://127.0.0.1:1"),
    ],
    ids=lambda error: type(error).__name__ + getattr(error, "response", {}).get("Error", {}).get("Code", ""),
)
def test_what_passes_is_tried_again_with_growing_waits(passing: Exception) -> None:
    waits: list[float] = []
    assert client(Runtime(passing, passing, b"1\n2\n"), waits)(BATCH) == ["1", "2"]
    assert waits == [0.5, 1.0]


def test_patience_ends() -> None:
    runtime = Runtime(*[failure("ThrottlingException", "Rate exceeded")] * ATTEMPTS)
    with pytest.raises(KickstandError, match="Rate exceeded"):
        client(runtime)(BATCH)
    assert len(runtime.requests) == ATTEMPTS


def test_rows_that_the_model_refuses_are_named_and_not_sent_again() -> None:
    refusal = failure("ModelError", "x", 424, OriginalStatusCode=400, OriginalMessage="Feature size 14 is over 12")
    runtime = Runtime(refusal)
    with pytest.raises(KickstandError) as failed:
        client(runtime)(BATCH)
    (problem,) = failed.value.problems
    assert problem.where == "rows.csv:5-6"
    assert problem.message == "The model refused these rows of 2 features (400): Feature size 14 is over 12"
    assert len(runtime.requests) == 1


def test_the_cells_that_the_model_cannot_read_are_named() -> None:
    refusal = failure("ModelError", "x", 424, OriginalStatusCode=415, OriginalMessage="Loading csv data failed")
    with pytest.raises(InputError) as failed:
        client(Runtime(refusal))(Batch(b"1,2\n3,x\n5\n", 5, 3))
    assert [(problem.where, problem.message) for problem in failed.value.problems] == [
        ("rows.csv:6:2", "Column 2 holds 'x'; every cell must be a number."),
        ("rows.csv:7", "Expected 2 features, found 1."),
    ]


def test_what_does_not_pass_is_not_tried_again() -> None:
    runtime = Runtime(NoCredentialsError())
    with pytest.raises(KickstandError) as failed:
        client(runtime)(BATCH)
    (problem,) = failed.value.problems
    assert len(runtime.requests) == 1
    assert (problem.where, problem.message) == (
        "endpoint bikes-dev",
        "Failed while invoking the endpoint: Unable to locate credentials.",
    )


def test_a_caller_without_the_permission_is_told_which() -> None:
    words = "User: x is not authorized to perform: sagemaker:InvokeEndpoint on resource: y"
    with pytest.raises(KickstandError) as failed:
        client(Runtime(failure("AccessDeniedException", words)))(BATCH)
    (problem,) = failed.value.problems
    assert problem.where == "endpoint bikes-dev"
    assert problem.fix.startswith("These credentials lack the permission sagemaker:InvokeEndpoint")


def test_an_endpoint_that_is_not_there_says_how_to_make_it() -> None:
    missing = failure("ValidationError", "Endpoint bikes-dev of account 111122223333 not found.")
    with pytest.raises(KickstandError) as failed:
        client(Runtime(missing))(BATCH)
    (problem,) = failed.value.problems
    assert problem.where == "endpoint bikes-dev"
    assert problem.message == "Endpoint bikes-dev of account 111122223333 not found."
    assert "kickstand deploy" in problem.fix
