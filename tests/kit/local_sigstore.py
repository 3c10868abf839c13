"""A sigstore of the test's own: certificate authority, certificate log and signature log, with keys made here.

The library that signs and verifies is the real one; only its two services (Fulcio, Rekor) are played, by answering as
their protocols say: RFC 6962 for the certificate log, Rekor v1's entry, inclusion proof, checkpoint and promise.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import jwt
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sigstore.models import TransparencyLogEntry, TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore_models.trustroot import v1 as trustroot_v1

PERSON = "ana@example.com"
ISSUER = "https://accounts.example.com"
_SCT = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_SHA256 = ec.ECDSA(hashes.SHA256())
_ORIGIN = "rekor.example - 1"


def token(identity: str = PERSON, issuer: str = ISSUER) -> IdentityToken:
    """What an OIDC issuer would have given to somebody."""
    now = datetime.now(UTC)
    claims = {"iss": issuer, "sub": identity, "aud": "sigstore", "iat": now, "exp": now + timedelta(minutes=5)}
    return IdentityToken(jwt.encode(claims, "k" * 32, algorithm="HS256"))


def _der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class LocalSigstore:
    """Fulcio, its certificate log, and Rekor."""

    authority: ec.EllipticCurvePrivateKey = field(default_factory=_new_key)
    certificate_log: ec.EllipticCurvePrivateKey = field(default_factory=_new_key)
    signature_log: ec.EllipticCurvePrivateKey = field(default_factory=_new_key)

    def __post_init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local fulcio")])
        self.root = (
            self._builder(name, name, self.authority.public_key(), days=3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.authority.public_key()), critical=False)
            .sign(self.authority, hashes.SHA256())
        )

    def context(self) -> SigningContext:
        """What the library signs with: these services, these roots."""
        fulcio: Any = SimpleNamespace(signing_cert=SimpleNamespace(post=self._certify))
        rekor: Any = SimpleNamespace(_build_dsse_request=self._entry, create_entry=self._log)
        return SigningContext(fulcio=fulcio, rekor=rekor, trusted_root=self.trusted_root())

    def trusted_root(self) -> TrustedRoot:
        """What certificates and log entries of this sigstore are held against."""
        since = {"start": "2020-01-01T00:00:00Z"}
        fields = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log_instance(self.signature_log, since)],
            "ctlogs": [_log_instance(self.certificate_log, since)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "local", "commonName": "local fulcio"},
                    "uri": "https://fulcio.example",
                    "certChain": {"certificates": [{"rawBytes": _b64(self.root.public_bytes(Encoding.DER))}]},
                    "validFor": since,
                }
            ],
            "timestampAuthorities": [],
        }
        return TrustedRoot(trustroot_v1.TrustedRoot.from_json(json.dumps(fields)))

    def _certify(self, request: x509.CertificateSigningRequest, identity: IdentityToken) -> Any:
        """A certificate for a token's identity, with the certificate log's promise in it."""
        builder = (
            self._builder(x509.Name([]), self.root.subject, request.public_key(), days=0)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(identity.identity)]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_OID, identity.federated_issuer.encode()), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), critical=False
            )
        )
        # The promise is over the certificate without it: signed once with an empty promise to get those bytes.
        draft = _with_promise(builder, b"\x00" * 60).sign(self.authority, hashes.SHA256())
        time = struct.pack("!Q", int(self.now.timestamp() * 1000))
        body = draft.tbs_precertificate_bytes
        entry = hashlib.sha256(_der(self.authority)).digest() + struct.pack("!I", len(body))[1:] + body
        promise = self.certificate_log.sign(b"\x00\x00" + time + b"\x00\x01" + entry + b"\x00\x00", _SHA256)
        log_id = hashlib.sha256(_der(self.certificate_log)).digest()
        sct = b"\x00" + log_id + time + b"\x00\x00" + b"\x04\x03" + struct.pack("!H", len(promise)) + promise
        return SimpleNamespace(
            cert=_with_promise(builder, sct).sign(self.authority, hashes.SHA256()), chain=[self.root]
        )

    @staticmethod
    def _entry(*, envelope: Any, certificate: x509.Certificate) -> Mapping[str, Any]:
        """Rekor's record of an envelope."""
        text = envelope.to_json()
        fields = json.loads(text)
        payload = base64.b64decode(fields["payload"])
        return {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(text.encode()).hexdigest()},
                "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
                "signatures": [
                    {"signature": one["sig"], "verifier": _b64(certificate.public_bytes(Encoding.PEM))}
                    for one in fields["signatures"]
                ],
            },
        }

    def _log(self, record: Mapping[str, Any]) -> TransparencyLogEntry:
        """The record as the first and only one of a new log."""
        body = rfc8785.dumps(dict(record))
        log_id = hashlib.sha256(_der(self.signature_log)).digest()
        leaf = hashlib.sha256(b"\x00" + body).digest()
        note = f"{_ORIGIN}\n1\n{_b64(leaf)}\n"
        mark = log_id[:4] + self.signature_log.sign(note.encode(), _SHA256)
        moment = int(self.now.timestamp())
        promised: dict[str, Any] = {"body": _b64(body), "integratedTime": moment, "logID": log_id.hex(), "logIndex": 0}
        proof = {"logIndex": 0, "rootHash": leaf.hex(), "treeSize": 1, "hashes": []}
        return TransparencyLogEntry._from_v1_response(
            {
                uuid.uuid4().hex: {
                    **promised,
                    "verification": {
                        "inclusionProof": {**proof, "checkpoint": f"{note}\n\u2014 rekor.example {_b64(mark)}\n"},
                        "signedEntryTimestamp": _b64(self.signature_log.sign(rfc8785.dumps(promised), _SHA256)),
                    },
                }
            }
        )

    def _builder(self, subject: x509.Name, issuer: x509.Name, key: Any, *, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(minutes=1))
            .not_valid_after(self.now + timedelta(days=days, minutes=10))
        )


def _log_instance(key: ec.EllipticCurvePrivateKey, since: Mapping[str, str]) -> dict[str, Any]:
    return {
        "baseUrl": "https://log.example",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": _b64(_der(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since},
        "logId": {"keyId": _b64(hashlib.sha256(_der(key)).digest())},
    }


def _with_promise(builder: x509.CertificateBuilder, sct: bytes) -> x509.CertificateBuilder:
    listed = struct.pack("!H", len(sct)) + sct
    content = struct.pack("!H", len(listed)) + listed
    length = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return builder.add_extension(x509.UnrecognizedExtension(_SCT, b"\x04" + length + content), critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
