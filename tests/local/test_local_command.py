"""`kickstand local …`, as typed."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sagemaker_world import make_world, wait_for
from typed_command import Typed, type_here
from warm_server import AWS, shared_python

from localcloud.cloud import LocalCloud

Client = Callable[..., Any]
Type = Callable[..., Typed]

PROJECT = """
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
num_round = 10
[environments.dev]
account = "111122223333"
region = "us-east-1"
[environments.staging]
account = "444455556666"
region = "eu-west-1"
"""


@pytest.fixture
def typed(cloud: LocalCloud, tmp_path: Path) -> Type:
    """Runs `kickstand local WORDS` on the shared cloud, or on the state folder that is given."""
    file = tmp_path / "kickstand.toml"
    file.write_text(PROJECT)

    def run(*words: str, state: Path = cloud.folder.root, answer: str = "") -> Typed:
        variables = {**os.environ, "KICKSTAND_LOCAL_STATE": str(state)}
        with patch.object(sys, "stdin", io.StringIO(answer)):
            return type_here(tmp_path, variables, "--config", file, "local", *words)

    return run


def test_env_points_a_shell_and_the_aws_command_at_the_cloud(typed: Type, cloud: LocalCloud) -> None:
    printed = typed("env", "staging")
    assert (printed.code, printed.err) == (0, "")
    aws = shlex.join([*shared_python(*AWS), "-m", "awscli"])
    program = f"{printed.out}\n{aws} sts get-caller-identity --query Arn --output text; echo $AWS_REGION $AWS_PROFILE"
    foreign = {**os.environ, "AWS_PROFILE": "real", "AWS_SESSION_TOKEN": "real", "AWS_ACCESS_KEY_ID": "AKIAREAL"}
    shell = subprocess.run(["sh", "-c", program], capture_output=True, text=True, env=foreign, check=True)
    assert shell.stdout.splitlines() == ["arn:aws:iam::444455556666:root", "eu-west-1"]


def test_start_of_a_running_cloud_says_where_it_is(typed: Type, cloud: LocalCloud) -> None:
    started = typed("start")
    assert started.code == 0
    assert started.out.splitlines()[0] == f"The local cloud answers at {cloud.url}"


def test_status_lists_what_there_is(typed: Type, cloud: LocalCloud, client: Client) -> None:
    client("s3").create_bucket(Bucket="shown-by-status")
    shown = typed("status")
    assert shown.code == 0
    assert f"running  {cloud.url}" in shown.out
    assert "account 111122223333" in shown.out
    assert "  us-east-1  bucket        shown-by-status" in shown.out


def test_a_spot_job_is_interrupted_by_its_name(typed: Type, client: Client) -> None:
    """Given a spot job that runs and a plain one; when asked; then the first starts over, and the second is refused."""
    world = make_world(client, f"spot-{uuid.uuid4().hex[:8]}")
    spot, plain = f"{world.bucket[:20]}-spot", f"{world.bucket[:20]}-plain"
    endless = {"num_round": "1000000", "objective": "reg:squarederror"}
    waiting = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600}
    world.sagemaker.create_training_job(
        **world.training_job(spot, HyperParameters=endless, EnableManagedSpotTraining=True, StoppingCondition=waiting)
    )
    world.sagemaker.create_training_job(**world.training_job(plain))

    def statuses() -> list[str]:
        job = world.sagemaker.describe_training_job(TrainingJobName=spot)
        return [transition["Status"] for transition in job["SecondaryStatusTransitions"]]

    wait_for(statuses, lambda found: "Training" in found, 30)
    done = typed("interrupt", spot)
    said = f"The instances of {spot} were taken away; it starts over.\n"
    assert (done.code, done.out, done.err) == (0, said, "")
    wait_for(statuses, lambda found: found.count("Training") == 2, 30)
    assert statuses().count("Interrupted") == 1
    refused = typed("interrupt", plain)
    assert refused.code == 2
    assert f"{plain}: It is not a managed spot training job: nothing interrupts it." in refused.err
    assert spot in refused.err
    world.sagemaker.stop_training_job(TrainingJobName=spot)
    assert world.wait_for_job(spot)["TrainingJobStatus"] == "Stopped"


@pytest.mark.parametrize(("words", "found"), [((), "none of them"), (("job", "--latest"), "both")])
def test_an_interruption_is_of_one_job(typed: Type, words: tuple[str, ...], found: str) -> None:
    refused = typed("interrupt", *words)
    assert (refused.code, f"Expected JOB or --latest, found {found}." in refused.err) == (2, True)


def test_logs_are_the_servers(typed: Type, cloud: LocalCloud) -> None:
    client_lines = typed("logs", "-n", "100000").out
    assert f"ready at {cloud.url}" in client_lines


def test_without_a_running_cloud(typed: Type, tmp_path: Path) -> None:
    state = tmp_path / "none"
    stopped = typed("stop", state=state)
    assert (stopped.code, stopped.out) == (0, "The local cloud was not running.\n")
    assert typed("status", state=state).out.splitlines()[0] == "not running"
    assert "The local cloud is not running." in typed("interrupt", "--latest", state=state).err
    refused = typed("env", state=state)
    assert (refused.code, refused.out) == (1, "")
    assert "The local cloud is not running." in refused.err
    assert "kickstand local start" in refused.err


def test_reset_asks_first(typed: Type, tmp_path: Path) -> None:
    state = tmp_path / "state"
    releases = LocalCloud(state).releases_folder("bikes")
    releases.mkdir(parents=True)
    assert typed("reset", state=state, answer="n\n").code == 1
    assert releases.exists()
    assert typed("reset", "--yes", state=state).code == 0
    assert not state.exists()


def test_an_unknown_environment_is_named(typed: Type) -> None:
    refused = typed("env", "production")
    assert refused.code == 2
    assert "There is no environment 'production'; the project has dev, staging." in refused.err
