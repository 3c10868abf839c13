"""Public keys in PEM files: which algorithms there are, and the name by which a key is called.

A key's id is the SHA-256 of its DER form, so that anybody can tell it:
`openssl pkey -pubin -in FILE -outform DER | sha256sum`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from securesystemslib.signer import SSlibKey

from kickstand.errors import InputError, Problem

RSA_BITS = 2048
"""The shortest RSA key that is taken, as NIST SP 800-57 has it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that a signature can be held against."""

    key: SSlibKey
    algorithm: str
    """`Ed25519`, `ECDSA P-256` or `RSA 3072`."""
    pem: str
    """SubjectPublicKeyInfo, a newline at its end."""
    place: str = ""
    """The name of the file that it was read from, without its folder; a KMS key's ARN."""

    @property
    def id(self) -> str:
        return self.key.keyid


class UnsupportedKeyError(ValueError):
    """A key of an algorithm that releases are not signed by; its text names it: `ECDSA P-521`."""


def public_key(found: PublicKeyTypes, place: str = "") -> PublicKey:
    """A key as this package keeps it. Raises UnsupportedKeyError."""
    algorithm = _algorithm(found)
    der = found.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = found.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    return PublicKey(SSlibKey.from_crypto(found, hashlib.sha256(der).hexdigest()), algorithm, pem, place)


def public_key_from_der(der: bytes, place: str) -> PublicKey:
    """A key as KMS hands it out. Raises UnsupportedKeyError."""
    return public_key(load_der_public_key(der), place)


def read_public_keys(files: Iterable[Path], where: str) -> tuple[PublicKey, ...]:
    """The keys in PEM files, one a file. where: the setting that names them.

    InputError names every file that is missing, that holds no public key, or a key of another algorithm.
    """
    found: list[PublicKey] = []
    problems: list[Problem] = []
    for file in files:
        try:
            found.append(read_public_key(file, where))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return tuple(found)


def read_public_key(file: Path, where: str = "") -> PublicKey:
    """The key in a PEM file. Raises InputError: see read_public_keys."""
    named = f"{where}, {file}" if where else str(file)
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        fix = "Make it: kickstand release key NAME.pem, or kickstand release public-key ENV > FILE."
        raise InputError(Problem("There is no such public key file.", named, fix)) from None
    except OSError as error:
        raise InputError(Problem(f"The public key cannot be read: {error.strerror or error}.", named)) from None
    if b"PRIVATE KEY-----" in text:
        message = "This is a private key; the public half of it belongs here, and the private one out of git."
        fix = f"Take the public half: openssl pkey -in {file.name} -pubout -out {file.stem}.pub"
        raise InputError(Problem(message, named, fix))
    try:
        return public_key(load_pem_public_key(text), file.name)
    except (UnsupportedKeyError, UnsupportedAlgorithm) as error:
        raise InputError(unsupported(str(error), named)) from None
    except ValueError:
        fix = "It begins with -----BEGIN PUBLIC KEY-----. Of a private key: openssl pkey -in KEY.pem -pubout"
        raise InputError(Problem("The file is no public key in PEM.", named, fix)) from None


def unsupported(algorithm: str, where: str) -> Problem:
    """What is said of a key of another algorithm."""
    message = f"The key is {algorithm}; releases are signed by Ed25519, ECDSA P-256 or RSA of {RSA_BITS} bits and more."
    return Problem(message, where, "Make another: kickstand release key FILE.")


def _algorithm(found: PublicKeyTypes) -> str:
    if isinstance(found, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(found, ec.EllipticCurvePublicKey):
        if isinstance(found.curve, ec.SECP256R1):
            return "ECDSA P-256"
        raise UnsupportedKeyError(f"ECDSA on the curve {found.curve.name}")
    if isinstance(found, rsa.RSAPublicKey):
        if found.key_size >= RSA_BITS:
            return f"RSA {found.key_size}"
        raise UnsupportedKeyError(f"RSA of {found.key_size} bits")
    raise UnsupportedKeyError(type(found).__name__.removesuffix("PublicKey"))
