"""Sign a release in the way that its environment is set to: by a key file, by AWS KMS, or keyless.

A KMS key signs in AWS and is verified here with its public half: nothing is asked of AWS to verify.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from securesystemslib.dsse import Envelope
from securesystemslib.signer import AWSSigner, SSlibKey

from kickstand.aws.errors import AWS_FAILURES, aws_error, error_code
from kickstand.config.model import Environment
from kickstand.config.promotion import Signing
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.release.model import Release
from kickstand.signing.envelope import read_claim, signature_path, write_envelope
from kickstand.signing.keyless import Identity, sign_keyless
from kickstand.signing.private_key import open_private_key
from kickstand.signing.public_key import PublicKey, public_key_from_der
from kickstand.signing.statement import PAYLOAD_TYPE, payload
from kickstand.signing.verify import Trust, trust_of, verify_envelope

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_kms import KMSClient


CREATE = "aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY"
SPEC = "ECC_NIST_P256"

# The library writes what went wrong to standard error, besides raising it; it is told once, in our words.
logging.getLogger("securesystemslib").handlers[:] = [logging.NullHandler()]


class SessionSigner(AWSSigner):
    """The library's signer, by a client of the environment's own session.

    AWSSigner makes its client of whatever credentials and region lie about; another account may be theirs.
    """

    def __init__(self, key_arn: str, public_key: SSlibKey, client: KMSClient) -> None:
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


def can_sign(signing: Signing) -> bool:
    """Whether an environment has anything to sign with."""
    return bool(signing.private_key or signing.kms_key_arn or signing.keyless_identity)


def needs_session(signing: Signing) -> bool:
    """Whether signing asks AWS."""
    return bool(signing.kms_key_arn)


def sign_release(
    release: Release, release_file: Path, environment: Environment, session: boto3.Session | None
) -> Path | None:
    """Signs a release that has been written, and returns the signature's file; a former signature is replaced.

    None: nothing is configured to sign with. A signature of a former release is then taken away, as it would only
    stand in the way of this one; it stays in git.
    session: the environment's; it may be None where no KMS key signs.

    A signature that the environment itself would not take is not written: see verify.verify_signature.
    InputError: the key, the identity or what is trusted is wrong. KickstandError: KMS or sigstore refuse.
    """
    signing, file = environment.signing, signature_path(release_file)
    if not can_sign(signing):
        _discard_former(file, release)
        return None
    envelope = Envelope(payload(release, release_file), PAYLOAD_TYPE, {})
    trust, problems = _trust(environment)
    try:
        _sign(envelope, environment, session)
    except InputError as error:
        problems += error.problems
    if trust is None or problems:
        raise InputError(*problems)
    verify_envelope(envelope, release, release_file, trust, environment.where("signing.public_keys"))
    write_envelope(file, envelope)
    return file


def signing_key(environment: Environment, session: boto3.Session | None) -> PublicKey | None:
    """The public half of the key that signs an environment's releases; None where no key does. Errors: see above."""
    signing = environment.signing
    if signing.private_key:
        return open_private_key(signing.private_key, environment.where("signing.private_key"))[1]
    if signing.kms_key_arn and session is not None:
        return open_kms_key(signing.kms_key_arn, session, environment.where("signing.kms_key_arn"))[1]
    return None


def _trust(environment: Environment) -> tuple[Trust | None, list[Problem]]:
    """Whom the environment trusts, or what is wrong with that: told together with what is wrong with the signer."""
    try:
        return trust_of(environment.signing, environment.where("signing.public_keys")), []
    except InputError as error:
        return None, list(error.problems)


def _sign(envelope: Envelope, environment: Environment, session: boto3.Session | None) -> None:
    signing = environment.signing
    if signing.private_key:
        envelope.sign(open_private_key(signing.private_key, environment.where("signing.private_key"))[0])
    elif signing.kms_key_arn:
        if session is None:
            raise ValueError("a KMS key signs through a session")
        where = environment.where("signing.kms_key_arn")
        signer, _ = open_kms_key(signing.kms_key_arn, session, where)
        try:
            envelope.sign(signer)
        except AWS_FAILURES as error:
            raise kms_error(error, f"signing with {signing.kms_key_arn}", where) from error
    else:
        identity = Identity(signing.keyless_identity or "", signing.keyless_issuer or "")
        signature = sign_keyless(envelope.payload, identity, environment.where("signing.keyless_identity"))
        envelope.signatures[signature.keyid] = signature


def _discard_former(file: Path, release: Release) -> None:
    claim = read_claim(file)
    if claim is None or claim.release_sha256 != release.sha256:
        file.unlink(missing_ok=True)
