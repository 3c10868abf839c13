"""A project whose endpoint scales, deployed by `kickstand`: its count through updates, two steps, and its end."""

from __future__ import annotations

import re
import shlex
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fit_world import rows
from hosted_project import TOML, HostedProject, train
from printed_environment import printed_environment
from sagemaker_world import ACCOUNT, REGION, wait_for
from warm_server import AWS, shared_python

from localcloud.cloud import LocalCloud

SCALING = "[environments.dev.hosting.scaling]\nmaximum = {}\ninvocations_per_minute = 6000\nscale_in = false\n"
"""The few requests of a test would let instances go."""
TYPE = '[environments.dev.hosting]\ninstance_type = "{}"\n'
PAGE = Path(__file__).resolve().parents[2] / "docs" / "autoscaling.md"


class Scaled(HostedProject):
    """A project whose scaling is changed."""

    def write(self, *tables: str) -> None:
        name = f"s{self.folder.name[-8:]}".replace("_", "").lower()
        (self.folder / "kickstand.toml").write_text(
            TOML.format(name=name, account=ACCOUNT, region=REGION) + "".join(tables)
        )

    def variant(self) -> tuple[int, str]:
        """The wanted instances and their type."""
        sagemaker = self.client("sagemaker")
        shown = sagemaker.describe_endpoint(EndpointName=self.names.endpoint)
        config = sagemaker.describe_endpoint_config(EndpointConfigName=shown["EndpointConfigName"])
        (variant,), (made,) = shown["ProductionVariants"], config["ProductionVariants"]
        return variant["DesiredInstanceCount"], made["InstanceType"]

    def scale(self, count: int) -> None:
        """As Application Auto Scaling does it."""
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
        sagemaker = self.client("sagemaker")
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.names.endpoint, DesiredWeightsAndCapacities=wanted
        )
        wait_for(
            lambda: sagemaker.describe_endpoint(EndpointName=self.names.endpoint)["EndpointStatus"],
            lambda status: status == "InService",
            120,
        )

    def targets(self) -> list[tuple[int, int]]:
        found: list[dict[str, Any]] = self.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="sagemaker"
        )["ScalableTargets"]
        return [(one["MinCapacity"], one["MaxCapacity"]) for one in found]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scaled]:
    """Deployed by `kickstand` with one instance at least and three at most."""
    folder = tmp_path_factory.mktemp(f"s{uuid.uuid4().hex[:6]}")
    cloud = LocalCloud(folder / "state")
    cloud.start(port=0, time_factor=60)
    try:
        (folder / "train.csv").write_text(rows(200, 0))
        made = Scaled(folder, cloud)
        made.write(SCALING.format(3))
        made.type("deploy", "dev", "--yes").good()
        made.release(made.serving)
        made.type("deploy", "dev", "--yes").good()
        yield made
    finally:
        cloud.stop(discard=True)


@pytest.mark.contract("P02", "S36")
def test_a_new_model_keeps_the_instances_that_scaling_made(project: Scaled) -> None:
    assert (project.targets(), project.variant()) == ([(1, 3)], (1, "ml.m5.large"))
    project.scale(2)
    project.serving = train(31)
    project.release(project.serving)
    project.type("deploy", "dev", "--yes").good()
    assert project.variant() == (2, "ml.m5.large")
    assert project.who_answers() == {"released"}


def test_doctor_knows_the_largest_fleet_and_the_role(project: Scaled) -> None:
    done = project.type("doctor", "dev").good()
    said = " ".join(done.out.split())
    assert "ml.m5.large for endpoint usage: " in said
    assert "the environment takes 3" in said
    assert "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint is there." in said


@pytest.mark.contract("S40")
def test_another_instance_type_is_deployed_in_two_steps(project: Scaled) -> None:
    project.write(TYPE.format("ml.m5.xlarge"), SCALING.format(3))
    done = project.type("deploy", "dev", "--yes").good()
    said = [line for line in done.out.splitlines() if " step " in line or "in two steps" in line]
    stack = project.names.hosting_stack
    assert said == [
        f"{stack}: the instance type changes from ml.m5.large to ml.m5.xlarge while the endpoint scales, which "
        "SageMaker refuses. It is done in two steps.",
        f"{stack}: step 1 of 2, autoscaling is taken off; the endpoint keeps its instances",
        f"{stack}: step 2 of 2, ml.m5.xlarge, and autoscaling as the project file has it",
    ]
    page = PAGE.read_text(encoding="utf-8")
    assert [line.replace(stack, "bikes-prod-hosting") in page for line in said] == [True] * 3
    assert (project.variant(), project.targets()) == ((2, "ml.m5.xlarge"), [(1, 3)])


def test_a_larger_maximum_touches_no_instance(project: Scaled) -> None:
    config = project.config()
    project.write(TYPE.format("ml.m5.xlarge"), SCALING.format(4))
    project.type("deploy", "dev", "--yes").good()
    assert (project.config(), project.targets(), project.variant()[0]) == (config, [(1, 4)], 2)


def test_the_commands_of_the_page_run(project: Scaled) -> None:
    commands = re.findall(r"^    (aws .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1
    for command in commands:
        line = [*shared_python(*AWS), "-m", "awscli", *shlex.split(command)[1:]]
        subprocess.run(line, env=printed_environment(project.cloud), check=True, capture_output=True)
    for command in re.findall(r"^    kickstand (doctor|deploy) prod", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        project.type(command, "dev", *(["--yes"] if command == "deploy" else [])).good()


def test_instances_that_scaling_left_are_said_and_without_it_a_new_count_takes_effect(project: Scaled) -> None:
    """With the configuration as it was an update does not touch them."""
    project.write(TYPE.format("ml.m5.xlarge") + "instance_count = 3\n")
    project.type("deploy", "dev", "--yes").good()
    assert (project.targets(), project.variant()[0]) == ([], 3)
    project.scale(2)
    left = project.type("deploy", "dev", "--yes")
    assert left.code == 1
    assert "Expected 3 instances of AllTraffic, found 2." in left.err
    assert f"--endpoint-name {project.names.endpoint} --desired-weights-and-capacities" in " ".join(left.err.split())
    project.scale(3)
    project.write(TYPE.format("ml.m5.xlarge") + "instance_count = 1\n")
    project.type("deploy", "dev", "--yes").good()
    assert project.variant()[0] == 1


def test_destroy_takes_the_target_along_while_it_scales(project: Scaled) -> None:
    project.write(SCALING.format(3))
    project.type("deploy", "dev", "--yes").good()
    assert project.targets() == [(1, 3)]
    project.type("destroy", "dev", "--hosting", "--yes").good()
    assert project.targets() == []
    alarms = project.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    assert alarms == []
