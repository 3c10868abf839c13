"""What CloudFormation's own schemas say that reading and deleting our resources takes, against who is granted it.

Drift is detected with the permissions of whoever asks: CloudFormation runs the `read` handler of each resource's type
with them. The schemas are AWS's, as cfn-lint ships them
(https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html, handlers).
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import test_pipeline_stack as pipeline
from aws_cdk.assertions import Template
from samples import environment
from service_authorization import access_level, is_action, resource_types
from synthesis import VARIANTS, Synthesised, synthesised

from infra.constructs.alarms import AlertTopic
from kickstand.names import Names
from localcloud.ministack.cloudformation.permissions.actions import own_service
from localcloud.ministack.cloudformation.permissions.arns import ARNS, ON_EVERYTHING

SCHEMAS = Path(str(distribution("cfn-lint").locate_file("cfnlint/data/schemas")))

NOT_GRANTED: Mapping[tuple[str, str], str] = {
    ("AWS::Events::Rule", "iam:PassRole"): "a role is passed where a target is put; who reads passes none",
    (
        "AWS::StepFunctions::StateMachine",
        "kms:Decrypt",
    ): "for a definition under a key of one's own, which ours are not",
}
"""What a read handler's list has and no reviewer needs, each with its reason."""

STACKS = ("training", "hosting")


def handler(kind: str, name: str) -> list[str]:
    """The permissions of a resource type's handler; none where the type has no schema of its own making."""
    types: dict[str, str] = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    schema = json.loads((SCHEMAS / "resources" / f"{types[kind]}.json").read_text())
    found: list[str] = schema.get("handlers", {}).get(name, {}).get("permissions", [])
    return found


def arns(made: Synthesised, stack: str, names: Names) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each resource of a stack: its type, and its ARN as policies may write it."""
    template = getattr(made, stack)
    _, partition, *_, account, _ = names.arn("iam", "").split(":")
    for logical_id, resource in template.get("Resources", {}).items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        # Of 64 characters CloudFormation gives the stack's name and the logical id 24 each, at least.
        generated = f"{names.prefix}-{stack}"[:24] + f"-{logical_id[:24]}-1A2B3C4D5E6F"
        written: dict[str, tuple[str, ...]] = {
            "AWS::S3::Bucket": (f"arn:{partition}:s3:::{properties.get('BucketName')}",),
            "AWS::S3::BucketPolicy": (f"arn:{partition}:s3:::{properties.get('Bucket')}",),
            "AWS::IAM::Role": (f"arn:{partition}:iam::{account}:role/{properties.get('RoleName', generated)}",),
            "AWS::IAM::ManagedPolicy": (
                f"arn:{partition}:iam::{account}:policy/{properties.get('ManagedPolicyName')}",
            ),
            "AWS::IAM::Policy": (f"arn:{partition}:iam::{account}:role/{generated}",),
            "AWS::Logs::LogGroup": tuple(
                names.arn("logs", f"log-group:{properties.get('LogGroupName')}{end}") for end in ("", ":*")
            ),
            "AWS::SageMaker::Endpoint": (names.arn("sagemaker", f"endpoint/{properties.get('EndpointName')}"),),
            "AWS::SageMaker::EndpointConfig": (names.arn("sagemaker", "endpoint-config/endpointconfig-a1b2c3"),),
            "AWS::SageMaker::Model": (names.arn("sagemaker", "model/model-a1b2c3"),),
            "AWS::SageMaker::ModelPackageGroup": (
                names.arn("sagemaker", f"model-package-group/{properties.get('ModelPackageGroupName')}"),
            ),
            "AWS::StepFunctions::StateMachine": (
                names.arn("states", f"stateMachine:{properties.get('StateMachineName')}"),
            ),
            "AWS::Scheduler::Schedule": (names.arn("scheduler", f"schedule/default/{properties.get('Name')}"),),
            "AWS::Events::Rule": (names.arn("events", f"rule/{properties.get('Name')}"),),
            "AWS::CloudWatch::Alarm": (names.arn("cloudwatch", f"alarm:{properties.get('AlarmName')}"),),
            "AWS::CloudWatch::Dashboard": (f"arn:{partition}:cloudwatch::{account}:dashboard/{names.dashboard}",),
            "AWS::SNS::Topic": (names.arn("sns", str(properties.get("TopicName"))),),
            "AWS::SNS::TopicPolicy": (names.arn("sns", names.alert_topic),),
            "AWS::SNS::Subscription": (names.arn("sns", f"{names.alert_topic}:1a2b3c4d"),),
            "AWS::SQS::Queue": (names.arn("sqs", str(properties.get("QueueName"))),),
            "AWS::SQS::QueuePolicy": (names.arn("sqs", names.dead_letter_queue),),
            **dict.fromkeys(
                ("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"),
                (names.arn("application-autoscaling", "scalable-target/0ec51234a5b6c7d8"),),
            ),
            "AWS::KMS::Key": (names.arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),),
        }
        yield kind, written[kind]


def grants(statements: list[dict[str, Any]], action: str, spellings: tuple[str, ...]) -> bool:
    """Whether one of some statements allows an action on a resource, however its ARN is spelt.

    What IAM checks against no resource is allowed on `*` alone.
    """
    if not resource_types(action):
        spellings = ("*",)
    return any(
        action in statement["Action"]
        and any(
            re.fullmatch(re.escape(resource).replace(r"\*", ".*"), arn)
            for resource in (statement["Resource"] if isinstance(statement["Resource"], list) else ["*"])
            for arn in spellings
        )
        for statement in statements
    )


def ungranted(made: Synthesised, names: Names, statements: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Type and action of what reading the resources of both stacks takes and the statements do not allow."""
    return {
        (kind, action)
        for stack in STACKS
        for kind, spellings in arns(made, stack, names)
        for action in handler(kind, "read")
        if not grants(statements, action, spellings)
    }


