"""The commands of docs/signing.md that ask KMS: run in order, with the AWS CLI, against the local cloud."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from samples import release

from kickstand.config.load import load_project
from kickstand.release_file import write_release
from localcloud.cloud import LocalCloud
from promotion.signing.verify import verify_signature

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "signing.md").read_text(encoding="utf-8")
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PROJECT = (
    '[project]\nname = "bikes"\n[data]\ntrain = "t.csv"\n'
    '[environments.dev]\naccount = "111122223333"\nregion = "us-east-1"\n'
)


def test_a_kms_key_is_made_exported_signs_and_is_verified(cloud: LocalCloud, tmp_path: Path) -> None:
    (create,) = (block for block in BLOCKS if block.startswith("aws kms"))
    (export,) = (block for block in BLOCKS if block.startswith("kickstand release public-key"))
    (settings,) = (block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "kms_key_arn" in block)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    client = cloud.environment("111122223333", "us-east-1")

    def shell(line: str) -> str:
        """A shell that `kickstand local env` has pointed at the local cloud."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=tmp_path,
            env={**os.environ, **client, "PATH": path, "KICKSTAND_LOCAL_STATE": str(cloud.folder.root)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), line
        return done.stdout

    (tmp_path / "keys").mkdir()
    arn = shell(create).strip()
    (tmp_path / "kickstand.toml").write_text(
        PROJECT + settings.replace("arn:aws:kms:us-east-1:111122223333:key/ID", arn)
    )
    shell(export)
    made = write_release(tmp_path / "releases" / "dev.json", release())
    assert "(ECDSA P-256, kms.pub)" in shell("kickstand release sign dev")
    dev = load_project(tmp_path / "kickstand.toml").environments["dev"]
    assert verify_signature(made, tmp_path / "releases" / "dev.json", dev.signing, where="").name == "kms.pub"

    # In the local cloud's own releases, as the page says: `kickstand --local`.
    kept = write_release(cloud.releases_folder("bikes") / "dev.json", release())
    assert "(ECDSA P-256, kms.pub)" in shell("kickstand --local release sign dev")
    assert f"{kept.sha256}, of bikes dev" in shell("kickstand --local release verify dev")
    for file in cloud.releases_folder("bikes").iterdir():
        file.unlink()
