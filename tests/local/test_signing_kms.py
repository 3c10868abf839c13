"""A KMS key of the local cloud signs releases: by the environment's own session, verified offline, as IAM allows."""

from __future__ import annotations

import hashlib
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from platform_role import role_environment
from sagemaker_world import ACCOUNT
from samples import environment, release

from kickstand.config.model import Environment
from kickstand.config.promotion import Signing
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import write_release
from kickstand.release.model import Release
from kickstand.signing.envelope import signature_path
from kickstand.signing.sign import sign_release, signing_key
from kickstand.signing.verify import verify_signature
from localcloud.cloud import LocalCloud

Client = Callable[..., Any]
LINES = {"": "kickstand.toml", "signing.kms_key_arn": "kickstand.toml:20", "signing.public_keys": "kickstand.toml:21"}


def new_key(client: Client, spec: str = "ECC_NIST_P256", usage: str = "SIGN_VERIFY") -> str:
    return str(client("kms").create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"])


def session(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, given: dict[str, str] | None = None) -> boto3.Session:
    """A session with credentials of its own; the environment has none, so nobody else can sign."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(cloud.folder.ca))
    given = given or cloud.environment(ACCOUNT, "us-east-1")
    return boto3.Session(
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=given.get("AWS_SESSION_TOKEN"),
        region_name="us-east-1",
    )


class Desk:
    """A release file, and an environment that signs with a KMS key and trusts its public half."""

    def __init__(self, folder: Path, key_arn: str) -> None:
        self.file = folder / "dev.json"
        self.release: Release = write_release(self.file, release())
        self.public = folder / "kms.pub"
        self.environment: Environment = environment(
            signing=Signing(kms_key_arn=key_arn, public_keys=(self.public,)), lines=LINES
        )

    def export(self, key_session: boto3.Session) -> None:
        """What `kickstand release public-key ENV > FILE` does."""
        key = signing_key(self.environment, key_session)
        assert key is not None
        self.public.write_text(key.pem)

    def sign(self, key_session: boto3.Session) -> Path | None:
        return sign_release(self.release, self.file, self.environment, key_session)


def test_a_kms_key_signs_and_its_public_half_verifies_offline(
    cloud: LocalCloud, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, new_key(client))
    own = session(cloud, monkeypatch)
    desk.export(own)
    assert desk.sign(own) == signature_path(desk.file)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    signed = verify_signature(desk.release, desk.file, desk.environment.signing, where="kickstand.toml:21")
    assert (signed.name, signed.algorithm) == ("kms.pub", "ECDSA P-256")
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", desk.public, "-outform", "DER"], check=True, capture_output=True
    ).stdout
    assert signed.key_id == hashlib.sha256(der).hexdigest()


def test_it_signs_with_the_sessions_credentials_and_region(
    cloud: LocalCloud,
    client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    as_root: Callable[[str], None],
) -> None:
    desk = Desk(tmp_path, new_key(client))
    own = session(cloud, monkeypatch)
    desk.export(own)
    # The surroundings are another account's, in another region: a client that is made of them knows no such key.
    as_root("444455556666")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert desk.sign(own) is not None


@pytest.mark.parametrize(
    ("actions", "doing", "missing"),
    [
        ([], "asking for the public half of", "kms:GetPublicKey"),
        (["kms:GetPublicKey"], "signing with", "kms:Sign"),
    ],
)
def test_who_may_not_sign_is_told_which_permission_is_missing(
    cloud: LocalCloud,
    client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    actions: list[str],
    doing: str,
    missing: str,
) -> None:
    key = new_key(client)
    desk = Desk(tmp_path, key)
    desk.export(session(cloud, monkeypatch))
    weak = role_environment(cloud, client, *([(actions, [key])] if actions else []))
    with pytest.raises(KickstandError) as caught:
        desk.sign(session(cloud, monkeypatch, weak))
    (problem,) = caught.value.problems
    assert problem.where == "kickstand.toml:20"
    assert problem.message.startswith(f"Failed while {doing} {key}: ")
    assert problem.fix.startswith(f"These credentials lack the permission {missing}:")
    assert not signature_path(desk.file).exists()


def test_a_role_with_both_permissions_on_that_key_signs(
    cloud: LocalCloud, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key(client)
    desk = Desk(tmp_path, key)
    signer = role_environment(cloud, client, (["kms:GetPublicKey", "kms:Sign"], [key]))
    own = session(cloud, monkeypatch, signer)
    desk.export(own)
    assert desk.sign(own) is not None
    other = Desk(tmp_path, new_key(client))
    with pytest.raises(KickstandError, match="lack the permission kms:GetPublicKey"):
        other.sign(own)


@pytest.mark.parametrize(
    ("spec", "usage", "told"),
    [
        ("RSA_2048", "SIGN_VERIFY", "The KMS key is RSA_2048 for SIGN_VERIFY; a release is signed by ECC_NIST_P256"),
        ("RSA_2048", "ENCRYPT_DECRYPT", "The KMS key is RSA_2048 for ENCRYPT_DECRYPT; a release is signed by"),
        ("ECC_NIST_P384", "SIGN_VERIFY", "The KMS key is ECC_NIST_P384 for SIGN_VERIFY; a release is signed by"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "The KMS key cannot sign: it is not ECC_NIST_P256 for SIGN_VERIFY"),
    ],
)
def test_a_key_of_another_kind_is_refused(
    cloud: LocalCloud, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, usage: str, told: str
) -> None:
    desk = Desk(tmp_path, new_key(client, spec, usage))
    with pytest.raises(InputError) as caught:
        signing_key(desk.environment, session(cloud, monkeypatch))
    (problem,) = caught.value.problems
    assert problem.message.startswith(told)
    assert problem.fix == "Make one: aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY"


def test_a_key_that_is_not_there_or_is_disabled_is_told_apart(
    cloud: LocalCloud, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = session(cloud, monkeypatch)
    absent = Desk(tmp_path, f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000")
    with pytest.raises(InputError, match="KMS has no such key in this account and region"):
        signing_key(absent.environment, own)
    key = new_key(client)
    desk = Desk(tmp_path, key)
    desk.export(own)
    client("kms").disable_key(KeyId=key)
    with pytest.raises(KickstandError, match="The KMS key cannot be used now"):
        desk.sign(own)
    assert not signature_path(desk.file).exists()


def test_a_curve_is_made_for_signing_only(client: Client) -> None:
    with pytest.raises(ClientError) as caught:
        client("kms").create_key(KeySpec="ECC_NIST_P256")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec ECC_NIST_P256",
    }
    assert client("kms").create_key()["KeyMetadata"]["KeyUsage"] == "ENCRYPT_DECRYPT"


def test_what_went_wrong_is_told_once() -> None:
    """The library would print it too, past every error of ours."""
    assert [type(one) for one in logging.getLogger("securesystemslib").handlers] == [logging.NullHandler]
