"""Keyless signatures: sigstore certifies an identity for minutes, and its log keeps that it signed.

The signature in the envelope carries a field `sigstore`: the bundle (certificate, log entry, timestamps) without the
envelope, which it stands in. Both together are a sigstore bundle, which any other verifier takes: `bundle_json`.
securesystemslib's own SigstoreSigner signs the envelope as a nameless file; other tools then see no statement in it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Signature

from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.signing.statement import SignedBy

if TYPE_CHECKING:
    from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

FIELD = "sigstore"
# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md: the issuer, as text and as a DER string
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")

# What the libraries say on standard error of their roots is no message to a user of Kickstand.
for _library in ("sigstore", "tuf"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate must name, and who must have vouched."""

    name: str
    issuer: str


def is_keyless(signature: Signature) -> bool:
    return FIELD in signature.unrecognized_fields


def sign_keyless(payload: bytes, identity: Identity, where: str) -> Signature:
    """Signs a statement as the identity that is at hand: that of the workflow, else of whoever signs in.

    Needs the network. InputError: another identity or issuer than the setting's. KickstandError: no identity and no
    terminal to sign in on, or sigstore refuses or does not answer.
    """
    with _explained("signing with sigstore", where):
        from sigstore.sign import SigningContext

        config = trust_config(offline=False)
        token = identity_token(config, where)
        if token.federated_issuer != identity.issuer:
            raise InputError(_other_identity("issuer", token.federated_issuer, identity, where))
        return sign_as(token, payload, SigningContext.from_trust_config(config), identity, where)


def sign_as(token: IdentityToken, payload: bytes, context: SigningContext, identity: Identity, where: str) -> Signature:
    """Signs with a token. Raises InputError where the certificate that it gets names another identity."""
    from sigstore.dsse import Statement

    with context.signer(token) as signer:
        bundle = signer.sign_dsse(Statement(payload))
    name, issuer = certified(bundle.signing_certificate)
    if (name, issuer) != (identity.name, identity.issuer):
        what = "identity" if name != identity.name else "issuer"
        raise InputError(_other_identity(what, name if what == "identity" else issuer, identity, where))
    fields = parse_json(bundle.to_json())
    envelope = fields.pop("dsseEnvelope")
    raw = Envelope.from_dict({**envelope, "signatures": [{"keyid": "", "sig": envelope["signatures"][0]["sig"]}]})
    return Signature(_key_id(bundle.signing_certificate), raw.signatures[""].signature, {FIELD: fields})


def verify_keyless(envelope: Envelope, signature: Signature, identity: Identity, where: str) -> SignedBy:
    """Holds a keyless signature against the identity that is trusted. where: the signature file.

    sigstore's trusted root is brought up to date; without a network the last one known counts.
    InputError: another identity, a broken bundle, anything that does not fit.
    """
    bundle = _bundle(envelope, signature, where)
    try:
        name, issuer = certified(bundle.signing_certificate)
        key_id = _key_id(bundle.signing_certificate)
        refusal = _refusal(bundle, identity)
    except Exception as error:  # whatever a strange certificate makes the parsers raise, it is not verified
        raise InputError(Problem(f"The keyless signature is broken: {_reason(error)}.", where)) from None
    problems = []
    if name != identity.name:
        problems.append(_other_identity("identity", name, identity, where))
    if issuer != identity.issuer:
        problems.append(_other_identity("issuer", issuer, identity, where))
    if key_id != signature.keyid:
        message = f"The signature names the key {signature.keyid[:12]}, its certificate is of {key_id[:12]}."
        problems.append(Problem(message, where))
    if refusal and not problems:
        # An identity that is not trusted was told of above, in plainer words.
        fix = f"Take it back from git: git checkout -- {shlex.quote(where)}. Or sign again: kickstand release sign ENV."
        problems.append(Problem(f"sigstore does not vouch for the signature: {refusal}.", where, fix))
    if problems:
        raise InputError(*problems)
    return SignedBy(signature.keyid, name, issuer=issuer)


