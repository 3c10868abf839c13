"""`kickstand release sign | verify | key | public-key` as they are typed; `fit` signs, `deploy` asks."""

# ruff: noqa: E501 (a message is compared whole, on one line)

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from local_sigstore import ISSUER, PERSON, LocalSigstore, token
from release_repository import Repository
from samples import environment, release
from typed import Screen, Terminal
from workspaces import workspace

from cli.fit import sign_written
from deployment.cdk import Cdk
from deployment.deploy import deploy_environment
from kickstand.config.load import load_project
from kickstand.config.promotion import Signing
from kickstand.console import make_console
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import write_release
from kickstand.signing import keyless
from kickstand.workspace import Workspace

SETTINGS = '[signing]\nrequired = true\nprivate_key = "keys/dev.pem"\npublic_keys = ["keys/dev.pub"]\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    (tmp_path / "bikes").mkdir()
    made = Repository.make(tmp_path / "bikes")
    made.release()
    made.commit("Serve a")
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def good(screen: Screen) -> list[str]:
    assert (screen.code, screen.err) == (0, "")
    return screen.out.splitlines()


def settle(repository: Repository, settings: str = SETTINGS) -> None:
    with repository.config.open("a") as file:
        file.write(settings)


def test_a_key_is_made_and_signs_and_verifies(repository: Repository, terminal: Terminal) -> None:
    made = good(terminal.type("release", "key", "keys/dev.pem"))
    assert made[0] == "keys/dev.pem: the private key (Ed25519), mode 0600. Keep it; nobody can make it again."
    key_id = made[1].removeprefix("keys/dev.pub: its public half, key ").removesuffix(". Commit it.")
    assert made[2:] == [
        "Sign and trust with it, in kickstand.toml:",
        "  [signing]",
        '  private_key = "keys/dev.pem"',
        '  public_keys = ["keys/dev.pub"]',
        "git does not ignore the private key yet: echo 'dev.pem' >> .gitignore",
    ]
    settle(repository)
    (signed,) = good(terminal.type("release", "sign", "dev"))
    sentence = f"signed by the key {key_id[:12]} (Ed25519, dev.pub)"
    assert signed.startswith("releases/dev.dsse.json: release ")
    assert signed.endswith(f" of dev is {sentence}.")
    verified = good(terminal.type("release", "verify", "dev"))
    assert verified[0] == f"releases/dev.dsse.json: good, {sentence}."
    assert f"  key              {key_id}, Ed25519" in verified
    assert f"  model            {'a' * 64}" in verified
    assert (
        good(terminal.type("release", "public-key", "dev"))
        == (repository.folder / "keys" / "dev.pub").read_text().splitlines()
    )
    (repository.folder / ".gitignore").write_text("*.pem\n")
    commit = repository.commit("Sign it")
    assert f"  signed        by key {key_id[:12]}, in commit {commit[:12]}" in good(
        terminal.type("release", "history", "dev")
    )
    (story,) = json.loads(terminal.type("release", "history", "dev", "--json").out)
    assert story["signed"] == f"by key {key_id[:12]}, in commit {commit[:12]}"


def test_the_history_names_each_releases_own_signature(repository: Repository, terminal: Terminal) -> None:
    good(terminal.type("release", "key", "keys/dev.pem"))
    (repository.folder / ".gitignore").write_text("*.pem\n")
    settle(repository)
    good(terminal.type("release", "sign", "dev"))
    first = repository.commit("Sign a")
    repository.release(letter="b")
    repository.commit("Serve b, not signed yet")
    good(terminal.type("release", "sign", "dev"))
    second = repository.commit("Sign b")
    signed = [
        line.split()[-1] for line in good(terminal.type("release", "history", "dev")) if line.startswith("  signed ")
    ]
    assert signed == [second[:12], first[:12]]


def test_another_key_may_be_trusted_for_once(repository: Repository, terminal: Terminal) -> None:
    good(terminal.type("release", "key", "keys/dev.pem"))
    good(terminal.type("release", "key", "keys/other.pem", "--algorithm", "p256"))
    settle(repository)
    good(terminal.type("release", "sign", "dev"))
    good(terminal.type("release", "verify", "dev", "--key", "keys/dev.pub"))
    refused = terminal.type("release", "verify", "dev", "--key", "keys/other.pub")
    assert (refused.code, refused.out) == (2, "")
    assert "which is not trusted; trusted is the key " in refused.err
    assert "(other.pub)." in refused.err
    bundle = terminal.type("release", "verify", "dev", "--bundle", "x.json")
    assert bundle.code == 2
    assert "A key signed it, and only keyless signatures have a sigstore bundle." in bundle.err


