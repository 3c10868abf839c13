"""One byte changed in release, payload, signature, key's id or file: refused, and told by name."""

# ruff: noqa: E501 (a message is compared whole, on one line)

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from samples import environment, release
from signed_release import LINES, RESIGN, WHERE, SignedRelease

from kickstand.config.promotion import Signing
from kickstand.errors import InputError
from kickstand.release.file import write_release
from kickstand.release.model import Artifact
from kickstand.signing.envelope import claim_of, signature_path
from kickstand.signing.private_key import make_key
from kickstand.signing.sign import sign_release
from kickstand.signing.verify import require_signature, verify_signature


@pytest.fixture
def desk(tmp_path: Path) -> SignedRelease:
    made = SignedRelease(tmp_path)
    made.sign()
    return made


def flipped(text: str, place: int) -> str:
    """Base64 text in which one character stands for other bits."""
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def unfit(desk: SignedRelease) -> str:
    key = f"{desk.pair.key.id[:12]} (dev.pub)"
    return f"The signature of the key {key} does not fit: it or what it signs was changed afterwards. Take both from git again: git checkout -- {desk.signature}"


def test_what_was_signed_is_verified(desk: SignedRelease) -> None:
    signed = verify_signature(desk.release, desk.file, desk.signing, where=WHERE)
    assert (signed.key_id, signed.name, signed.algorithm) == (desk.pair.key.id, "dev.pub", "Ed25519")
    assert signed.sentence() == f"signed by the key {desk.pair.key.id[:12]} (Ed25519, dev.pub)"


def test_the_same_release_is_signed_in_the_same_bytes(desk: SignedRelease) -> None:
    first = desk.signature.read_bytes()
    desk.sign()
    assert desk.signature.read_bytes() == first


def test_a_byte_of_the_signature(desk: SignedRelease) -> None:
    desk.rewrite(lambda fields: fields["signatures"][0].update(sig=flipped(fields["signatures"][0]["sig"], 10)))
    assert desk.problems() == [unfit(desk)]


def test_a_byte_of_the_payload(desk: SignedRelease) -> None:
    """The model's digest in the payload: both that it does not fit and what it says are told."""

    def change(fields: dict[str, Any]) -> None:
        payload = base64.b64decode(fields["payload"]).replace(b'"sha256":"abab', b'"sha256":"bbab', 1)
        fields["payload"] = base64.b64encode(payload).decode()

    desk.rewrite(change)
    model = desk.release.artifact.sha256
    told = f"The signature is about another model: model.tar.gz was b{model[1:]} when it was signed and is {model}."
    assert desk.problems() == [unfit(desk), f"{told} {RESIGN}"]


def test_a_byte_of_the_keys_id(desk: SignedRelease) -> None:
    desk.rewrite(lambda fields: fields["signatures"][0].update(keyid="0" * 64))
    assert desk.problems() == [
        f"Signed by the key {'0' * 64}, which is not trusted; trusted is the key {desk.pair.key.id[:12]} (dev.pub). "
        "Where that key is right, put its public half into git and name it in public_keys of [signing] (kickstand.toml:8)."
    ]


def test_a_byte_of_the_release_file(desk: SignedRelease) -> None:
    """The release is read before; a reader that did not look at its seal would be stopped here."""
    from kickstand.signing.statement import file_digest

    before = file_digest(desk.file)
    desk.file.write_text(desk.file.read_text().replace('"num_round": "150"', '"num_round": "151"'))
    (told,) = desk.problems()
    assert told == (
        f"The signature is about another release, or the release was changed since: dev.json was {before} when it was "
        f"signed and is {file_digest(desk.file)}. {RESIGN}"
    )


def test_every_byte_of_the_signature_file_counts(desk: SignedRelease) -> None:
    """Whatever character is changed: white space, field names, the unused bits at the end of base64, all of it."""
    whole = desk.signature.read_bytes()
    end = len(whole)
    # The payload's middle is more of the same: one in seventeen there.
    for place in (*range(100), *range(100, end - 400, 17), *range(end - 400, end)):
        desk.signature.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError):
            verify_signature(desk.release, desk.file, desk.signing, where=WHERE)


def test_the_bits_that_base64_does_not_use_count_too(desk: SignedRelease) -> None:
    """64 bytes end in a character of which four bits mean nothing: the signature is the same, its text is not."""

    def change(fields: dict[str, Any]) -> None:
        sig = fields["signatures"][0]["sig"]
        other = {"A": "B", "Q": "R", "g": "h", "w": "x"}[sig[-3]]
        fields["signatures"][0]["sig"] = sig[:-3] + other + sig[-2:]

    desk.rewrite(change)
    (told,) = desk.problems()
    assert told.startswith("The signature file was changed after it was written")


def test_another_release_of_the_same_environment(desk: SignedRelease) -> None:
    other = Artifact(s3_uri=desk.release.artifact.s3_uri, sha256="cd" * 32, size=1)
    desk.release = write_release(desk.file, release(artifact=other))
    first, second = desk.problems()
    assert first.startswith(
        f"The signature is about another model: model.tar.gz was {'ab' * 32} when it was signed and is {'cd' * 32}."
    )
    assert second.startswith("The signature is about another release, or the release was changed since: dev.json was ")


