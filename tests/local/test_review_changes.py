"""What a review says of a deployment is CloudFormation's change set for it, by the comparison that `deploy` makes."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client, World, make_world, wait_for
from samples import environment

from kickstand.names import Names
from review.change_set_content import content_differences
from review.changes.resources import stack_change
from review.changes.stacks import StackPair, read_pairs
from review.changes.template import StackScope
from review.reports import StackChange

Template = dict[str, Any]


@dataclass(frozen=True)
class Deployed:
    """A stack that is deployed, and change sets of it that are only looked at."""

    cloudformation: Any
    stack: str
    template: Template
    tags: Mapping[str, str] = field(default_factory=lambda: {"team": "rides"})

    def deploy(self) -> None:
        tags = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        self.cloudformation.create_stack(
            StackName=self.stack,
            TemplateBody=json.dumps(self.template),
            Tags=tags,
            Capabilities=["CAPABILITY_IAM"],
        )
        shown = wait_for(
            lambda: self.cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0],
            lambda stack: not stack["StackStatus"].endswith("_IN_PROGRESS"),
            60,
        )
        events = self.cloudformation.describe_stack_events(StackName=self.stack)["StackEvents"]
        assert shown["StackStatus"] == "CREATE_COMPLETE", [event.get("ResourceStatusReason") for event in events]

    def listed(self, planned: Template, tags: Mapping[str, str], kind: str = "UPDATE") -> list[dict[str, Any]]:
        """`Changes` of a new change set."""
        name = f"c{uuid.uuid4().hex[:8]}"
        self.cloudformation.create_change_set(
            StackName=self.stack,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=json.dumps(planned),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        changes: list[dict[str, Any]] = self.cloudformation.describe_change_set(
            StackName=self.stack, ChangeSetName=name
        )["Changes"]
        return changes

    def reviewed(self, planned: Template, tags: Mapping[str, str], folder: Path) -> StackChange:
        """By the whole way: the assembly read from disk, the live stack from CloudFormation."""
        return stack_change(self.pair(planned, tags, folder), StackScope(ACCOUNT, REGION, self.stack))

    def pair(self, planned: Template, tags: Mapping[str, str], folder: Path) -> StackPair:
        (folder / "t.json").write_text(json.dumps(planned))
        properties = {"templateFile": "t.json", "stackName": self.stack, "tags": dict(tags)}
        artifact = {"type": "aws:cloudformation:stack", "properties": properties}
        (folder / "manifest.json").write_text(json.dumps({"artifacts": {"hosting": artifact}}))
        names = Names(environment(project=self.stack.removesuffix("-dev-hosting")))
        (pair,) = read_pairs(self.cloudformation, folder, names)
        return pair


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"changes-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def deployed(world: World) -> Deployed:
    """A small stack of hosting, and a bucket with what refers to it."""
    name = f"review-{uuid.uuid4().hex[:8]}-dev-hosting"
    found = Deployed(world.client("cloudformation"), name, template(world, name, world.artifact()))
    found.deploy()
    return found


def template(world: World, name: str, artifact: str) -> Template:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1,
    }
    objects = {"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/*"]]}
    statement = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": objects}
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": objects}
    denied["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"{name}-bucket"}},
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": [denied]}},
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Statement": [trust]}, "Description": "reads"},
        },
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": f"{name}-reading",
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            },
        },
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/{name}", "RetentionInDays": 30}},
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ExecutionRoleArn": world.role,
                "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": artifact},
                "Tags": [{"Key": "cost", "Value": "1"}],
            },
            "DependsOn": ["Policy"],
        },
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": name,
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
            },
            "DependsOn": ["Log"],
        },
    }
    return {"Resources": resources}


def _properties(template: Template, logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][logical_id]["Properties"]
    return found


def _new_model(t: Template) -> None:
    _properties(t, "Model")["PrimaryContainer"]["ModelDataUrl"] = "s3://other/model.tar.gz"


def _instance_type(t: Template) -> None:
    _properties(t, "Config")["ProductionVariants"][0]["InstanceType"] = "ml.c5.large"


def _own_tags(t: Template) -> None:
    _properties(t, "Model")["Tags"] = [{"Key": "cost", "Value": "2"}]


def _bucket_in_place(t: Template) -> None:
    _properties(t, "Bucket")["VersioningConfiguration"] = {"Status": "Enabled"}


def _bucket_renamed(t: Template) -> None:
    _properties(t, "Bucket")["BucketName"] += "-2"


def _several(t: Template) -> None:
    _instance_type(t)
    _own_tags(t)
    _properties(t, "Log")["RetentionInDays"] = 90
    t["Resources"]["Log"]["DeletionPolicy"] = "Retain"
    t["Resources"]["Role"]["Metadata"] = {"aws:cdk:path": "a/b"}
    t["Resources"]["Endpoint"]["DependsOn"] = []
    del t["Resources"]["BucketPolicy"]
    t["Resources"]["Log2"] = {"Type": "AWS::Logs::LogGroup"}


def _nothing(t: Template) -> None:
    """Written otherwise, and the same."""
    name = _properties(t, "Policy")["PolicyName"]
    _properties(t, "Policy")["PolicyName"] = {"Fn::Join": ["-", name.split("-")]}


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        (_new_model, ["Config", "Endpoint", "Model"]),
        (_instance_type, ["Config", "Endpoint"]),
        (_own_tags, ["Config", "Endpoint", "Model"]),
        (_bucket_in_place, ["Bucket", "BucketPolicy", "Policy"]),
        (_bucket_renamed, ["Bucket", "BucketPolicy", "Policy"]),
        (_several, ["BucketPolicy", "Config", "Endpoint", "Log", "Log2", "Model", "Role"]),
        (_nothing, []),
    ],
)
def test_a_change_set_has_the_content_of_the_review(
    deployed: Deployed, tmp_path: Path, change: Callable[[Template], None], moved: list[str]
) -> None:
    planned = copy.deepcopy(deployed.template)
    change(planned)

    review = deployed.reviewed(planned, deployed.tags, tmp_path)
    listed = deployed.listed(planned, deployed.tags)

    assert sorted(one.logical_id for one in review.resources) == moved
    assert sorted(one["ResourceChange"]["LogicalResourceId"] for one in listed) == moved
    assert content_differences(review, listed) == ()


def test_other_tags_of_the_stack_reach_all_its_resources(deployed: Deployed, tmp_path: Path) -> None:
    tags = {"team": "walks"}
    review = deployed.reviewed(deployed.template, tags, tmp_path)
    assert {
        (one.action, one.replacement, tuple((change.name, change.replaces) for change in one.properties))
        for one in review.resources
    } == {("Modify", "False", (("Tags", "False"),))}
    assert len(review.resources) == len(deployed.template["Resources"])
    assert content_differences(review, deployed.listed(deployed.template, tags)) == ()


def test_a_first_deployment_adds_all(world: World, tmp_path: Path) -> None:
    new = Deployed(world.client("cloudformation"), f"first-{uuid.uuid4().hex[:8]}-dev-hosting", {})
    planned = template(world, new.stack, "s3://b/model.tar.gz")

    review = new.reviewed(planned, {}, tmp_path)
    listed = new.listed(planned, {}, kind="CREATE")

    assert {one.action for one in review.resources} == {"Add"} and len(review.resources) == 8
    assert content_differences(review, listed) == ()
    # The change set left a stack that is only reviewed: still nothing is deployed.
    assert new.pair(planned, {}, tmp_path).live is None
    new.cloudformation.delete_stack(StackName=new.stack)