def test_there_is_nothing_to_sign_with(repository: Repository, terminal: Terminal) -> None:
    refused = terminal.type("release", "sign", "dev")
    assert (refused.code, refused.err.splitlines()) == (
        2,
        [
            "error: kickstand.toml: There is nothing to sign releases of dev with: [signing] names no key and no identity.",
            "       Make a key and name it there: kickstand release key NAME.pem",
        ],
    )
    refused = terminal.type("release", "public-key", "dev")
    assert refused.code == 2
    assert "dev has no key that signs: [signing] names neither private_key nor kms_key_arn." in refused.err


def test_a_keyless_signature_is_told_and_its_bundle_written(
    repository: Repository, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sigstore = LocalSigstore()
    monkeypatch.setattr(keyless, "trusted_root", sigstore.trusted_root)
    monkeypatch.setattr(keyless, "trust_config", lambda **_: None)
    monkeypatch.setattr(keyless, "identity_token", lambda *_: token())
    monkeypatch.setattr("sigstore.sign.SigningContext.from_trust_config", lambda _: sigstore.context())
    settle(repository, f'[signing]\nkeyless_identity = "{PERSON}"\nkeyless_issuer = "{ISSUER}"\n')
    (signed,) = good(terminal.type("release", "sign", "dev"))
    assert signed.endswith(f"of dev is signed by {PERSON}, for whom {ISSUER} vouched.")
    verified = good(terminal.type("release", "verify", "dev", "--bundle", "dev.sigstore.json"))
    assert f"  vouched for by   {ISSUER}" in verified
    assert verified[-1] == "  sigstore bundle  dev.sigstore.json"
    bundle = json.loads((repository.folder / "dev.sigstore.json").read_text())
    assert sorted(bundle) == ["dsseEnvelope", "mediaType", "verificationMaterial"]


def opened(folder: Path, signing: Signing) -> Workspace:
    (folder / "kickstand.toml").write_text(
        '[project]\nname = "bikes"\n[data]\ntrain = "t.csv"\n[environments.dev]\naccount = "111122223333"\nregion = "us-east-1"\n'
    )
    chosen, project = (
        environment(signing=signing, lines={"": "kickstand.toml"}),
        load_project(folder / "kickstand.toml"),
    )
    return workspace(releases=folder / "releases", of=chosen, project=project, options=("--local",))


def test_fit_signs_what_it_wrote(tmp_path: Path) -> None:
    from kickstand.signing.private_key import make_key

    pair = make_key(tmp_path / "dev.pem", "ed25519")
    world, said = opened(tmp_path, Signing(private_key=pair.private, public_keys=(pair.public,))), io.StringIO()
    file = tmp_path / "releases" / "dev.json"
    sign_written(world, make_console(said), write_release(file, release()), file)
    assert said.getvalue() == f"Signed by key {pair.key.id[:12]}: {tmp_path / 'releases' / 'dev.dsse.json'}\n"


def test_a_release_that_cannot_be_signed_is_kept_and_the_way_on_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, said = opened(tmp_path, Signing(private_key=tmp_path / "absent.pem")), io.StringIO()
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "releases" / "dev.json"
    with pytest.raises(InputError) as caught:
        sign_written(world, make_console(said), write_release(file, release()), file)
    (problem,) = caught.value.problems
    assert problem.message == "There is no such private key file."
    assert (
        problem.then == "The release is written, without a signature. Then sign it: kickstand --local release sign dev"
    )
    assert (file.exists(), said.getvalue()) == (True, "")


def test_a_deployment_asks_for_the_signature_before_anything_else(tmp_path: Path) -> None:
    """There is no AWS here: with its signature in order, the next step fails for want of a session."""
    from kickstand.signing.private_key import make_key
    from kickstand.signing.sign import sign_release

    pair = make_key(tmp_path / "dev.pem", "ed25519")
    world = opened(tmp_path, Signing(required=True, private_key=pair.private, public_keys=(pair.public,)))
    made = write_release(tmp_path / "releases" / "dev.json", release())
    with pytest.raises(KickstandError, match="The release of dev is not signed"):
        deploy_environment(Cdk(world), made, print)
    sign_release(made, tmp_path / "releases" / "dev.json", world.environment, None)
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'client'"):
        deploy_environment(Cdk(world), made, print)