def _refusal(bundle: Bundle, identity: Identity) -> str:
    """Why sigstore does not take a bundle; empty where it does."""
    from sigstore.errors import Error
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity as Named

    try:
        policy = Named(identity=identity.name, issuer=identity.issuer)
        Verifier(trusted_root=trusted_root()).verify_dsse(bundle, policy)
    except Error as error:
        return _reason(error)
    return ""


def bundle_json(envelope: Envelope, signature: Signature) -> str:
    """The sigstore bundle of a signature, for other verifiers: `cosign verify-blob-attestation --bundle`."""
    fields = envelope.to_dict()
    (raw,) = (one["sig"] for one in fields["signatures"] if one["keyid"] == signature.keyid)
    return json.dumps(
        {**signature.unrecognized_fields[FIELD], "dsseEnvelope": {**fields, "signatures": [{"sig": raw}]}}
    )


def certified(certificate: x509.Certificate) -> tuple[str, str]:
    """Whom a certificate names, and the issuer that vouched; empty where it says neither."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found: list[str] = names.get_values_for_type(x509.RFC822Name)
        found += names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        found = []
    try:
        issuer = certificate.extensions.get_extension_for_oid(_ISSUER).value
    except x509.ExtensionNotFound:
        return next(iter(found), ""), ""
    return next(iter(found), ""), issuer.value.decode("utf-8", "replace")  # type: ignore[attr-defined]


def trust_config(*, offline: bool) -> ClientTrustConfig:
    """sigstore's public instance: its services and its roots, by TUF."""
    from sigstore.models import ClientTrustConfig

    return ClientTrustConfig.production(offline=offline)


def trusted_root() -> TrustedRoot:
    """The roots that certificates and the log are held against: today's, else the last ones known here."""
    from sigstore.errors import Error

    try:
        return trust_config(offline=False).trusted_root
    except (Error, OSError):
        return trust_config(offline=True).trusted_root


def identity_token(config: ClientTrustConfig, where: str) -> IdentityToken:
    """The identity of the workflow that runs, else of the person at the terminal, who signs in in a browser."""
    from sigstore.oidc import IdentityToken, Issuer, detect_credential

    ambient = detect_credential()
    if ambient:
        return IdentityToken(ambient)
    if not sys.stdin.isatty():
        fix = "In GitHub Actions give the job the permission id-token: write; else sign on a terminal."
        raise KickstandError(Problem("There is no identity to sign with, and no terminal to sign in on.", where, fix))
    return Issuer(config.signing_config.get_oidc_url()).identity_token()


def _bundle(envelope: Envelope, signature: Signature, where: str) -> Bundle:
    from sigstore.models import Bundle

    try:
        return Bundle.from_json(bundle_json(envelope, signature))
    except Exception as error:  # pydantic's, sigstore's and the certificate parser's own
        raise InputError(Problem(f"The keyless signature is broken: {_reason(error)}.", where)) from None


def _key_id(certificate: x509.Certificate) -> str:
    der = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _other_identity(what: str, found: str, wanted: Identity, where: str) -> Problem:
    expected = wanted.name if what == "identity" else wanted.issuer
    message = f"The keyless {what} is {found or 'none'}; trusted is {expected}."
    return Problem(message, where, f"Sign as {wanted.name}, or change keyless_{what} where that is right.")


def _reason(error: Exception) -> str:
    """The first line of what a library says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@contextmanager
def _explained(doing: str, where: str) -> Iterator[None]:
    """Turns whatever sigstore's services answer into a KickstandError."""
    try:
        yield
    except KickstandError:
        raise
    except Exception as error:  # sigstore's clients raise what they and their HTTP library please
        reason: Any = _reason(error)
        fix = "Needs the network: fulcio.sigstore.dev, rekor.sigstore.dev. Or sign with private_key or kms_key_arn."
        raise KickstandError(Problem(f"Failed while {doing}: {reason}.", where, fix)) from error
