"""A KMS key is made for what its kind can do: a curve for signing, a symmetric key for encryption.

https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html (KeyUsage). ministack makes whatever is asked
for, also the curve that encrypts, which is what one gets who forgets --key-usage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.context import request_scope
from localcloud.emulator.seam import Seam, wrap

CREATE = Seam("ministack.services.kms", "_create_key", ("data",))


def install() -> None:
    """Refuse a usage that the kind does not have."""
    wrap(CREATE, _judged)


def stand_in(arn: str) -> bool:
    """Make a symmetric key whose id somebody has chosen, as no call of KMS can; False where there is one.

    For a project file that names a key of AWS. Its policy is the default one: its account's IAM policies decide.
    """
    from ministack.services import kms

    _, _, _, region, account, name = arn.split(":", 5)
    key_id = name.removeprefix("key/")
    with request_scope(account, region):
        if key_id in kms._keys:
            return False
        before = set(kms._keys)
        kms._create_key({"Description": "Stands for the organisation's own key"})
        (made,) = set(kms._keys) - before
        kms._keys[key_id] = {**kms._keys.pop(made), "KeyId": key_id, "Arn": arn}
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


def _judged(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_key(data: dict[str, Any]) -> Any:
        from ministack.core.responses import error_response_json

        spec = data.get("KeySpec", data.get("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"))
        usage = data.get("KeyUsage", "ENCRYPT_DECRYPT")
        if usages(spec) and usage not in usages(spec):
            message = f"KeyUsage {usage} is not compatible with KeySpec {spec}"
            return error_response_json("ValidationException", message, 400)
        return create(data)

    return create_key
