"""A small pair of stacks as the app would make them, for reviews to compare."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from samples import environment

from review.changes.resources import resource_changes
from review.changes.stacks import StackPair
from review.changes.template import StackScope
from review.infrastructure import infrastructure
from review.reports import Infrastructure, ResourceChange

ACCOUNT, REGION = "111122223333", "us-east-1"
STACK = "bikes-dev-hosting"
PLACE = StackScope(ACCOUNT, REGION, STACK)
MODELS = "arn:aws:s3:::bikes-models/models/*"

Template = dict[str, Any]
Edit = Callable[[dict[str, Any]], object]


def template() -> Template:
    """Bucket and its policy, role and its policy, log group, Model, EndpointConfig, Endpoint, alarm."""
    only_tls = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::bikes-models/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust["Condition"] = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    block = {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True}
    block["RestrictPublicBuckets"] = True
    properties: dict[str, dict[str, Any]] = {
        "Bucket": {"BucketName": "bikes-models", "PublicAccessBlockConfiguration": block},
        "BucketPolicy": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": [only_tls]}},
        "Role": {"AssumeRolePolicyDocument": {"Statement": [trust]}, "Description": "The endpoint"},
        "Policy": {
            "PolicyName": "hosting",
            "Roles": [{"Ref": "Role"}],
            "PolicyDocument": {
                "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [MODELS]}]
            },
        },
        "Log": {"LogGroupName": "/endpoint", "RetentionInDays": 30},
        "Model": {
            "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "EnableNetworkIsolation": True,
            "PrimaryContainer": {"Image": "image", "ModelDataUrl": "s3://bikes-models/models/1/model.tar.gz"},
        },
        "Config": {"ProductionVariants": [variant]},
        "Endpoint": {
            "EndpointName": "bikes-dev",
            "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
        },
        "Alarm": {"AlarmName": "bikes-dev-errors", "Threshold": 1},
    }
    types = {
        "Bucket": "S3::Bucket",
        "BucketPolicy": "S3::BucketPolicy",
        "Role": "IAM::Role",
        "Policy": "IAM::Policy",
        "Log": "Logs::LogGroup",
        "Model": "SageMaker::Model",
        "Config": "SageMaker::EndpointConfig",
        "Endpoint": "SageMaker::Endpoint",
        "Alarm": "CloudWatch::Alarm",
    }
    return {
        "Resources": {
            key: {"Type": f"AWS::{types[key]}", "Properties": copy.deepcopy(values)}
            for key, values in properties.items()
        },
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Model", "ModelName"]}}},
    }


def edited(edit: Edit) -> Template:
    """The template after an edit of its resources."""
    changed = template()
    edit(changed["Resources"])
    return changed


def both(*edits: Edit) -> Edit:
    """One edit after the other."""

    def edit(resources: dict[str, Any]) -> None:
        for one in edits:
            one(resources)

    return edit


def pair(live: Template | None, planned: Template | None, **tags: Any) -> StackPair:
    return StackPair(STACK, live, planned, **tags)


def changes(planned: Template, live: Template | None = None) -> dict[str, ResourceChange]:
    """By logical id, in their order."""
    found = resource_changes(pair(live or template(), planned), PLACE)
    return {change.logical_id: change for change in found}


def review(edit: Edit) -> Infrastructure:
    """The review of an edit of the deployed template."""
    return infrastructure([pair(template(), edited(edit))], environment())


def headlines(found: Infrastructure) -> list[tuple[str, str]]:
    return [(one.level, one.sentence) for one in found.headlines]
