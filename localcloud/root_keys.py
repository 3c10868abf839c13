"""The root keys of a local cloud: an account's number, and a secret that only the owner of its state folder can read.

One random secret is made for a state folder, once, and kept over restarts; each account's own is derived from it, so
that whoever is given the key of `dev` does not hold that of `prod`. Without it no request of a root is answered.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kickstand.errors import KickstandError, Problem
from localcloud.state import StateFolder

if TYPE_CHECKING:
    import boto3

ACCOUNT = re.compile(r"[0-9]{12}")
"""An account's number, which is the access key id of its root."""

_SECRET = re.compile(rb"[0-9a-f]{64}\n")


class RootKeys:
    """The root keys of one state folder."""

    def __init__(self, folder: StateFolder) -> None:
        """Reads the folder's secret, and makes it where there is none. Raises KickstandError for a damaged one."""
        self._secret = _kept(folder)

    def secret(self, account: str) -> str:
        """The secret access key of an account's root: 40 characters, as AWS's are.

        account: 12 digits. Raises ValueError for anything else.
        """
        if not ACCOUNT.fullmatch(account):
            raise ValueError(f"{account!r} is not the number of an account")
        return _derived(self._secret, account)

    def web_identity_token(self, claims: Mapping[str, Any]) -> str:
        """A JSON Web Token with these claims, for `sts.assume_role_with_web_identity` in this local cloud.

        It stands in for an identity provider's (GitHub's), whose key is not on this machine: another user, who can
        reach the port, cannot make one that says what a trust policy wants. https://datatracker.ietf.org/doc/html/rfc7519
        """
        content = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{content}.{_encoded(self._signature(content))}"

    def is_own_token(self, token: str) -> bool:
        """Whether `web_identity_token` of the same state folder made a token."""
        content, _, signature = token.rpartition(".")
        try:
            given = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, self._signature(content))

    def _signature(self, text: str) -> bytes:
        return hmac.digest(self._secret, f"signed text: {text}".encode(), hashlib.sha256)

    def key(self, account: str) -> dict[str, str]:
        """`AccessKeyId` and `SecretAccessKey` of an account's root, as IAM shows an access key."""
        return {"AccessKeyId": account, "SecretAccessKey": self.secret(account)}


def root_client(
    folder: StateFolder, url: str, service: str, account: str, region: str, session: boto3.Session | None = None
) -> Any:
    """A boto3 client of a local cloud as the root of an account.

    url: where the local cloud of this folder answers. session: whose service models are used; absent: a new one.
    """
    import boto3

    key = RootKeys(folder).key(account)
    return (session or boto3.session.Session()).client(
        service,
        region_name=region,
        endpoint_url=url,
        verify=str(folder.ca),
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


@lru_cache(maxsize=256)
def _derived(secret: bytes, account: str) -> str:
    """Kept, for a request asks three times for it, and deriving it lets other threads of a busy server go first."""
    digest = hmac.digest(secret, f"root of {account}".encode(), hashlib.sha256)
    return base64.b64encode(digest[:30]).decode()


def _kept(folder: StateFolder) -> bytes:
    path = folder.root_secret
    try:
        found = _read(path)
    except OSError as error:
        raise KickstandError(
            Problem(f"The local cloud's root secret cannot be kept: {error.strerror or error}.", str(path))
        ) from error
    if not _SECRET.fullmatch(found):
        raise KickstandError(
            Problem(
                "Expected the local cloud's root secret, 64 hexadecimal digits; found something else.",
                str(path),
                "Remove the file, and start the local cloud again: a new secret is made.",
            )
        )
    return found.strip()


def _read(path: Path) -> bytes:
    if not path.exists():
        staging = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(secrets.token_hex(32).encode() + b"\n")
            # Of two that make one at the same time, the first one's stays.
            os.link(staging, path)
        except FileExistsError:
            pass
        finally:
            staging.unlink()
    path.chmod(0o600)
    return path.read_bytes()


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
