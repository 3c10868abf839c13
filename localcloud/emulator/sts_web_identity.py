"""A token is worth a role only where its account knows the token's issuer, and while the token lasts.

ministack compares a role's trust policy with the token's audience and subject alone; STS takes claims of GitHub's too
for condition keys. What stands in for an issuer's signature is that of `localcloud.root_keys`.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html (Errors)
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulator.seam import Seam, wrap
from localcloud.root_keys import RootKeys

STS = "ministack.services.sts"
DENIED = Seam(STS, "_web_identity_trust_denied", ("role_arn", "params", "use_json"))
PRINCIPAL = Seam(STS, "_web_identity_principal", ("token", "provider_id", "role_arn"))
ERROR = Seam(STS, "_error", ("status", "code", "message", "ns"))


GITHUB = "token.actions.githubusercontent.com"
GITHUB_CLAIMS = (
    *("actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref"),
    *("ref", "repository", "repository_id", "workflow"),
)
"""Claims of GitHub's that STS validates, in the partition aws alone.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""


_keys: RootKeys | None = None


def trust(keys: RootKeys) -> None:
    """Take the tokens that were made with these keys for genuine. Without a call none is."""
    global _keys
    _keys = keys


def install() -> None:
    """Ask before the trust policy is asked."""
    ERROR.original()
    wrap(DENIED, _with_provider)
    wrap(PRINCIPAL, _with_claims)


def _with_provider(original: Callable[..., Any]) -> Callable[..., Any]:
    def web_identity_trust_denied(role_arn: str, params: dict[str, Any], use_json: bool) -> Any:
        token = params.get("WebIdentityToken", [""])
        code, message = token_fault(role_arn, str(token[0] if isinstance(token, list) else token))
        if code:
            return ERROR.original()(400, code, message, ns="sts")
        return original(role_arn, params, use_json)

    return web_identity_trust_denied


def _with_claims(original: Callable[..., Any]) -> Callable[..., Any]:
    def web_identity_principal(token: str, provider_id: str, role_arn: str) -> Any:
        principal, keys = original(token, provider_id, role_arn)
        return principal, {**keys, **github_keys(role_arn, token)}

    return web_identity_principal


def github_keys(role_arn: str, token: str) -> dict[str, Any]:
    """The condition keys of the claims that STS takes from a token of GitHub's besides `aud` and `sub`."""
    claims = _claims(token) or {}
    if str(claims.get("iss", "")).removeprefix("https://").rstrip("/") != GITHUB or role_arn.split(":")[1] != "aws":
        return {}
    return {f"{GITHUB}:{name}": claims[name] for name in GITHUB_CLAIMS if name in claims}


def token_fault(role_arn: str, token: str) -> tuple[str, str]:
    """Error code and message of a token that the role's account does not take; both empty: it does."""
    from ministack.services import iam

    claims = _claims(token)
    if claims is None:
        return "InvalidIdentityToken", "The ID Token provided is not a valid JWT."
    if float(claims.get("exp", 0)) <= time.time():
        return "ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time"
    account, partition = role_arn.split(":")[4], role_arn.split(":")[1]
    issuer = str(claims.get("iss", "")).removeprefix("https://").rstrip("/")
    # Providers are kept under ARNs of the partition aws.
    names = {f"arn:{one}:iam::{account}:oidc-provider/{issuer}" for one in ("aws", partition)}
    found = next((p for n in names if (p := iam._oidc_providers.get_scoped(account, None, n)) is not None), None)
    if found is None:
        return "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for https://{issuer}"
    if claims.get("aud") not in found["ClientIDList"]:
        return "InvalidIdentityToken", "Incorrect token audience"
    if _keys is None or not _keys.is_own_token(token):
        return "InvalidIdentityToken", "The signature of the token is not that of its issuer."
    return "", ""


def _claims(token: str) -> Mapping[str, Any] | None:
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return None
    return found if isinstance(found, dict) else None
