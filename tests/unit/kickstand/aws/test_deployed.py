"""What is deployed under a name: stacks in each state, and what an endpoint serves where a part of it is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kickstand.aws.deployed import UNKNOWN, find_endpoint, find_stack, is_deployed, served, stack_status
from kickstand.errors import KickstandError

OLD, NEW = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Describe")


class CloudFormation:
    def __init__(self, found: str | ClientError) -> None:
        self.found = found

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if isinstance(self.found, ClientError):
            raise self.found
        return {"Stacks": [{"StackName": StackName, "StackStatus": self.found}]}


NO_STACK = refusal("ValidationError", "Stack with id bikes-dev-hosting does not exist")


@pytest.mark.parametrize(
    ("found", "status", "deployed"),
    [
        (NO_STACK, None, False),
        ("REVIEW_IN_PROGRESS", "REVIEW_IN_PROGRESS", False),
        ("ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", False),
        ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", True),
        ("CREATE_COMPLETE", "CREATE_COMPLETE", True),
    ],
)
def test_a_stack_is_deployed_where_it_has_resources(found: Any, status: str | None, deployed: bool) -> None:
    client: Any = CloudFormation(found)
    assert (find_stack(client, "bikes-dev-hosting") is None) is (status is None)
    assert stack_status(client, "bikes-dev-hosting") == status
    assert is_deployed(client, "bikes-dev-hosting") is deployed


@pytest.mark.parametrize(("code", "message"), [("ValidationError", "1 validation error"), ("AccessDenied", "No.")])
def test_another_refusal_says_nothing_of_a_stack(code: str, message: str) -> None:
    client: Any = CloudFormation(refusal(code, message))
    with pytest.raises(ClientError):
        stack_status(client, "bikes-dev-hosting")


class SageMaker:
    """An endpoint of one variant for each of `models`; `gone` is the first operation whose subject was deleted."""

    def __init__(self, *models: str, gone: str = "") -> None:
        self.models, self.gone = models, gone

    def _require(self, operation: str) -> None:
        if operation == self.gone:
            raise refusal("ValidationException", "Could not find it.")

    def describe_endpoint(self, **_: str) -> dict[str, Any]:
        self._require("endpoint")
        return {"EndpointStatus": "InService", "EndpointConfigName": "config", "CreationTime": OLD}

    def describe_endpoint_config(self, **_: str) -> dict[str, Any]:
        self._require("config")
        return {"ProductionVariants": [{"ModelName": model} for model in self.models], "CreationTime": NEW}

    def describe_model(self, ModelName: str) -> dict[str, Any]:  # noqa: N803
        self._require("model")
        return {"PrimaryContainer": {"ModelDataUrl": ModelName}} if ModelName else {"Containers": []}


@pytest.mark.parametrize(
    ("sagemaker", "models", "since"),
    [
        (SageMaker("s3://b/1", "s3://b/2"), ("s3://b/1", "s3://b/2"), NEW),
        (SageMaker(""), (UNKNOWN,), NEW),
        (SageMaker("s3://b/1", gone="model"), (UNKNOWN,), NEW),
        (SageMaker("s3://b/1", gone="config"), (UNKNOWN,), OLD),
    ],
)
def test_an_endpoint_serves_what_its_models_name(sagemaker: Any, models: tuple[str, ...], since: datetime) -> None:
    found = served(sagemaker, "bikes-dev")
    assert found is not None
    assert (found.status, found.config, found.models, found.since) == ("InService", "config", models, since)


def test_an_endpoint_that_is_not_there_serves_nothing() -> None:
    sagemaker: Any = SageMaker(gone="endpoint")
    assert find_endpoint(sagemaker, "bikes-dev") is None
    assert served(sagemaker, "bikes-dev") is None


def test_an_artifact_that_is_not_told_is_not_the_releases() -> None:
    sagemaker: Any = SageMaker("s3://b/1", gone="model")
    found = served(sagemaker, "bikes-dev")
    assert found is not None
    with pytest.raises(KickstandError, match="serves another model than the release's: an unknown artifact"):
        found.require_artifact("s3://b/1")
