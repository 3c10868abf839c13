"""A small review to begin a test with, and the parts of it that tests change."""

from __future__ import annotations

from typing import Any

from review.bundle import Bundle, ChangeSet
from review.reports import (
    CostReport,
    DriftedResource,
    DriftReport,
    Infrastructure,
    PolicyReport,
    PropertyChange,
    ResourceChange,
    StackChange,
    StackDrift,
)

ACCOUNT, REGION = "111122223333", "us-east-1"
PLACE = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}"


def model_change(**more: Any) -> ResourceChange:
    """Another artifact: the Model is replaced."""
    artifact = PropertyChange(
        name="PrimaryContainer",
        path="PrimaryContainer.ModelDataUrl",
        before="s3://b/models/1/model.tar.gz",
        after="s3://b/models/2/model.tar.gz",
        replaces="True",
    )
    fields = {"logical_id": "Model", "type": "AWS::SageMaker::Model", "action": "Modify", "replacement": "True"}
    return ResourceChange(**{**fields, "properties": (artifact,), **more})


def config_change(**more: Any) -> ResourceChange:
    """The config that names the replaced Model."""
    name = PropertyChange(
        name="ProductionVariants", path="ProductionVariants[AllTraffic].ModelName", replaces="True", via="Model"
    )
    fields = {"logical_id": "Config", "type": "AWS::SageMaker::EndpointConfig", "action": "Modify"}
    return ResourceChange(**{**fields, "replacement": "True", "properties": (name,), "because_of": ("Model",), **more})


def training(**more: Any) -> StackChange:
    fields = {"stack": "bikes-dev-training", "exists": True, "live_template_sha256": "t1", "template_sha256": "t1"}
    return StackChange(**{**fields, **more})


def hosting(**more: Any) -> StackChange:
    fields = {"stack": "bikes-dev-hosting", "exists": True, "live_template_sha256": "h1", "template_sha256": "h2"}
    return StackChange(**{**fields, "resources": (model_change(), config_change()), **more})


def change_set(stack: str, **more: Any) -> ChangeSet:
    arn = f"{PLACE}:changeSet/kickstand-0123/{stack}"
    return ChangeSet(**{"stack": stack, "arn": arn, "stack_arn": f"{PLACE}:stack/{stack}/1", **more})


def drifted(logical_id: str, *differences: str, status: str = "MODIFIED") -> DriftedResource:
    return DriftedResource(logical_id=logical_id, type="AWS::S3::BucketPolicy", status=status, differences=differences)


def drift(*resources: DriftedResource, stack: str = "bikes-dev-training") -> DriftReport:
    status = "DRIFTED" if resources else "IN_SYNC"
    found = StackDrift(stack=stack, status=status, resources=resources)
    return DriftReport(detected_at="2026-11-23T12:00:00Z", stacks=(found,), headlines=())


def bundle(**more: Any) -> Bundle:
    fields: dict[str, Any] = {
        "project": "bikes",
        "environment": "dev",
        "account": ACCOUNT,
        "region": REGION,
        "as_of": "2026-11-23",
        "assembly_sha256": "a1",
        "release_sha256": "r1",
        "versions": {"kickstand": "0.2.0"},
        "infrastructure": Infrastructure(stacks=(training(), hosting()), permissions=(), traffic="", headlines=()),
        "policy": PolicyReport(findings=(), acknowledged=(), rules_run={}, headlines=()),
        "model": None,
        "cost": CostReport(
            currency="USD",
            priced_on="2026-11-01",
            lines=(),
            before=0.0,
            after=0.0,
            unknown=(),
            assumptions=(),
            headlines=(),
        ),
        "drift": drift(),
    }
    return Bundle(**{**fields, **more})
