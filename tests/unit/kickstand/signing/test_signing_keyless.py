"""Keyless signatures, by sigstore's own library, against a sigstore made here: see local_sigstore.py."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from local_sigstore import ISSUER, PERSON, LocalSigstore, token
from samples import environment, release
from sigstore.models import Bundle
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity as Named

from kickstand.config.promotion import Signing
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import canonical, write_release
from kickstand.release.model import Release
from kickstand.signing import keyless
from kickstand.signing.envelope import read_envelope, signature_path
from kickstand.signing.keyless import bundle_json
from kickstand.signing.sign import sign_release
from kickstand.signing.verify import verify_signature

LINES = {
    "": "kickstand.toml",
    "signing.keyless_identity": "kickstand.toml:9",
    "signing.public_keys": "kickstand.toml:8",
}


class Desk:
    """A release file whose environment signs as Ana; the local sigstore stands for the public one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sigstore = LocalSigstore()
        self.file = folder / "dev.json"
        self.release: Release = write_release(self.file, release())
        self.token = token()
        monkeypatch.setattr(keyless, "trusted_root", self.sigstore.trusted_root)
        monkeypatch.setattr(keyless, "trust_config", lambda **_: None)
        monkeypatch.setattr(keyless, "identity_token", lambda *_: self.token)
        monkeypatch.setattr("sigstore.sign.SigningContext.from_trust_config", lambda _: self.sigstore.context())

    def sign(self) -> Path | None:
        signing = Signing(keyless_identity=PERSON, keyless_issuer=ISSUER)
        return sign_release(self.release, self.file, environment(signing=signing, lines=LINES), None)

    def verify(self, identity: str = PERSON, issuer: str = ISSUER) -> str:
        signing = Signing(keyless_identity=identity, keyless_issuer=issuer)
        return verify_signature(self.release, self.file, signing, where="kickstand.toml:9").sentence()

    def refused(self, **trusted: str) -> list[str]:
        with pytest.raises(InputError) as caught:
            self.verify(**trusted)
        return [problem.message for problem in caught.value.problems]

    def change(self, change: Any) -> None:
        """Change the signature file's fields, in the text that Kickstand writes."""
        path = signature_path(self.file)
        fields = json.loads(path.read_text())
        change(fields)
        path.write_text(canonical(fields))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_who_signs_in_signs(desk: Desk) -> None:
    assert desk.sign() == signature_path(desk.file)
    assert desk.verify() == "signed by ana@example.com, for whom https://accounts.example.com vouched"


def test_any_sigstore_verifier_takes_the_bundle(desk: Desk) -> None:
    desk.sign()
    envelope = read_envelope(signature_path(desk.file), "")
    (signature,) = envelope.signatures.values()
    bundle = Bundle.from_json(bundle_json(envelope, signature))
    kind, payload = Verifier(trusted_root=desk.sigstore.trusted_root()).verify_dsse(
        bundle, Named(identity=PERSON, issuer=ISSUER)
    )
    assert kind == "application/vnd.in-toto+json"
    assert json.loads(payload)["subject"][0]["digest"]["sha256"] == desk.release.artifact.sha256


def test_another_identity_or_issuer_is_named(desk: Desk) -> None:
    desk.sign()
    assert desk.refused(identity="bo@example.com", issuer="https://login.example.org") == [
        "The keyless identity is ana@example.com; trusted is bo@example.com.",
        "The keyless issuer is https://accounts.example.com; trusted is https://login.example.org.",
    ]


def test_nobody_signs_as_somebody_else(desk: Desk) -> None:
    desk.token = token("bo@example.com")
    with pytest.raises(InputError) as caught:
        desk.sign()
    assert str(caught.value) == (
        "kickstand.toml:9: The keyless identity is bo@example.com; trusted is ana@example.com. "
        "Sign as ana@example.com, or change keyless_identity where that is right."
    )
    desk.token = token(issuer="https://login.example.org")
    with pytest.raises(InputError, match=r"The keyless issuer is https://login\.example\.org; trusted is"):
        desk.sign()
    assert not signature_path(desk.file).exists()


def test_a_certificate_of_another_authority_is_not_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sign()
    monkeypatch.setattr(keyless, "trusted_root", LocalSigstore().trusted_root)
    (message,) = desk.refused()
    assert message.startswith("sigstore does not vouch for the signature: failed to build timestamp certificate chain")


def test_a_signature_that_no_log_has_is_not_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sign()
    other = LocalSigstore(desk.sigstore.authority, desk.sigstore.certificate_log)
    other.root = desk.sigstore.root
    monkeypatch.setattr(keyless, "trusted_root", other.trusted_root)
    (message,) = desk.refused()
    assert message.startswith("sigstore does not vouch for the signature: invalid log entry: ")


def other_payload(fields: dict[str, Any]) -> None:
    # The statement's first letters: still base64, no longer what was signed.
    fields["payload"] = fields["payload"][:-8] + "AAAA" + fields["payload"][-4:]


def other_signature(fields: dict[str, Any]) -> None:
    sig = fields["signatures"][0]["sig"]
    fields["signatures"][0]["sig"] = sig[:20] + ("A" if sig[20] != "A" else "B") + sig[21:]


@pytest.mark.parametrize("change", [other_payload, other_signature])
def test_what_was_changed_afterwards_is_not_taken(desk: Desk, change: Any) -> None:
    desk.sign()
    desk.change(change)
    assert any("sigstore does not vouch for the signature: " in message for message in desk.refused())


def test_the_key_that_is_named_is_the_certificates(desk: Desk) -> None:
    desk.sign()
    desk.change(lambda fields: fields["signatures"][0].update(keyid="0" * 64))
    (message,) = desk.refused()
    assert message.startswith("The signature names the key 000000000000, its certificate is of ")


def test_a_bundle_that_is_none_is_refused(desk: Desk) -> None:
    desk.sign()
    desk.change(lambda fields: fields["signatures"][0].update(sigstore={"mediaType": "x"}))
    (message,) = desk.refused()
    assert message.startswith("The keyless signature is broken: ")


def test_keys_alone_are_trusted_where_no_identity_is(desk: Desk) -> None:
    desk.sign()
    with pytest.raises(InputError) as caught:
        verify_signature(desk.release, desk.file, Signing(), where="kickstand.toml:8")
    assert (
        caught.value.problems[0].message == "The signature is keyless, and no identity is trusted; trusted is nobody."
    )


def test_without_an_identity_and_a_terminal_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sigstore.oidc.detect_credential", lambda: None)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(KickstandError) as caught:
        keyless.identity_token(None, "kickstand.toml:9")  # type: ignore[arg-type]
    assert str(caught.value) == (
        "kickstand.toml:9: There is no identity to sign with, and no terminal to sign in on. "
        "In GitHub Actions give the job the permission id-token: write; else sign on a terminal."
    )


def test_without_a_network_the_last_roots_known_count(monkeypatch: pytest.MonkeyPatch) -> None:
    from sigstore.errors import TUFError

    def config(*, offline: bool) -> Any:
        if not offline:
            raise TUFError("Failed to refresh TUF metadata")
        return type("Config", (), {"trusted_root": "the last one"})

    monkeypatch.setattr(keyless, "trust_config", config)
    found: Any = keyless.trusted_root()
    assert found == "the last one"
