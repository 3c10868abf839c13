"""`make acceptance` against the local cloud: killed once on its way, then run whole, on two accounts.

The second run removes what the first has left, proves every step, and leaves nothing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.steps import STEPS
from localcloud.cloud import LocalCloud

REPOSITORY = Path(__file__).resolve().parents[2]
TOML = """\
[project]
name = "boats"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 900
[environments.dev]
account = "111122223333"
region = "us-east-1"
[environments.staging]
account = "444455556666"
region = "us-east-1"
"""
NAME = "ks-accept-a297"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "kickstand.toml").write_text(TOML)
    yield tmp_path
    LocalCloud(tmp_path / "runs" / "cloud").stop()


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "acceptance", "dev", "--to", "staging", "--local", *words]
    places = ["--config", str(folder / "kickstand.toml"), "--folder", str(folder / "runs")]
    return subprocess.Popen(
        [*command, *places],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(run: subprocess.Popen[str], text: str) -> str:
    """What a run has printed up to the first line that holds a text."""
    assert run.stdout is not None
    said = ""
    for line in run.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it ended without {text!r}:\n{said}")


def wait_for_stack(folder: Path, stack: str) -> None:
    cloud = LocalCloud(folder / "runs" / "cloud")
    cloudformation = cloud.client("cloudformation", "111122223333", "us-east-1")
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if stack in [one["StackName"] for one in cloudformation.describe_stacks()["Stacks"]]:
            return
        time.sleep(0.5)
    raise AssertionError(f"{stack} was not made")


def test_a_killed_run_is_removed_by_the_next_which_is_green_and_leaves_nothing(folder: Path) -> None:
    killed = start(folder)
    read_until(killed, "Training stacks from nothing")
    wait_for_stack(folder, f"{NAME}-dev-training")
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()

    run = start(folder)
    said, _ = run.communicate(timeout=1500)
    assert run.returncode == 0, said[-6000:]
    assert f"An earlier run has left:\n  stack {NAME}-dev-training (account …3333, us-east-1)\n" in said
    assert said.index("It is removed.") < said.index("The account is ready")
    assert "\nNothing is left.\n" in said
    assert not (folder / "runs" / "cloud").exists()
    assert not (folder / "runs" / NAME / "project").exists()
    assert not list((REPOSITORY / "cdk.out").glob(f"{NAME}-*"))

    report = (folder / "runs" / "REPORT-local.md").read_text(encoding="utf-8")
    verdicts = dict(re.findall(r"^\| \d+ \| (.+?)(?: \(question \d\))? \| (.+?) \|", report, re.MULTILINE))
    assert verdicts == {step.title: "proven" for step in STEPS}
    assert "**This run proves nothing about AWS.**" in report
    assert f"{len(STEPS)} proven, 0 corrected, 0 not run" in report
    assert not re.search(r"\d{12}", re.sub(r"[0-9a-f]{32,}|-\d{8}-\d{6}-", "", report))
    assert str(folder) not in report
    assert str(REPOSITORY) not in report
