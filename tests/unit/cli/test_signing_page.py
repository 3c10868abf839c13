"""docs/signing.md: its commands run, in order, in a repository with a release; those of KMS in tests/local."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from release_repository import Repository
from typed import Terminal

from kickstand.signing.sign import sign_release

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "signing.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
SETTINGS = '[signing]\nprivate_key = "keys/dev.pem"\npublic_keys = ["keys/dev.pub"]\n'
KMS = ("aws kms create-key", "kickstand release public-key", "openssl dgst")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository.make(tmp_path_factory.mktemp("page"))
    made.release()
    made.commit("Serve a in dev")
    return made


def shell(repository: Repository, line: str) -> subprocess.CompletedProcess[str]:
    """What a user types."""
    words = ["bash", "-euo", "pipefail", "-c", line]
    return subprocess.run(words, cwd=repository.folder, capture_output=True, text=True, check=False)


def test_the_page_in_one_go(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From no key to a verified release, with Kickstand and without."""
    monkeypatch.chdir(repository.folder)
    terminal = Terminal(monkeypatch, capsys)

    def typed(block: str) -> str:
        if not block.startswith("kickstand"):
            done = shell(repository, block)
            assert (done.returncode, done.stderr) == (0, ""), block
            return done.stdout
        screens = [terminal.type(*shlex.split(line)[1:]) for line in block.splitlines()]
        assert [(screen.code, screen.err) for screen in screens] == [(0, "")] * len(screens), block
        return "".join(screen.out for screen in screens)

    assert SETTINGS in PAGE
    blocks = [block for block in BLOCKS if not block.startswith(KMS)]
    assert len(blocks) == 6
    said = []
    for block in blocks:
        said.append(typed(block))
        if block.startswith("kickstand release key"):
            with repository.config.open("a") as file:
                file.write(SETTINGS)
    made, signed, verified, without, key_id, history = said
    assert SETTINGS.replace("\n", "\n  ").strip() in made
    assert "is signed by the key" in signed
    assert verified.count("releases/dev.dsse.json: good, signed by the key") == 2
    subjects, result, digest = without.splitlines()[:2], without.splitlines()[2], without.splitlines()[3]
    assert result == "Signature Verified Successfully"
    assert subjects[0] == f"{'a' * 64} model.tar.gz"
    assert subjects[1].split() == [digest.split()[0], "dev.json"]
    assert key_id.split()[0] in verified
    assert "Serve a in dev" in history


def test_openssl_verifies_p256_and_rsa_as_the_page_says(repository: Repository, tmp_path: Path) -> None:
    from samples import environment

    from kickstand.config.promotion import Signing
    from kickstand.release.file import parse_release

    (extract,) = (block for block in BLOCKS if block.startswith("python3"))
    (p256,) = (block for block in BLOCKS if block.startswith("openssl dgst"))
    assert "`-sigopt rsa_padding_mode:pss`" in PAGE
    file = repository.path("dev")
    release = parse_release(file.read_text(), file)
    for made, line in (
        (
            "mkdir -p keys; openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out keys/kms.pem; "
            "chmod 600 keys/kms.pem; openssl pkey -in keys/kms.pem -pubout -out keys/kms.pub",
            p256,
        ),
        (
            "rm keys/kms.*; openssl genrsa -out keys/kms.pem 2048 2> /dev/null; chmod 600 keys/kms.pem; "
            "openssl pkey -in keys/kms.pem -pubout -out keys/kms.pub",
            p256.replace("-sha256", "-sha256 -sigopt rsa_padding_mode:pss"),
        ),
    ):
        done = shell(repository, made)
        assert done.returncode == 0, done.stderr
        keys = repository.folder / "keys"
        signing = Signing(private_key=keys / "kms.pem", public_keys=(keys / "kms.pub",))
        sign_release(release, file, environment(signing=signing), None)
        python = extract.partition("\nopenssl")[0]
        done = shell(repository, f"{python}\n{line}")
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Verified OK"), done.stderr


def test_every_command_of_signing_is_on_the_page() -> None:
    for command in ("sign", "verify", "key", "public-key", "history"):
        assert re.search(rf"^kickstand release {command} ", PAGE, re.MULTILINE), command
