"""What tests take for the app (`CDK_APP`) writes what the app writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from cached_synthesis import COMMAND, key
from samples import release

from deployment.cdk import node
from kickstand.release.file import write_release

ROOT = Path(__file__).resolve().parents[2]
TOML = """\
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 20
[environments.dev]
account = "111122223333"
region = "us-east-1"
[environments.staging]
account = "444455556666"
region = "us-east-1"
"""


def project(folder: Path, toml: str = TOML) -> Path:
    (folder / "releases").mkdir(parents=True)
    (folder / "kickstand.toml").write_text(toml)
    write_release(folder / "releases" / "dev.json", release())
    return folder


def variables(folder: Path, out: Path, **context: str) -> dict[str, str]:
    settings = {**json.loads((ROOT / "cdk.json").read_text())["context"], "config": str(folder / "kickstand.toml")}
    return {
        **os.environ,
        "CDK_VALIDATION": "false",  # half of a synthesis; what is kept and copied is the same with it
        "PATH": f"{Path(node()).parent}{os.pathsep}{os.environ['PATH']}",
        "CDK_CONTEXT_JSON": json.dumps({**settings, "environment": "dev", **context}),
        "CDK_OUTDIR": str(out),
        # As the CDK command line names them.
        "CDK_ERROR_FILE": str(out / "error.txt"),
        "CDK_PERF_COUNTERS_FILE": str(out / "performance-counters.json"),
        "CDK_CLI_ASM_VERSION": f"{len(str(out))}.0.0",
        "CDK_CLI_VERSION": str(out),  # another each time, which changes nothing
    }


def synthesise(command: list[str], folder: Path, out: Path, **context: str) -> subprocess.CompletedProcess[str]:
    given = variables(folder, out, **context)
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=240)


def files(folder: Path) -> dict[str, bytes]:
    """What an assembly holds, but for how long its making took."""
    found = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {name: content for name, content in found.items() if not name.endswith("performance-counters.json")}


@pytest.mark.parametrize("policy", ["on", "off"])
def test_a_kept_assembly_is_byte_for_byte_what_the_app_writes(tmp_path: Path, policy: str) -> None:
    """Given the same project in three folders: synthesised and kept; copied; synthesised by the app itself.

    Without the policy checks the first is made by a process that has loaded the app.
    """
    toml = TOML.replace("num_round = 20", f"num_round = {uuid.uuid4().int % 100_000 + 1}")
    kept, copied, own = (project(tmp_path / name, toml) for name in ("kept", "copied", "own"))
    command = COMMAND.split()
    assert synthesise(command, kept, kept / "out", policy=policy).returncode == 0
    # No app can run where there is no Node.js.
    blind = {**variables(copied, copied / "out", policy=policy), "PATH": str(tmp_path)}
    subprocess.run(command, cwd=ROOT, env=blind, check=True, timeout=240)
    assert synthesise([sys.executable, "app.py"], own, own / "out", policy=policy).returncode == 0
    assert files(copied / "out") == files(kept / "out") == files(own / "out")
    assert any("hosting" in name and name.endswith("template.json") for name in files(own / "out"))


def test_an_app_that_fails_is_run_each_time(tmp_path: Path) -> None:
    folder = project(tmp_path / "project", TOML.replace("444455556666", "4"))
    for _ in range(2):
        done = synthesise(COMMAND.split(), folder, tmp_path / "out")
        assert done.returncode == 2
        assert "account must be the 12 digits" in done.stderr


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("kickstand.toml", True),
        ("releases/dev.json", True),
        ("releases/staging.json", False),
        ("train.csv", False),
        ("infra/stacks/names.json", True),
        ("kickstand/names.py", True),
        ("app.py", True),
        ("training/job.py", False),
    ],
)
def test_the_key_is_of_all_that_the_assembly_is_made_of(tmp_path: Path, name: str, counts: bool) -> None:
    folder = project(tmp_path / "project")
    (folder / "app.py").touch()
    before = key(folder, variables(folder, tmp_path / "out"))
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stream:
        stream.write("\n# more")
    assert (key(folder, variables(folder, tmp_path / "out")) != before) == counts
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert key(moved, variables(moved, tmp_path / "elsewhere")) == key(folder, variables(folder, tmp_path / "out"))


def test_the_key_is_of_context_and_settings_too(tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    given = variables(folder, tmp_path / "out")
    others = [
        variables(folder, tmp_path / "out", environment="staging"),
        variables(folder, tmp_path / "out", pipeline="on"),
        {**given, "CDK_VALIDATION": "true"},
    ]
    assert len({key(folder, one) for one in [given, *others]}) == 4