def test_the_release_of_another_environment(desk: SignedRelease) -> None:
    """A signature that is carried from dev to staging is about dev.json."""
    staging = desk.folder / "staging.json"
    staged = write_release(staging, release(environment="staging"))
    signature_path(staging).write_bytes(desk.signature.read_bytes())
    with pytest.raises(InputError) as caught:
        verify_signature(staged, staging, desk.signing, where=WHERE)
    assert [problem.message for problem in caught.value.problems] == [
        "The signature is not about staging.json; it is about model.tar.gz, dev.json."
    ]


def test_an_unknown_key_and_another_release_are_told_at_once(desk: SignedRelease) -> None:
    desk.release = write_release(desk.file, release(source_commit=""))
    stranger = make_key(desk.folder / "other.pem", "p256")
    first, second = desk.problems(Signing(public_keys=(stranger.public,)))
    assert first.startswith(
        f"Signed by the key {desk.pair.key.id}, which is not trusted; trusted is the key {stranger.key.id[:12]} (other.pub)."
    )
    assert second.startswith("The signature is about another release")


def test_one_trusted_signature_of_several_is_enough(desk: SignedRelease) -> None:
    """A stranger's signature beside it neither helps nor harms."""
    stranger = make_key(desk.folder / "other.pem", "p256")
    trusted = desk.signature.read_text()
    foreign = Signing(private_key=stranger.private, public_keys=(stranger.public,))
    assert sign_release(desk.release, desk.file, environment(signing=foreign, lines=LINES), None)
    more = json.loads(desk.signature.read_text())["signatures"]
    desk.signature.write_text(trusted)
    desk.rewrite(lambda fields: fields["signatures"].insert(0, *more))
    assert verify_signature(desk.release, desk.file, desk.signing, where=WHERE).name == "dev.pub"


def test_without_a_signature(desk: SignedRelease) -> None:
    desk.signature.unlink()
    assert desk.problems() == [
        "The release of dev is not signed, and kickstand.toml:8 demands it: there is no dev.dsse.json. "
        "Sign it: kickstand release sign dev"
    ]
    with pytest.raises(InputError, match="The release of dev is not signed"):
        require_signature(desk.release, desk.file, desk.environment)
    desk.signing = desk.signing.model_copy(update={"required": False})
    assert require_signature(desk.release, desk.file, desk.environment) is None


def test_a_signature_that_is_not_demanded_is_verified_all_the_same(desk: SignedRelease) -> None:
    desk.signing = desk.signing.model_copy(update={"required": False})
    assert require_signature(desk.release, desk.file, desk.environment) is not None
    desk.rewrite(lambda fields: fields["signatures"][0].update(sig="AA=="))
    with pytest.raises(InputError, match="does not fit"):
        require_signature(desk.release, desk.file, desk.environment)


def test_nobody_is_trusted_by_default(desk: SignedRelease) -> None:
    desk.signing = Signing()
    with pytest.raises(InputError, match="which is not trusted; trusted is nobody"):
        require_signature(desk.release, desk.file, desk.environment)


def test_a_former_releases_signature_goes_where_nothing_signs(desk: SignedRelease) -> None:
    desk.signing = Signing()
    assert sign_release(desk.release, desk.file, desk.environment, None) is None
    assert desk.signature.exists(), "it is this release's"
    desk.release = write_release(desk.file, release(source_commit=""))
    assert sign_release(desk.release, desk.file, desk.environment, None) is None
    assert not desk.signature.exists()


def test_a_signature_that_the_environment_would_not_take_is_not_written(desk: SignedRelease) -> None:
    before = desk.signature.read_bytes()
    other = make_key(desk.folder / "other.pem", "ed25519")
    desk.signing = Signing(private_key=other.private, public_keys=(desk.pair.public,))
    with pytest.raises(InputError, match=f"Signed by the key {other.key.id}, which is not trusted"):
        sign_release(desk.release, desk.file, desk.environment, None)
    assert desk.signature.read_bytes() == before


def test_what_is_wrong_with_signer_and_trust_is_told_at_once(desk: SignedRelease) -> None:
    absent = desk.folder / "absent"
    desk.signing = Signing(private_key=absent.with_suffix(".pem"), public_keys=(absent.with_suffix(".pub"),))
    with pytest.raises(InputError) as caught:
        sign_release(desk.release, desk.file, desk.environment, None)
    assert [problem.message for problem in caught.value.problems] == [
        "There is no such public key file.",
        "There is no such private key file.",
    ]


def test_a_claim_is_read_without_verifying_it(desk: SignedRelease) -> None:
    claim = claim_of(desk.signature.read_text())
    assert claim is not None
    assert claim.release_sha256 == desk.release.sha256
    assert claim.sentence() == f"by key {desk.pair.key.id[:12]}"
    for text in ("", "{", "[]", "{}", '{"payload": 1}', '{"payload": "e30=", "signatures": []}', "[" * 100_000):
        assert claim_of(text) is None
