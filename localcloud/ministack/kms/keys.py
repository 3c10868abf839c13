"""The KMS keys of every account and region, and what a key's kind can do.

A curve signs, a symmetric key encrypts. An authorization looks up a key wherever the request is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import correct, entries
from localcloud.ministack.door.services import kms
from localcloud.ministack.registry import request_scope


@dataclass(frozen=True, slots=True)
class Key:
    """A KMS key: a customer's, or the one that AWS manages for a service in each account and region."""

    arn: str
    account: str
    policy: str
    """The key policy's JSON."""
    state: str = "Enabled"
    spec: str = "SYMMETRIC_DEFAULT"
    usage: str = "ENCRYPT_DECRYPT"
    origin: str = "AWS_KMS"
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    grants: tuple[Mapping[str, Any], ...] = ()


def key_arn(reference: str, account: str, region: str) -> str:
    """The ARN that an id, an alias (`alias/mine`) or an ARN means."""
    if reference.startswith("arn:"):
        return reference
    return f"arn:aws:kms:{region}:{account}:{'' if reference.startswith('alias/') else 'key/'}{reference}"


def find_key(arn: str) -> Key | None:
    """A key by the ARN of itself or of an alias, of any account; None where there is none."""
    _, _, _, region, account, name = arn.split(":", 5)
    if name.startswith("alias/aws/"):
        return Key(arn, account, managed_key_policy(name.removeprefix("alias/aws/"), account, region))
    key_id = name.removeprefix("key/")
    if name.startswith("alias/"):
        key_id = kms.aliases.get_scoped(account, region, f"arn:aws:kms:{region}:{account}:{name}") or ""
    record = kms.keys.get_scoped(account, region, key_id)
    if record is None:
        return None
    aliases = [
        alias.rpartition(":")[2]
        for (owner, place, alias), target in list(entries(kms.aliases).items())
        if (owner, place, target) == (account, region, key_id)
    ]
    grants = [
        one for (owner, place, _), one in list(entries(kms.grants).items()) if (owner, place) == (account, region)
    ]
    return Key(
        arn=record["Arn"],
        account=account,
        policy=record.get("Policy") or "",
        state=record["KeyState"],
        spec=record["KeySpec"],
        usage=record["KeyUsage"],
        origin=record["Origin"],
        aliases=tuple(aliases),
        tags={tag["TagKey"]: tag["TagValue"] for tag in record.get("Tags") or ()},
        grants=tuple(one for one in grants if one["KeyId"] == record["Arn"]),
    )


def managed_key_policy(service: str, account: str, region: str) -> str:
    """The policy of the key that AWS manages for a service: everybody of its own account, through that service alone.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
    """
    used = [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:CreateGrant",
        "kms:DescribeKey",
    ]
    through = {"kms:CallerAccount": account, "kms:ViaService": f"{service}.{region}.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": used, "Resource": "*"}
    return json.dumps({"Statement": [{**statement, "Condition": {"StringEquals": through}}]})


def install() -> None:
    """Refuse a usage that the kind does not have."""
    correct(kms.create_key, _checked)


def stand_in(arn: str) -> bool:
    """Make a symmetric key whose id somebody has chosen, as no call of KMS can; False where there is one.

    For a project file that names a key of AWS. Its policy is the default one: its account's IAM policies decide.
    """
    _, _, _, region, account, name = arn.split(":", 5)
    key_id = name.removeprefix("key/")
    with request_scope(account, region):
        if key_id in kms.keys:
            return False
        before = set(kms.keys)
        kms.create_key({"Description": "Stands for the organisation's own key"})
        (made,) = set(kms.keys) - before
        kms.keys[key_id] = {**kms.keys.pop(made), "KeyId": key_id, "Arn": arn}
    return True


def usages(spec: str) -> tuple[str, ...]:
    """What a kind of key may be used for; empty for a kind that is not judged here."""
    if spec == "SYMMETRIC_DEFAULT":
        return ("ENCRYPT_DECRYPT",)
    if spec.startswith("RSA_"):
        return ("ENCRYPT_DECRYPT", "SIGN_VERIFY")
    if spec in ("ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"):
        return ("SIGN_VERIFY",)
    return ("SIGN_VERIFY", "KEY_AGREEMENT") if spec.startswith("ECC_NIST_") else ()


def _checked(create: Callable[..., Any], data: dict[str, Any]) -> Any:
    spec = data.get("KeySpec", data.get("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"))
    usage = data.get("KeyUsage", "ENCRYPT_DECRYPT")
    if usages(spec) and usage not in usages(spec):
        message = f"KeyUsage {usage} is not compatible with KeySpec {spec}"
        return responses.error_response_json("ValidationException", message, 400)
    return create(data)
