"""Resource types and names in words that a person uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kickstand.resource_schema import resource_schema

_KINDS = {
    "AWS::SageMaker::EndpointConfig": "endpoint configuration",
    "AWS::SageMaker::ModelPackageGroup": "model package group",
    "AWS::IAM::Role": "role",
    "AWS::IAM::Policy": "policy",
    "AWS::IAM::ManagedPolicy": "managed policy",
    "AWS::IAM::OIDCProvider": "OIDC provider",
    "AWS::ApplicationAutoScaling::ScalableTarget": "scalable target",
    "AWS::KMS::Key": "encryption key",
    "AWS::Lambda::Permission": "function's permission",
    "AWS::Events::Rule": "event rule",
}

STATEFUL = {
    "AWS::S3::Bucket": "the data, models and evidence in it",
    "AWS::SageMaker::ModelPackageGroup": "the record of approved models",
    "AWS::Logs::LogGroup": "the logs",
    "AWS::KMS::Key": "everything encrypted with it",
    "AWS::DynamoDB::Table": "its rows",
}
"""Types that hold what cannot be made again, and what is lost with one."""


def kind(type_name: str) -> str:
    """`endpoint configuration` for `AWS::SageMaker::EndpointConfig`."""
    last = type_name.rpartition("::")[2]
    return _KINDS.get(type_name, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", last).lower())


def own_name(resource: Mapping[str, Any], region: str) -> str:
    """The name that the template gives a resource; empty where AWS makes one."""
    schema = resource_schema(region, str(resource.get("Type", "")))
    properties = resource.get("Properties") or {}
    found = properties.get(schema.name_property or "PolicyName")
    return found if isinstance(found, str) else ""


def known_as(resource: Mapping[str, Any], region: str) -> str:
    """The physical name, else the construct's path; empty where a template has neither."""
    path = (resource.get("Metadata") or {}).get("aws:cdk:path", "")
    return own_name(resource, region) or str(path).removesuffix("/Resource")


def called(logical_id: str, resource: Mapping[str, Any], region: str) -> str:
    """`endpoint bikes-prod`; by its logical id where it has no name: `model Model2AD80A05`."""
    return f"{kind(str(resource.get('Type', '')))} {own_name(resource, region) or logical_id}"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
