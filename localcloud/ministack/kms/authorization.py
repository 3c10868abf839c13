"""Whether KMS lets somebody use a key through another service: their IAM policies, the key's policy, its grants.

A service such as S3 calls KMS with the permissions of its caller (a forward access session). In the key's account the
key's policy decides: it allows by itself, or hands the decision to IAM by naming the account. Across accounts the
key's policy (or a grant) and the caller's own policies must both allow.
https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html,
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.ministack.door.core import iam_evaluator, responses
from localcloud.ministack.door.services import s3
from localcloud.ministack.iam import acting
from localcloud.ministack.iam.requests import role_arn
from localcloud.ministack.kms.keys import Key, find_key, key_arn
from localcloud.ministack.registry import account_id, region, request_scope

_STATES = {
    "Disabled": ("DisabledException", "{arn} is disabled."),
    "PendingDeletion": ("KMSInvalidStateException", "{arn} is pending deletion."),
    "PendingImport": ("KMSInvalidStateException", "{arn} is pending import."),
}
"""https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"""


class KeyRefused(Exception):  # noqa: N818 - what KMS does
    """KMS does not let the key be used. code: KMS's own (`AccessDeniedException`, `NotFoundException`, …)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What is done with a key. service: that calls KMS for the caller (`s3`). context: the encryption context."""

    action: str
    service: str
    region: str
    context: Mapping[str, str] = field(default_factory=dict)
    for_aws_resource: bool = False
    """Of kms:CreateGrant: whether a service makes the grant for its own resource (kms:GrantIsForAWSResource)."""

    @property
    def keys(self) -> dict[str, Any]:
        """Condition keys of the request, in lower case.

        https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
        """
        found: dict[str, Any] = {
            "aws:viaawsservice": "true",
            "kms:viaservice": f"{self.service}.{self.region}.amazonaws.com",
            **{f"kms:encryptioncontext:{name.lower()}": value for name, value in self.context.items()},
        }
        if self.context:
            found["kms:encryptioncontextkeys"] = list(self.context)
        if self.action == "kms:CreateGrant":
            found["kms:grantisforawsresource"] = str(self.for_aws_resource).lower()
        return found


def authorize(use: KeyUse, reference: str, *, access_key: str | None = None) -> str:
    """Ask KMS for the one on whose behalf the code runs; the ARN of the key. Raises KeyRefused in KMS's words.

    reference:  ARN, id or alias. An id or an alias is looked for in the caller's own account.
    access_key: of another caller than the acting one.
    A service that works in its own name may use any key that is there and enabled.
    """
    caller = _caller(acting.access_key() if access_key is None else access_key)
    arn = key_arn(reference, caller.account if caller is not None else account_id(), use.region)
    if arn.split(":")[3] != use.region:
        raise KeyRefused("NotFoundException", f"Invalid arn {arn.split(':')[3]}")
    key = find_key(arn)
    if caller is not None:
        # Nothing of another account's key, not even whether it is there, is said to those who may not use it.
        message = denial(caller, use, key or _missing_key(arn, caller.account))
        if message:
            raise KeyRefused("AccessDeniedException", message)
    if key is None:
        missing = f"Alias {arn} is not found." if ":alias/" in arn else f"Key '{arn}' does not exist"
        raise KeyRefused("NotFoundException", missing)
    require_usable(key, use)
    return key.arn


def _missing_key(arn: str, caller_account: str) -> Key:
    """Stands for a key that is not there: IAM decides who of its account may learn so; nobody else may."""
    account = arn.split(":")[4]
    owner = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": owner, "Action": "kms:*", "Resource": "*"}
    return Key(arn, account, json.dumps({"Statement": statement}) if account == caller_account else "")


