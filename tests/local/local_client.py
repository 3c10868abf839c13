"""Clients of a local cloud, and where they are when nothing else is said."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from localcloud.cloud import LocalCloud

ACCOUNT = "111122223333"
REGION = "us-east-1"

Client = Callable[..., Any]


def client_of(
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
