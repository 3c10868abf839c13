"""The stacks of a cloud assembly beside those that are deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from kickstand.config.model import Hosting
from kickstand.config.operation import Update
from kickstand.errors import InputError, KickstandError
from kickstand.names import Names
from review.changes.stacks import StackPair, read_pairs

NAMES = Names(environment())
A, B = {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}, {"Resources": {"B": {"Type": "AWS::SNS::Topic"}}}


class CloudFormation:
    """Answers as CloudFormation does; stacks: name to (status, template)."""

    def __init__(self, **stacks: tuple[str, Any]) -> None:
        self._stacks = {name.replace("_", "-"): stack for name, stack in stacks.items()}
        self.refused, self.minutes = "", 0

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.refused:
            raise ClientError({"Error": {"Code": self.refused, "Message": "no"}}, "DescribeStacks")
        if StackName not in self._stacks:
            told = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": told}}, "DescribeStacks")
        described = {"StackStatus": self._stacks[StackName][0], "Tags": [{"Key": "team", "Value": "a"}]}
        watched = {"RollbackConfiguration": {"MonitoringTimeInMinutes": self.minutes}} if self.minutes else {}
        return {"Stacks": [described | watched]}

    def get_template(self, StackName: str, TemplateStage: str) -> dict[str, Any]:  # noqa: N803
        assert TemplateStage == "Original"
        return {"TemplateBody": self._stacks[StackName][1]}


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """As the CDK writes it: the stage's stacks in a nested assembly, hosting named first and waiting for training."""
    nested = tmp_path / "assembly-dev"
    nested.mkdir()
    (nested / "a.json").write_text(json.dumps(A))
    (nested / "b.json").write_text(json.dumps(B))

    def stack(file: str, name: str, *needs: str) -> dict[str, Any]:
        properties = {"templateFile": file, "stackName": name, "tags": {"team": "b"}}
        return {"type": "aws:cloudformation:stack", "properties": properties, "dependencies": list(needs)}

    artifacts = {
        "hosting": stack("b.json", NAMES.hosting_stack, "training", "hosting.assets"),
        "hosting.assets": {"type": "cdk:asset-manifest"},
        "training": stack("a.json", NAMES.training_stack),
    }
    (nested / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    outer = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-dev"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"assembly-dev": outer}}))
    return tmp_path


def test_in_the_order_of_deployment(assembly: Path) -> None:
    cloudformation = CloudFormation(bikes_dev_training=("UPDATE_COMPLETE", json.dumps(B)))
    assert read_pairs(cloudformation, assembly, NAMES) == (  # type: ignore[arg-type]
        StackPair(NAMES.training_stack, B, A, {"team": "a"}, {"team": "b"}),
        StackPair(NAMES.hosting_stack, None, B, {}, {"team": "b"}),
    )


def test_how_long_cloudformation_watches_the_hosting_stack(assembly: Path) -> None:
    """After its last update, as CloudFormation says, and after the next one, as the project file says."""
    cloudformation = CloudFormation(bikes_dev_training=("UPDATE_COMPLETE", A), bikes_dev_hosting=("UPDATE_COMPLETE", B))
    cloudformation.minutes = 7
    names = Names(environment(hosting=Hosting(update=Update(monitoring_minutes=3))))
    pairs = read_pairs(cloudformation, assembly, names)  # type: ignore[arg-type]
    assert [(pair.live_minutes, pair.planned_minutes) for pair in pairs] == [(7, 0), (7, 3)]
    del cloudformation._stacks[names.hosting_stack]
    assert read_pairs(cloudformation, assembly, names)[1].planned_minutes == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_a_stack_without_resources_is_not_deployed(assembly: Path, status: str) -> None:
    cloudformation = CloudFormation(bikes_dev_training=(status, A))
    assert [pair.live for pair in read_pairs(cloudformation, assembly, NAMES)] == [None, None]  # type: ignore[arg-type]


def test_a_deployed_stack_that_the_assembly_lacks_is_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"artifacts": {}}')
    cloudformation = CloudFormation(bikes_dev_hosting=("CREATE_COMPLETE", B))
    assert read_pairs(cloudformation, tmp_path, NAMES) == (StackPair(NAMES.hosting_stack, B, None, {"team": "a"}),)  # type: ignore[arg-type]


def test_no_assembly(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no cloud assembly"):
        read_pairs(CloudFormation(), tmp_path, NAMES)  # type: ignore[arg-type]


def test_aws_refuses_to_tell(assembly: Path) -> None:
    cloudformation = CloudFormation()
    cloudformation.refused = "AccessDenied"
    with pytest.raises(KickstandError, match="bikes-dev-training"):
        read_pairs(cloudformation, assembly, NAMES)  # type: ignore[arg-type]
