"""Key files: what may sign and be trusted, and what is said of everything else."""

# ruff: noqa: E501 (a message is compared whole, on one line)

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kickstand.errors import InputError, KickstandError
from kickstand.signing.private_key import make_key, new_password, open_private_key
from kickstand.signing.public_key import read_public_key, read_public_keys

WHERE = "kickstand.toml:9"


def openssl(folder: Path, *words: str) -> bytes:
    return subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True).stdout


def generated(folder: Path, *words: str) -> Path:
    """A private key that OpenSSL made, for its owner alone."""
    openssl(folder, "genpkey", "-out", "key.pem", *words)
    (folder / "key.pem").chmod(0o600)
    return folder / "key.pem"


def told(work: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        work()
    (problem,) = caught.value.problems
    return f"{problem.where}: {problem.message} {problem.fix}".strip()


@pytest.mark.parametrize(
    ("words", "algorithm"),
    [
        (("-algorithm", "ed25519"), "Ed25519"),
        (("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "ECDSA P-256"),
        (("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"), "RSA 2048"),
    ],
)
def test_keys_that_openssl_made_sign(tmp_path: Path, words: tuple[str, ...], algorithm: str) -> None:
    file = generated(tmp_path, *words)
    (tmp_path / "key.pub").write_bytes(openssl(tmp_path, "pkey", "-in", "key.pem", "-pubout"))
    signer, private = open_private_key(file, WHERE)
    public = read_public_key(tmp_path / "key.pub", WHERE)
    assert (private.algorithm, private.id, private.pem) == (algorithm, public.id, public.pem)
    assert (
        public.id
        == hashlib.sha256(openssl(tmp_path, "pkey", "-in", "key.pem", "-pubout", "-outform", "DER")).hexdigest()
    )
    public.key.verify_signature(signer.sign(b"text"), b"text")


@pytest.mark.parametrize(
    ("words", "algorithm"),
    [
        (("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"), "ECDSA on the curve secp521r1"),
        (("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"), "RSA of 1024 bits"),
        (("-algorithm", "ed448"), "Ed448"),
    ],
)
def test_keys_of_other_algorithms_are_named(tmp_path: Path, words: tuple[str, ...], algorithm: str) -> None:
    file = generated(tmp_path, *words)
    (tmp_path / "key.pub").write_bytes(openssl(tmp_path, "pkey", "-in", "key.pem", "-pubout"))
    message = f"The key is {algorithm}; releases are signed by Ed25519, ECDSA P-256 or RSA of 2048 bits and more. Make another: kickstand release key FILE."
    assert told(lambda: open_private_key(file, WHERE)) == f"{WHERE}, {file}: {message}"
    assert told(lambda: read_public_key(tmp_path / "key.pub", WHERE)) == f"{WHERE}, {tmp_path / 'key.pub'}: {message}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_does_not_sign(tmp_path: Path, mode: int) -> None:
    file = make_key(tmp_path / "dev.pem", "ed25519").private
    file.chmod(mode)
    assert told(lambda: open_private_key(file, WHERE)) == (
        f"{WHERE}, {file}: The private key can be read by others (mode {mode:04o}), so its signature would prove nothing. "
        f"Take it from them: chmod 600 {file}"
    )


def test_a_key_that_git_has_does_not_sign(tmp_path: Path) -> None:
    file = make_key(tmp_path / "dev.pem", "ed25519").private
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    open_private_key(file, WHERE)
    subprocess.run(["git", "add", "dev.pem"], cwd=tmp_path, check=True)
    assert told(lambda: open_private_key(file, WHERE)).startswith(
        f"{WHERE}, {file}: The private key is in git, where everybody with the repository has it. Make a new one"
    )


def test_files_that_hold_no_key(tmp_path: Path) -> None:
    pair = make_key(tmp_path / "dev.pem", "p256")
    text = tmp_path / "text.pem"
    text.write_text("hello")
    text.chmod(0o600)
    pair.public.chmod(0o600)
    absent = tmp_path / "absent.pem"
    assert told(lambda: open_private_key(absent, WHERE)) == (
        f"{WHERE}, {absent}: There is no such private key file. Make one: kickstand release key absent.pem, or name the one you have."
    )
    assert told(lambda: open_private_key(text, WHERE)).startswith(
        f"{WHERE}, {text}: The file is no private key in PEM (PKCS#8). "
    )
    assert told(lambda: open_private_key(pair.public, WHERE)) == (
        f"{WHERE}, {pair.public}: This is a public key; a release is signed by a private one. Name the private key."
    )
    with pytest.raises(InputError) as caught:
        read_public_keys([absent, text, pair.private, pair.public], WHERE)
    assert [problem.message for problem in caught.value.problems] == [
        "There is no such public key file.",
        "The file is no public key in PEM.",
        "This is a private key; the public half of it belongs here, and the private one out of git.",
    ]


def test_an_encrypted_key_asks_for_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = make_key(tmp_path / "dev.pem", "ed25519", "open sesame")
    assert pair.private.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert told(lambda: open_private_key(pair.private, WHERE)) == (
        f"{WHERE}, {pair.private}: The private key is encrypted, and there is no password and no terminal to ask for one. "
        "Put the password into the environment variable KICKSTAND_SIGNING_PASSWORD."
    )
    monkeypatch.setenv("KICKSTAND_SIGNING_PASSWORD", "wrong")
    assert told(lambda: open_private_key(pair.private, WHERE)) == (
        f"{WHERE}, {pair.private}: The password does not open the private key. Correct KICKSTAND_SIGNING_PASSWORD, or type it again."
    )
    monkeypatch.setenv("KICKSTAND_SIGNING_PASSWORD", "open sesame")
    assert open_private_key(pair.private, WHERE)[1].id == pair.key.id


def test_a_password_is_typed_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = make_key(tmp_path / "dev.pem", "ed25519", "open sesame")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    typed = iter(["open sesame", "new", "new", "new", "old"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    assert open_private_key(pair.private, WHERE)[1].id == pair.key.id
    assert new_password() == "new"
    with pytest.raises(InputError, match=r"The two passwords differ\."):
        new_password()


def test_a_new_key_is_its_owners_alone_and_never_takes_a_place(tmp_path: Path) -> None:
    pair = make_key(tmp_path / "keys" / "dev.pem", "ed25519")
    assert (pair.private.stat().st_mode & 0o777, pair.public) == (0o600, tmp_path / "keys" / "dev.pub")
    assert pair.public.read_text() == pair.key.pem
    before = pair.private.read_bytes()
    with pytest.raises(InputError) as caught:
        make_key(pair.private, "ed25519")
    assert [problem.where for problem in caught.value.problems] == [str(pair.private), str(pair.public)]
    pair.private.unlink()
    with pytest.raises(InputError, match="There is a file already, and it is not overwritten"):
        make_key(tmp_path / "keys" / "dev.key", "ed25519")
    assert not (tmp_path / "keys" / "dev.key").exists()
    with pytest.raises(InputError, match=r"must not end in \.pub"):
        make_key(tmp_path / "x.pub", "ed25519")
    assert before


def test_a_key_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KickstandError, match="The key could not be written: File exists"):
        make_key(tmp_path / "file" / "dev.pem", "ed25519")
