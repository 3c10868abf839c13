"""A new key pair: the private half for its owner alone, the public half for git."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from kickstand.errors import InputError, KickstandError, Problem
from promotion.signing.public_key import PublicKey, public_key

Algorithm = Literal["ed25519", "p256"]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair's two files."""

    private: Path
    public: Path
    key: PublicKey


def make_key(file: Path, algorithm: Algorithm, password: str | None = None) -> KeyPair:
    """Writes a private key to `file` (PKCS#8 PEM, mode 0600; encrypted under a password) and its public half beside it.

    The public file is `file` with `.pub` in the place of its ending. Nothing is ever overwritten, and where one of
    the two cannot be written neither is left. InputError: one is there. KickstandError: the disk refuses.
    """
    public_file = file.with_suffix(".pub")
    there = [one for one in (file, public_file) if one.exists() or one.is_symlink()]
    if file == public_file:
        message = "The private key must not end in .pub: that is the public half's name."
        raise InputError(Problem(message, str(file), f"For example {file.with_suffix('.pem')}."))
    if there:
        fix = "Choose another name: a key that is lost cannot be made again."
        raise InputError(
            *(Problem("There is a file already, and it is not overwritten.", str(one), fix) for one in there)
        )
    made = ed25519.Ed25519PrivateKey.generate() if algorithm == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    lock: KeySerializationEncryption = BestAvailableEncryption(password.encode("utf-8")) if password else NoEncryption()
    key = public_key(made.public_key(), public_file.name)
    written: list[Path] = []
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for path, text, mode in (
            (file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock), 0o600),
            (public_file, key.pem.encode("ascii"), 0o644),
        ):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            written.append(path)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        message = f"The key could not be written: {error.strerror or error}."
        raise KickstandError(Problem(message, str(error.filename or file))) from error
    return KeyPair(file, public_file, key)
