"""Which release is live: by the artifact that is served, in the history of the release file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from release_repository import Repository
from samples import environment

from kickstand.names import Names
from review.model.releases import live_release, served_artifact


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository.make(tmp_path_factory.mktemp("repository"))
    for letter in "ab":
        made.release(letter=letter)
        made.commit(f"Serve {letter} in dev")
    return made


def test_the_one_of_an_earlier_commit_is_found(repository: Repository) -> None:
    file = repository.folder / "releases" / "dev.json"
    found = live_release("a" * 64, None, file)
    assert found is not None
    assert found.artifact.sha256 == "a" * 64


def test_the_current_one_is_taken_as_it_is(repository: Repository) -> None:
    file = repository.folder / "releases" / "dev.json"
    current = live_release("b" * 64, None, file)
    assert current is not None
    assert live_release("b" * 64, current, Path("/nowhere/dev.json")) is current


@pytest.mark.parametrize("artifact", ["", "c" * 64])
def test_nothing_served_and_what_no_commit_names_is_unknown(repository: Repository, artifact: str) -> None:
    assert live_release(artifact, None, repository.folder / "releases" / "dev.json") is None


def test_releases_that_are_in_no_repository_are_unknown(tmp_path: Path) -> None:
    assert live_release("a" * 64, None, tmp_path / "dev.json") is None


NOW = datetime(2026, 1, 2, tzinfo=UTC)


class SageMaker:
    """An endpoint whose model names `url`; none where it is empty."""

    def __init__(self, url: str) -> None:
        self.url = url

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if not self.url:
            told = "Could not find endpoint"
            raise ClientError({"Error": {"Code": "ValidationException", "Message": told}}, "DescribeEndpoint")
        return {"EndpointConfigName": "c", "EndpointStatus": "InService", "CreationTime": NOW}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        return {"ProductionVariants": [{"ModelName": "m"}], "CreationTime": NOW}

    def describe_model(self, *, ModelName: str) -> dict[str, Any]:  # noqa: N803
        return {"PrimaryContainer": {"ModelDataUrl": self.url}}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"s3://b/models/{'a' * 64}/model.tar.gz", "a" * 64),
        ("s3://b/training/job/output/model.tar.gz", ""),
        ("", ""),
    ],
)
def test_the_served_artifact_is_the_one_in_the_models_key(url: str, expected: str) -> None:
    session: Any = type("Session", (), {"client": lambda _, service: SageMaker(url)})()
    assert served_artifact(session, Names(environment())) == expected
