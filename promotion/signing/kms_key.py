"""A signing key in AWS KMS: signs there, is verified here with its public half.

Needs kms:GetPublicKey and kms:Sign. https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from securesystemslib.signer import AWSSigner, SSlibKey

from kickstand.aws_errors import AWS_FAILURES, aws_error, error_code
from kickstand.errors import InputError, KickstandError, Problem
from promotion.signing.public_key import PublicKey, public_key_from_der

if TYPE_CHECKING:
    import boto3

CREATE = "aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY"
SPEC = "ECC_NIST_P256"

# The library writes what went wrong to standard error, besides raising it; it is told once, in our words.
logging.getLogger("securesystemslib").handlers[:] = [logging.NullHandler()]


class SessionSigner(AWSSigner):
    """The library's signer, by a client of the environment's own session.

    AWSSigner makes its client of whatever credentials and region lie about; another account may be theirs.
    """

    def __init__(self, key_arn: str, public_key: SSlibKey, client: Any) -> None:
        self.aws_key_id = key_arn
        self._public_key = public_key
        self.client = client
        self.aws_algo = self.aws_algos[public_key.scheme]


def open_kms_key(key_arn: str, session: boto3.Session, where: str) -> tuple[SessionSigner, PublicKey]:
    """The signer of a KMS key, and its public half. where: the setting that names it.

    InputError: there is no such key, or it is none of ECC_NIST_P256 that signs. KickstandError: these credentials
    may not ask for it, KMS does not answer.
    """
    client = session.client("kms")
    try:
        answer = client.get_public_key(KeyId=key_arn)
    except AWS_FAILURES as error:
        raise kms_error(error, f"asking for the public half of {key_arn}", where) from error
    spec, usage = answer["KeySpec"], answer["KeyUsage"]
    if (spec, usage) != (SPEC, "SIGN_VERIFY"):
        message = f"The KMS key is {spec} for {usage}; a release is signed by {SPEC} for SIGN_VERIFY."
        raise InputError(Problem(message, f"{where}, {key_arn}", f"Make one: {CREATE}"))
    key = public_key_from_der(answer["PublicKey"], key_arn)
    return SessionSigner(key_arn, key.key, client), key


def kms_error(error: Exception, doing: str, where: str) -> KickstandError:
    """What KMS refused, and what to do."""
    code = error_code(error)
    words = error.response["Error"].get("Message", "").rstrip(".") if isinstance(error, ClientError) else ""
    if code == "NotFoundException":
        message = f"KMS has no such key in this account and region ({words})."
        return InputError(Problem(message, where, f"Correct kms_key_arn, or make a key: {CREATE}"))
    if code in ("UnsupportedOperationException", "InvalidKeyUsageException"):
        message = f"The KMS key cannot sign: it is not {SPEC} for SIGN_VERIFY ({words})."
        return InputError(Problem(message, where, f"Make one: {CREATE}"))
    if code in ("DisabledException", "KMSInvalidStateException"):
        fix = "Enable it (aws kms enable-key --key-id ID), or cancel its deletion (aws kms cancel-key-deletion)."
        return KickstandError(Problem(f"The KMS key cannot be used now ({words}).", where, fix))
    return aws_error(error, doing, where)
