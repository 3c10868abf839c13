"""A running local cloud, one a test worker, and clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localcloud.cloud import LocalCloud

ACCOUNT = "111122223333"
REGION = "us-east-1"

Client = Callable[..., Any]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud on a free port with a state folder of its own; gone at the end of the worker's tests."""
    running = LocalCloud(tmp_path_factory.mktemp("cloud"))
    running.start(port=0)
    yield running
    try:
        running.stop()  # fails where anything that the tests did cannot be saved
    finally:
        running.stop(discard=True)


@pytest.fixture(scope="session")
def client(cloud: LocalCloud) -> Client:
    """Makes a boto3 client: `client("s3")`, `client("iam", account="444455556666", region="eu-west-1")`."""
    return lambda service, **place: _client_of(cloud, service, **place)


@pytest.fixture(scope="session")
def client_of() -> Client:
    """Makes a client of a cloud that the test started itself: `client_of(cloud, "s3", region="eu-west-1")`."""
    return _client_of


@pytest.fixture
def as_root(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this process's credentials those of another account's root: `as_root("444455556666")`."""

    def change(account: str) -> None:
        key = cloud.root_key(account)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])

    return change


def _client_of(
    cloud: LocalCloud,
    service: str,
    *,
    account: str = ACCOUNT,
    region: str = REGION,
    credentials: dict[str, Any] | None = None,
    retries: int = 1,
) -> Any:
    """A boto3 client of a cloud: as an account's root, or with the `Credentials` that STS gave."""
    given = credentials or cloud.root_key(account)
    return _session().client(
        service,
        region_name=region,
        endpoint_url=cloud.url,
        verify=str(cloud.folder.ca),
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given.get("SessionToken"),
        config=Config(retries={"total_max_attempts": retries}),
    )


@cache
def _session() -> boto3.session.Session:
    """One for all clients, which are given everything: it makes each service's methods once."""
    return boto3.session.Session()
