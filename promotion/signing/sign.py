"""Sign a release in the way that its environment is set to: by a key file, by AWS KMS, or keyless."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from securesystemslib.dsse import Envelope

from kickstand.aws_errors import AWS_FAILURES
from kickstand.config.model import Environment, Signing
from kickstand.errors import InputError, Problem
from kickstand.release import Release
from promotion.signing.envelope import write_envelope
from promotion.signing.keyless import Identity, sign_keyless
from promotion.signing.kms_key import kms_error, open_kms_key
from promotion.signing.private_key import open_private_key
from promotion.signing.public_key import PublicKey
from promotion.signing.signature_file import read_claim, signature_path
from promotion.signing.statement import PAYLOAD_TYPE, payload
from promotion.signing.verify import Trust, judge, trust_of

if TYPE_CHECKING:
    import boto3


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
    judge(envelope, release, release_file, trust, environment.where("signing.public_keys"))
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