def denial(caller: Any, use: KeyUse, key: Key) -> str:
    """IAM's message where a principal may not use a key; empty where it may."""
    context = iam_evaluator.EvalContext(
        principal_arn=caller.arn,
        principal_type=caller.type,
        principal_account=caller.account,
        action=use.action,
        resource_arn=key.arn,
        region=use.region,
        service_context={
            **use.keys,
            "kms:calleraccount": caller.account,
            "kms:keyspec": key.spec,
            "kms:keyusage": key.usage,
            "kms:keyorigin": key.origin,
            "kms:resourcealiases": list(key.aliases) or None,
            **{f"aws:resourcetag/{name.lower()}": value for name, value in key.tags.items()},
        },
        principal_keys=caller.keys,
    )
    # An account's root has every permission of its account; the key's policy binds it too.
    root = caller.policies is None
    identity = (
        iam_evaluator.EvalResult("Allow") if root else iam_evaluator.evaluate(context, caller.policies, *caller.limits)
    )
    start = f"User: {caller.arn} is not authorized to perform: {use.action} on resource: {key.arn}"
    if identity.decision == "Deny":
        return f"{start} with an explicit deny in an identity-based policy"
    by_policy = iam_evaluator.evaluate_resource_policy(key.policy, context)
    if by_policy.decision == "Deny":
        return f"{start} with an explicit deny in a resource-based policy"
    limits = () if root else tuple(caller.limits)
    combined = iam_evaluator.combine_resource_policy.original()(
        identity, context, key.policy, key.account, required=True, limits=limits
    )
    own = caller.account == key.account
    if combined.decision == "Allow" or (_granted(caller, use, key) and (own or identity.decision == "Allow")):
        return ""
    by_identity = identity.decision != "Allow" and (by_policy.decision == "Allow" or not own)
    lacking = "identity" if by_identity else "resource"
    return f"{start} because no {lacking}-based policy allows the {use.action} action"


def _granted(caller: Any, use: KeyUse, key: Key) -> bool:
    """Whether a grant lets a principal use the key: it names them or their role, and its constraints hold.

    https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
    """
    names = {caller.arn, f"arn:aws:iam::{caller.account}:root", caller.account}
    if ":assumed-role/" in caller.arn:
        names.add(role_arn(caller.arn))
    for grant in key.grants:
        constraints = grant.get("Constraints") or {}
        subset = constraints.get("EncryptionContextSubset") or {}
        equals = constraints.get("EncryptionContextEquals")
        if (
            grant["GranteePrincipal"] in names
            and use.action.removeprefix("kms:") in grant["Operations"]
            and subset.items() <= use.context.items()
            and (not equals or equals == dict(use.context))
        ):
            return True
    return False


def require_usable(key: Key, use: KeyUse) -> None:
    """Raise KeyRefused where the key is disabled, on its way out, or of a kind that does not encrypt data keys."""
    if key.state in _STATES:
        code, text = _STATES[key.state]
        raise KeyRefused(code, text.format(arn=key.arn))
    operation = use.action.removeprefix("kms:")
    if key.usage != "ENCRYPT_DECRYPT":
        message = f"{key.arn} key usage is {key.usage} which is not valid for {operation}."
        raise KeyRefused("InvalidKeyUsageException", message)
    if key.spec != "SYMMETRIC_DEFAULT":
        message = f"{key.arn} key spec is {key.spec} which is not valid for {operation}."
        raise KeyRefused("InvalidKeyUsageException", message)


def _caller(access_key: str | None) -> Any:
    """The principal of an access key with its policies; None for a service in its own name."""
    if access_key is None:
        return None
    found = _principal(access_key) if access_key else None
    if not hasattr(found, "arn"):
        raise KeyRefused("AccessDeniedException", "The request is not signed by a principal that KMS knows.")
    return found


def _principal(access_key: str) -> Any:
    session = responses.account_from_sts_session.original()(access_key)
    account = str(session or s3.account_from_access_key.original()(access_key))
    # In the scope of its own account: a request for another's bucket has been moved to the owner's.
    with request_scope(account, region()):
        return iam_evaluator.resolve_principal.original()(access_key, account)