def policies(resources: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    found = [one["Properties"] for one in resources if one["Properties"].get("ManagedPolicyName") in names]
    assert len(found) == len(names)
    return [statement for one in found for statement in one["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("variant", VARIANTS)
def test_reviewer_and_drift_read_all_that_detecting_drift_reads(variant: str) -> None:
    made, names = synthesised(variant), Names(VARIANTS[variant][0])
    reading = policies(made.all_resources(), names.managed_policy("reviewer"), names.managed_policy("drift"))
    assert ungranted(made, names, reading) <= set(NOT_GRANTED)


def test_the_review_role_of_the_pipeline_reads_as_much() -> None:
    settings = pipeline.VARIANTS["plain"]
    made, names = synthesised("staging"), Names(settings)
    assert names.prefix == "bikes-staging"
    reading = policies(
        pipeline.resources("plain", "AWS::IAM::ManagedPolicy"),
        names.managed_policy("pipeline-review"),
        names.managed_policy("pipeline-drift"),
    )
    assert ungranted(made, names, reading) <= set(NOT_GRANTED)


def test_nothing_but_the_exceptions_is_missing_where_everything_is_made() -> None:
    made, names = synthesised("everything"), Names(VARIANTS["everything"][0])
    reading = policies(made.all_resources(), names.managed_policy("reviewer"), names.managed_policy("drift"))
    assert ungranted(made, names, reading) == set(NOT_GRANTED)
    machines = made.resources("AWS::StepFunctions::StateMachine")
    assert machines and all("EncryptionConfiguration" not in machine["Properties"] for machine in machines)


def test_a_policy_without_the_statements_that_never_matched_is_found_wanting() -> None:
    made, names = synthesised("plain"), Names(VARIANTS["plain"][0])
    reading = policies(made.all_resources(), names.managed_policy("reviewer"), names.managed_policy("drift"))
    groups = names.arn("logs", "log-group:*")
    before = [
        {**one, "Resource": [groups]} if "logs:DescribeIndexPolicies" in one["Action"] else one for one in reading
    ]
    before = [{**one, "Action": [a for a in one["Action"] if a != "s3:GetBucketAbac"]} for one in before]
    assert ungranted(made, names, before) - set(NOT_GRANTED) == {
        ("AWS::Logs::LogGroup", "logs:DescribeIndexPolicies"),
        ("AWS::Logs::LogGroup", "logs:DescribeLogGroups"),
        ("AWS::Logs::LogGroup", "logs:DescribeResourcePolicies"),
        ("AWS::S3::Bucket", "s3:GetBucketAbac"),
    }


@pytest.mark.parametrize("variant", ["prod", "everything", "longest names"])
def test_of_all_keys_the_one_of_alerts_is_read(variant: str) -> None:
    made, names = synthesised(variant), Names(VARIANTS[variant][0])
    reading = policies(made.all_resources(), names.managed_policy("reviewer"), names.managed_policy("drift"))
    (rule,) = [one for one in reading if "kms:GetKeyRotationStatus" in one["Action"]]
    assert rule["Resource"] == [names.arn("kms", "key/*")]
    assert rule["Condition"] == {"StringEquals": {"aws:ResourceTag/kickstand:alerts": names.prefix}}
    (key,) = made.resources("AWS::KMS::Key")
    assert {"Key": "kickstand:alerts", "Value": names.prefix} in key["Properties"]["Tags"]


def test_the_pipeline_reads_the_same_key() -> None:
    (rule,) = [
        statement
        for policy in pipeline.resources("everything", "AWS::IAM::ManagedPolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "kms:GetKeyRotationStatus" in statement["Action"]
    ]
    names = Names(pipeline.VARIANTS["everything"])
    assert rule["Condition"] == {"StringEquals": {"aws:ResourceTag/kickstand:alerts": names.prefix}}


def test_a_tag_of_the_projects_own_by_that_name_does_not_hide_the_key() -> None:
    stack = cdk.Stack(cdk.App(), "stack")
    AlertTopic(stack, "Alerts", names=Names(environment()), emails=["team@example.com"])
    cdk.Tags.of(stack).add("kickstand:alerts", "ours")
    (key,) = Template.from_stack(stack).find_resources("AWS::KMS::Key").values()
    assert key["Properties"]["Tags"] == [{"Key": "kickstand:alerts", "Value": "bikes-dev"}]


@pytest.mark.parametrize("variant", VARIANTS)
def test_nobody_but_the_role_of_the_cdk_deletes_a_resource(variant: str) -> None:
    made = synthesised(variant)
    deleting = {
        action
        for resource in made.all_resources()
        for action in handler(resource["Type"], "delete")
        # The schema of rules lists iam:PassRole everywhere; it deletes nothing, and triggers pass their jobs' role.
        if access_level(action) not in ("List", "Read") and action != "iam:PassRole"
    }
    assert deleting >= {"sagemaker:DeleteModelPackageGroup", "states:DeleteStateMachine"}
    granted = {
        action
        for resource in made.all_resources()
        for document in ("PolicyDocument", "AssumeRolePolicyDocument")
        for statement in resource["Properties"].get(document, {}).get("Statement", ())
        if statement["Effect"] == "Allow"
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }
    assert granted & deleting == set()


def test_the_local_cloud_knows_what_iam_checks_against_no_resource() -> None:
    without = {
        action
        for kind in (*ARNS, "AWS::SNS::Subscription")
        for verb in ("create", "read", "update", "delete")
        for action in handler(kind, verb)
        if action.startswith(f"{own_service(kind)}:") and is_action(action) and not resource_types(action)
    }
    assert without == ON_EVERYTHING


@pytest.mark.contract("K21")
def test_the_cdks_endpoint_has_each_property_of_awss_schema() -> None:
    """L1 constructs are made of a specification of their own; the guardrail is nowhere else in the CDK."""
    from aws_cdk import aws_sagemaker

    types: dict[str, str] = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    schema = json.loads((SCHEMAS / "resources" / f"{types['AWS::SageMaker::Endpoint']}.json").read_text())
    endpoint: Any = aws_sagemaker.CfnEndpoint
    given = {name: definition["properties"] for name, definition in schema["definitions"].items() if name != "Tag"}
    made = {name: getattr(endpoint, f"{name}Property") for name in given}
    given[""] = {name: one for name, one in schema["properties"].items() if name != "EndpointArn"}
    made[""] = endpoint
    assert {"DeploymentConfig", "RollingUpdatePolicy", "AutoRollbackConfig", "VariantProperty"} < set(made)
    for name, properties in given.items():
        parameters = set(inspect.signature(made[name].__init__).parameters) - {"self", "scope", "id"}
        assert {each.replace("_", "") for each in parameters} == {each.lower() for each in properties}, name
