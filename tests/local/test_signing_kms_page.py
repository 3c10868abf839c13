"""The commands of docs/signing.md that ask KMS: run in order, with the AWS CLI, against the local cloud."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from samples import release
from typed import Terminal
from warm_server import AWS, shared_python

from kickstand.config.load import load_project
from kickstand.release.file import write_release
from kickstand.signing.verify import verify_signature
from localcloud.cloud import LocalCloud

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "signing.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PROJECT = (
    '[project]\nname = "bikes"\n[data]\ntrain = "t.csv"\n'
    '[environments.dev]\naccount = "111122223333"\nregion = "us-east-1"\n'
)


def test_a_kms_key_is_made_exported_signs_and_is_verified(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (create,) = (block for block in BLOCKS if block.startswith("aws kms"))
    (export,) = (block for block in BLOCKS if block.startswith("kickstand release public-key"))
    (settings,) = (block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "kms_key_arn" in block)
    # A shell that `kickstand local env` has pointed at the local cloud.
    for name, value in cloud.environment("111122223333", "us-east-1").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KICKSTAND_LOCAL_STATE", str(cloud.folder.root))
    monkeypatch.chdir(tmp_path)

    def typed(line: str) -> str:
        command, _, file = line.strip().partition(" > ")
        screen = Terminal(monkeypatch, capsys).type(*shlex.split(command)[1:])
        assert (screen.code, screen.err) == (0, ""), line
        if file:
            Path(file).write_text(screen.out)
        return screen.out

    (tmp_path / "keys").mkdir()
    line = [*shared_python(*AWS), "-m", "awscli", *shlex.split(create)[1:]]
    arn = subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / "kickstand.toml").write_text(
        PROJECT + settings.replace("arn:aws:kms:us-east-1:111122223333:key/ID", arn)
    )
    typed(export)
    made = write_release(tmp_path / "releases" / "dev.json", release())
    assert "(ECDSA P-256, kms.pub)" in typed("kickstand release sign dev")
    dev = load_project(tmp_path / "kickstand.toml").environments["dev"]
    assert verify_signature(made, tmp_path / "releases" / "dev.json", dev.signing, where="").name == "kms.pub"

    # In the local cloud's own releases, as the page says: `kickstand --local`.
    kept = write_release(cloud.releases_folder("bikes") / "dev.json", release())
    assert "(ECDSA P-256, kms.pub)" in typed("kickstand --local release sign dev")
    assert f"{kept.sha256}, of bikes dev" in typed("kickstand --local release verify dev")
    for file in cloud.releases_folder("bikes").iterdir():
        file.unlink()
