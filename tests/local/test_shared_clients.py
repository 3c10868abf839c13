"""What the tests of a process share of their clients (tests/kit/shared_clients.py), and what they do not."""

from __future__ import annotations

import os
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from local_client import ACCOUNT, REGION, Client

from localcloud.cloud import LocalCloud

OTHER = "444455556666"


def ssm(**changes: Any) -> Any:
    return boto3.Session().client("ssm", **{"region_name": REGION, **changes})


def test_clients_that_are_made_of_the_same_are_one(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.environment(ACCOUNT, REGION).items():
        monkeypatch.setenv(name, value)
    shared = ssm()
    assert ssm() is shared
    assert ssm(region_name="eu-west-1") is not shared
    assert ssm(config=Config(read_timeout=7)) is not shared
    assert ssm(config=Config(read_timeout=7)) is ssm(config=Config(read_timeout=7))
    assert ssm(aws_access_key_id=OTHER, aws_secret_access_key="x") is not shared
    os.utime(cloud.folder.ca)  # another server's, in the same folder
    assert ssm() is not shared
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(ClientError, match=r"SignatureDoesNotMatch|InvalidSignature"):
        ssm().describe_parameters()


def test_each_server_and_each_account_has_its_own(cloud: LocalCloud, client: Client) -> None:
    """Although all clients of a server use its connections."""
    mine, other = client("sts"), client("sts", account=OTHER)
    assert [each.get_caller_identity()["Account"] for each in (mine, other)] == [ACCOUNT, OTHER]
    assert client("sts") is mine
    key = cloud.root_key(ACCOUNT)
    elsewhere = ssm(
        endpoint_url="https://127.0.0.1:1",
        verify=str(cloud.folder.ca),
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(EndpointConnectionError):
        elsewhere.describe_parameters()
