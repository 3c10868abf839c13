"""A private key in a PEM file (PKCS#8): made for its owner alone, and read only where nobody else can read it and git
does not have it.
"""

from __future__ import annotations

import getpass
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner

from kickstand.errors import InputError, KickstandError, Problem
from kickstand.signing.public_key import PublicKey, UnsupportedKeyError, public_key, unsupported

PASSWORD = "KICKSTAND_SIGNING_PASSWORD"  # noqa: S105 (the variable's name)
_ENCRYPTED = (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED")


def open_private_key(file: Path, where: str) -> tuple[CryptoSigner, PublicKey]:
    """The signer of a key file, and its public half. where: the setting that names it.

    An encrypted file is opened with the password in KICKSTAND_SIGNING_PASSWORD, else one that is asked for on the
    terminal. InputError: no such file, others can read it, git has it, no PEM private key, a wrong password,
    another algorithm.
    """
    named = f"{where}, {file}" if where else str(file)
    text = _read_owned(file, named)
    problems = list(_exposures(file, named))
    if problems:
        raise InputError(*problems)
    try:
        key = load_pem_private_key(text, _password(file, named) if any(mark in text for mark in _ENCRYPTED) else None)
        public = public_key(key.public_key(), file.name)
    except (UnsupportedKeyError, UnsupportedAlgorithm) as error:
        raise InputError(unsupported(str(error), named)) from None
    except (ValueError, TypeError) as error:
        raise InputError(_unreadable(text, error, named)) from None
    return CryptoSigner(key, public.key), public


def is_tracked(file: Path) -> bool:
    """Whether git has a file, in whichever repository it lies."""
    return _git(file, "ls-files", "--error-unmatch", "--", file.name)


def is_exposed_to_git(file: Path) -> bool:
    """Whether a file that git does not have yet lies in a repository that does not ignore it."""
    return _git(file, "rev-parse", "--git-dir") and not _git(file, "check-ignore", "-q", "--", file.name)


def new_password() -> str:
    """The password for a new key: KICKSTAND_SIGNING_PASSWORD, else asked for twice. Raises InputError without any."""
    given = os.environ.get(PASSWORD)
    if given is None and sys.stdin.isatty():
        given = getpass.getpass("Password of the new key: ")
        if given and getpass.getpass("The same again: ") != given:
            raise InputError(Problem("The two passwords differ.", fix="Run it again."))
    if not given:
        fix = f"Put it into the environment variable {PASSWORD}, or run it on a terminal."
        raise InputError(Problem("There is no password to encrypt the key under.", fix=fix))
    return given


def _read_owned(file: Path, named: str) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        fix = f"Make one: kickstand release key {file.name}, or name the one you have."
        raise InputError(Problem("There is no such private key file.", named, fix)) from None
    except OSError as error:
        raise InputError(Problem(f"The private key cannot be read: {error.strerror or error}.", named)) from None


def _exposures(file: Path, named: str) -> Iterator[Problem]:
    """A key that others may have is no proof of who signed."""
    mode = stat.S_IMODE(file.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        message = f"The private key can be read by others (mode {mode:04o}), so its signature would prove nothing."
        yield Problem(message, named, f"Take it from them: chmod 600 {file}")
    if is_tracked(file):
        message = "The private key is in git, where everybody with the repository has it."
        fix = (
            "Make a new one (kickstand release key FILE), trust that one alone, and take this one out: git rm --cached."
        )
        yield Problem(message, named, fix)


def _password(file: Path, named: str) -> bytes:
    given = os.environ.get(PASSWORD)
    if given is None and sys.stdin.isatty():
        given = getpass.getpass(f"Password of {file}: ")
    if not given:
        message = "The private key is encrypted, and there is no password and no terminal to ask for one."
        raise InputError(Problem(message, named, f"Put the password into the environment variable {PASSWORD}."))
    return given.encode("utf-8")


def _unreadable(text: bytes, error: Exception, named: str) -> Problem:
    if any(mark in text for mark in _ENCRYPTED):
        return Problem("The password does not open the private key.", named, f"Correct {PASSWORD}, or type it again.")
    if b"PUBLIC KEY-----" in text:
        return Problem("This is a public key; a release is signed by a private one.", named, "Name the private key.")
    fix = "It begins with -----BEGIN PRIVATE KEY-----. Others: openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW.pem"
    return Problem("The file is no private key in PEM (PKCS#8).", named, fix)


def _git(file: Path, *words: str) -> bool:
    try:
        ended = subprocess.run(["git", "-C", str(file.parent), *words], capture_output=True, check=False)
    except OSError:
        return False
    return ended.returncode == 0


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
