"""`make acceptance` against the local cloud: killed once on its way, then run whole, on two accounts.

The second run removes what the first has left, proves every step, and leaves nothing. It is run in this process, as are
the commands of Kickstand that it types.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from typed_command import Typed, printed_to, run_here
from warm_background import BackgroundCommand
from warm_cdk import cdk_program, is_cdk, node_package, run_warm

from acceptance import commands
from acceptance.__main__ import main as acceptance
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
OF_SUBPROCESS = ("DEVNULL", "STDOUT", "TimeoutExpired")
"""What a run's commands need of `subprocess` beside Popen."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "kickstand.toml").write_text(TOML)
    yield tmp_path
    LocalCloud(tmp_path / "runs" / "cloud").stop()


def words(folder: Path) -> list[str]:
    places = ["--config", str(folder / "kickstand.toml"), "--folder", str(folder / "runs")]
    return ["dev", "--to", "staging", "--local", *places]


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[str]:
    """Folders of modules: what a run's process is, and a Node.js that has loaded the CDK."""
    packages = tmp_path / "packages"
    packages.mkdir()
    with cdk_program(packages) as cdk:
        node_package(packages, cdk)
        yield os.pathsep.join([str(packages), str(REPOSITORY / "tests" / "kit")])


def start(folder: Path, modules: str) -> BackgroundCommand:
    """A run in a process of its own, as are its commands."""
    variables = {**os.environ, "PYTHONPATH": modules}
    return BackgroundCommand(["forked_commands", *words(folder)], REPOSITORY, variables, stderr=subprocess.STDOUT)


def run_whole(folder: Path) -> Typed:
    begin = SimpleNamespace(Popen=begin_here, **{name: getattr(subprocess, name) for name in OF_SUBPROCESS})
    with patch.object(commands, "subprocess", begin), patch.dict(os.environ), tempfile.TemporaryFile() as out:
        with printed_to(out, out):
            code = acceptance(words(folder))
        out.seek(0)
        return Typed(code, out.read().decode(), "")


class Ended:
    """What is looked at of a child that has ended."""

    def __init__(self, code: int) -> None:
        self._code = code

    def wait(self, _limit: float) -> int:
        return self._code

    def poll(self) -> int:
        return self._code


def begin_here(command: Sequence[str], **how: Any) -> subprocess.Popen[bytes] | Ended:
    """Begin a child; a command of Kickstand is run in this process, to its end, and so is one of the CDK."""
    if list(command[1:3]) != ["-m", "cli"] and not is_cdk(command):
        return subprocess.Popen(command, **how)
    with printed_to(how["stdout"], how["stdout"]):
        if is_cdk(command):
            return Ended(run_warm(command, cwd=how["cwd"], env=how["env"]))
        return Ended(run_here(command[3:], how["cwd"], how["env"]))


def read_until(run: BackgroundCommand, text: str) -> str:
    """What a run has printed up to the first line that holds a text."""
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


def test_a_killed_run_is_removed_by_the_next_which_is_green_and_leaves_nothing(folder: Path, programs: str) -> None:
    killed = start(folder, programs)
    read_until(killed, "Training stacks from nothing")
    wait_for_stack(folder, f"{NAME}-dev-training")
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()

    said = run_whole(folder).good().out
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
