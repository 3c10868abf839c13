"""What points a client at the local cloud."""

from __future__ import annotations

from pathlib import Path

from localcloud.clients.environment import client_environment


def test_names_the_endpoint_its_authority_and_the_root_key_of_the_account() -> None:
    assert client_environment(
        "https://127.0.0.1:4566",
        Path("/s/ca.pem"),
        access_key_id="111122223333",
        secret_access_key="of-the-root",
        region="eu-west-1",
        config=Path("/s/config"),
        credentials=Path("/s/credentials"),
    ) == {
        "AWS_ENDPOINT_URL": "https://127.0.0.1:4566",
        "AWS_CA_BUNDLE": "/s/ca.pem",
        "NODE_EXTRA_CA_CERTS": "/s/ca.pem",
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "of-the-root",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "AWS_CONFIG_FILE": "/s/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/s/credentials",
    }
