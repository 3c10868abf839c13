"""Verify the signature of a release: whose it is, whether that is trusted, whether it is about this release; and what
it stands for, as lines of text.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature

from kickstand.config.model import Environment
from kickstand.config.promotion import Signing
from kickstand.errors import InputError, Problem
from kickstand.release.model import Release
from kickstand.signing.envelope import read_envelope, signature_path
from kickstand.signing.keyless import Identity, is_keyless, verify_keyless
from kickstand.signing.public_key import PublicKey, read_public_keys
from kickstand.signing.statement import PREDICATE_TYPE, SignedBy, resign, statement_problems
from kickstand.text import plain


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures count."""

    keys: tuple[PublicKey, ...]
    identity: Identity | None = None

    def sentence(self) -> str:
        """`the keys 3f2a… (keys/dev.pub)`; `nobody`."""
        accepted = [f"the key {one.id[:12]} ({one.place})" for one in self.keys]
        if self.identity is not None:
            accepted.append(f"{self.identity.name} by {self.identity.issuer}")
        return ", ".join(accepted) or "nobody"


def require_signature(release: Release, release_file: Path, environment: Environment) -> SignedBy | None:
    """Verifies the signature of an environment's release where it needs one, or where there is one.

    None: it needs none and there is none. InputError: see verify_signature.
    """
    if not environment.signing.required and not signature_path(release_file).exists():
        return None
    where = environment.where("signing.required" if environment.signing.required else "signing.public_keys")
    return verify_signature(release, release_file, environment.signing, where=where)


def verify_signature(release: Release, release_file: Path, signing: Signing, *, where: str) -> SignedBy:
    """Who signed a release: somebody whom `signing` trusts. Offline but for keyless signatures.

    where: where it is settled whom to trust, `kickstand.toml:31`. One trusted signature is enough.

    InputError names all that is wrong: there is no signature; the envelope is broken or of something else; its key
    or identity is not trusted; it does not fit its payload; the payload is about another release or model; the
    files of the trusted keys are missing or hold none.
    """
    trust = trust_of(signing, where)
    file = signature_path(release_file)
    if not file.exists():
        message = (
            f"The release of {release.environment} is not signed, and {where} demands it: there is no {file.name}."
        )
        fix = f"Sign it: kickstand release sign {release.environment}"
        raise InputError(Problem(message, str(release_file), fix))
    return verify_envelope(read_envelope(file, resign(release)), release, release_file, trust, where)


def trust_of(signing: Signing, where: str) -> Trust:
    """Whom an environment trusts. Raises InputError for key files of no use."""
    keys = read_public_keys(signing.public_keys, where)
    if signing.keyless_identity and signing.keyless_issuer:
        return Trust(keys, Identity(signing.keyless_identity, signing.keyless_issuer))
    return Trust(keys)


def verify_envelope(envelope: Envelope, release: Release, release_file: Path, trust: Trust, where: str) -> SignedBy:
    """The first of an envelope's signatures that is trusted, where it is about the release. Raises InputError."""
    place = str(signature_path(release_file))
    problems = list(statement_problems(envelope.payload, release, release_file, place))
    signers: list[SignedBy] = []
    refused: list[Problem] = []
    for signature in envelope.signatures.values():
        found = _verified(envelope, signature, trust, place, where)
        signers += [one for one in found if isinstance(one, SignedBy)]
        refused += [one for one in found if isinstance(one, Problem)]
    if problems or not signers:
        raise InputError(*([] if signers else refused), *problems)
    return signers[0]


def _verified(
    envelope: Envelope, signature: Signature, trust: Trust, place: str, where: str
) -> list[SignedBy] | list[Problem]:
    if is_keyless(signature):
        if trust.identity is None:
            message = f"The signature is keyless, and no identity is trusted; trusted is {trust.sentence()}."
            fix = f"Set keyless_identity and keyless_issuer in [signing] ({where}), or sign with a key."
            return [Problem(message, place, fix)]
        try:
            return [verify_keyless(envelope, signature, trust.identity, place)]
        except InputError as error:
            return list(error.problems)
    return list(_verified_by_keys(envelope, signature, trust, place, where))  # type: ignore[return-value]


def _verified_by_keys(
    envelope: Envelope, signature: Signature, trust: Trust, place: str, where: str
) -> Iterator[SignedBy | Problem]:
    known = next((one for one in trust.keys if one.id == signature.keyid), None)
    if known is None:
        key_id = signature.keyid or "without a name"
        message = f"Signed by the key {key_id}, which is not trusted; trusted is {trust.sentence()}."
        fix = (
            f"Where that key is right, put its public half into git and name it in public_keys of [signing] ({where})."
        )
        yield Problem(message, place, fix)
        return
    try:
        known.key.verify_signature(signature, envelope.pae())
    except UnverifiedSignatureError:
        key_id = f"{known.id[:12]} ({known.place})"
        message = f"The signature of the key {key_id} does not fit: it or what it signs was changed afterwards."
        yield Problem(message, place, f"Take both from git again: git checkout -- {shlex.quote(place)}")
    else:
        yield SignedBy(known.id, known.place, known.algorithm)


_WIDTH = 16


def signature_lines(release: Release, release_file: Path, signed: SignedBy) -> list[str]:
    """What is signed and by whom, a label and a value a line."""
    return [
        plain(f"  {label:<{_WIDTH}} {value}".rstrip(" "))
        for label, value in _signature_rows(release, release_file, signed)
    ]


def _signature_rows(release: Release, release_file: Path, signed: SignedBy) -> Iterator[tuple[str, str]]:
    yield "release", f"{release.sha256}, of {release.project} {release.environment} ({release_file.name})"
    yield "model", release.artifact.sha256
    for channel in release.channels:
        yield channel.name, f"{channel.sha256}, {channel.rows:,} rows"
    yield "image", release.algorithm.image_uri
    yield "training job", release.training_job.arn
    yield "source commit", release.source_commit or "none: trained outside git"
    yield "signed by", signed.name
    if signed.issuer:
        yield "vouched for by", signed.issuer
    yield "key", f"{signed.key_id}{f', {signed.algorithm}' if signed.algorithm else ''}"
    yield "predicate", PREDICATE_TYPE
