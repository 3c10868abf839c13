"""Tokens of the local cloud's stand-ins for identity providers (GitHub's): JSON Web Tokens that nobody else can make.

A provider's own key is not on this machine. What stands in for it is signed with the state folder's secret, so that
another user of the machine, who can reach the port, cannot write a token that says what a trust policy wants to hear.
https://datatracker.ietf.org/doc/html/rfc7519
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any

from localcloud.root_keys import RootKeys

_HEADER = {"alg": "HS256", "typ": "JWT"}


def make_token(keys: RootKeys, claims: Mapping[str, Any]) -> str:
    """A token with these claims, for `sts.assume_role_with_web_identity` in the local cloud of the keys."""
    said = ".".join(_encoded(json.dumps(part).encode()) for part in (_HEADER, claims))
    return f"{said}.{_encoded(keys.sign(said))}"


def is_genuine(keys: RootKeys, token: str) -> bool:
    """Whether `make_token` made a token with the same keys."""
    said, _, signature = token.rpartition(".")
    try:
        given = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, keys.sign(said))


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
