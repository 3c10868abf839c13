"""Policy findings as values: what the CDK reports, what is accepted, and what a manager reads."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from samples import environment

from infra.policies.statement import wildcard_reason
from review.policy.assembly import logical_ids, reported_acknowledgements, reported_findings
from review.policy.report import apply_exceptions, policy_headlines
from review.reports import Acknowledged, Finding, Headline

STACKS = {"dev/training": "bikes-dev-training", "dev/hosting": "bikes-dev-hosting"}


def finding(rule: str, resource: str = "dev/training/Bucket", level: Any = "error", message: str = "") -> Finding:
    return Finding(
        source="guard",
        rule=rule,
        level=level,
        stack="bikes-dev-training",
        resource=resource,
        message=message or f"{rule} is broken.",
    )


def violation(rule: str, *paths: str, **more: Any) -> dict[str, Any]:
    constructs = [{"constructPath": path} for path in paths]
    told = {"ruleName": rule, "description": "It is so.", "severity": "error", "violatingConstructs": constructs}
    return {**told, **more}


def plugin(name: str, *violations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"pluginName": name, "conclusion": "failure", "violations": list(violations), **more}


def test_a_report_is_read_rule_by_rule_and_construct_by_construct() -> None:
    report = {
        "pluginReports": [
            plugin("AwsSolutions", violation("AwsSolutions-S1", "dev/training/A", "dev/training/B")),
            plugin(
                "cdk-validator-cfnguard",
                violation(
                    "KICKSTAND_MODEL_UNNAMED",
                    "dev/hosting/Model",
                    description="[KICKSTAND]: The model has a fixed name.",
                    suggestedFix="Leave ModelName out.",
                ),
            ),
            plugin("CloudFormation Validate", violation("E3012", "dev/hosting/Model", severity="warning")),
            plugin("Construct Annotations", violation("a remark", "dev/hosting/Model")),
        ]
    }
    found = reported_findings(report, STACKS)
    assert [(one.source, one.rule, one.level, one.stack, one.resource) for one in found] == [
        ("cdk-nag", "AwsSolutions-S1", "error", "bikes-dev-training", "dev/training/A"),
        ("cdk-nag", "AwsSolutions-S1", "error", "bikes-dev-training", "dev/training/B"),
        ("guard", "KICKSTAND-MODEL-UNNAMED", "error", "bikes-dev-hosting", "dev/hosting/Model"),
        ("cfn-lint", "E3012", "warning", "bikes-dev-hosting", "dev/hosting/Model"),
    ]
    assert (found[2].message, found[2].fix) == ("The model has a fixed name.", "Leave ModelName out.")
    assert found[0].fix == 'Fix it, or accept it with its reason: [policy_exceptions] "AwsSolutions-S1" = "…".'


def test_what_the_cdk_calls_fatal_is_cfn_lints_error() -> None:
    found = violation("F3006", severity="fatal")
    found["violatingConstructs"] = [
        {"constructPath": "dev/training/Group", "cloudFormationResource": {"logicalId": "Group1"}}
    ]
    report = {"pluginReports": [plugin("CloudFormation Validate", found)]}
    assert [(one.rule, one.level) for one in reported_findings(report, STACKS)] == [("E3006", "error")]
    assert logical_ids(report) == {"dev/training/Group": "Group1"}


def test_an_acknowledged_finding_stands_once_for_a_reason() -> None:
    accepted = [
        violation("AwsSolutions-SF2", path, reason="One task.", acknowledgedAt=path)
        for path in ("dev/training/Second", "dev/training/First")
    ]
    report = {"pluginReports": [plugin("AwsSolutions", suppressedViolations=accepted)]}
    assert reported_acknowledgements(report) == (
        Acknowledged(
            rule="AwsSolutions-SF2",
            reason="One task.",
            where="dev/training/First, dev/training/Second",
            resources=("dev/training/First", "dev/training/Second"),
        ),
    )


def test_an_exception_accepts_its_rule_and_a_useless_one_is_a_warning() -> None:
    settings = environment(
        policy_exceptions={"AwsSolutions-S1": "CloudTrail has it.", "KICKSTAND-KEY-LOGS": "No customers."},
        lines={"": "kickstand.toml", "policy_exceptions.AwsSolutions-S1": "kickstand.toml:41"},
    )
    kept, accepted = apply_exceptions(
        [finding("AwsSolutions-S1"), finding("AwsSolutions-S10"), finding("AwsSolutions-S1", "dev/training/Other")],
        settings,
    )
    assert [(one.rule, one.level) for one in kept] == [("AwsSolutions-S10", "error"), ("KICKSTAND-KEY-LOGS", "warning")]
    assert kept[1].message == "The exception for KICKSTAND-KEY-LOGS accepts nothing: no finding has that rule."
    assert accepted == (
        Acknowledged(
            rule="AwsSolutions-S1",
            reason="CloudTrail has it.",
            where="kickstand.toml:41",
            resources=("dev/training/Bucket", "dev/training/Other"),
        ),
    )


def test_headlines_say_a_public_bucket_in_words() -> None:
    public = "The bucket can be made public."
    found = policy_headlines(
        [
            finding("KICKSTAND-BUCKET-PUBLIC-ACCESS-BLOCKED", message=public),
            *(finding(f"AwsSolutions-IAM5[Resource::{n}]", f"dev/training/{n}", message="A wildcard.") for n in "abcd"),
            finding("W1", level="warning"),
        ],
        [],
    )
    assert found == (
        Headline(
            level="danger",
            sentence="A wildcard. (AwsSolutions-IAM5: dev/training/a, dev/training/b, dev/training/c and 1 more)",
        ),
        Headline(
            level="danger",
            sentence="The bucket can be made public. (KICKSTAND-BUCKET-PUBLIC-ACCESS-BLOCKED: dev/training/Bucket)",
        ),
        Headline(level="warning", sentence="1 policy warning."),
    )


def test_headlines_without_findings() -> None:
    accepted = [Acknowledged(rule="R", reason="why", where="here", resources=("x",))]
    assert policy_headlines([], []) == (Headline(level="note", sentence="No policy findings."),)
    assert policy_headlines([], accepted) == (
        Headline(level="note", sentence="No policy findings; 1 finding accepted with its reason."),
    )


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::bikes-dev-111122223333-us-east-1/models/*",
        "arn:aws-cn:states:cn-north-1:111122223333:execution:bikes-dev-training:*",
        "arn:aws:sagemaker:us-east-1:111122223333:training-job/bikes-dev-*",
        "arn:aws:cloudformation:us-east-1:111122223333:stack/bikes-dev-training/*",
        "arn:aws:ec2:us-east-1:*:subnet/subnet-0123456789abcdef0",
    ],
)
def test_a_wildcard_for_a_name_that_is_not_known_yet_has_a_reason(arn: str) -> None:
    assert len(wildcard_reason(arn)) > 20


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::bikes-dev-111122223333-us-east-1/*",
        "arn:aws:s3:::*",
        "arn:aws:sagemaker:us-east-1:111122223333:endpoint/*",
        "arn:aws:sagemaker:us-east-1:*:training-job/bikes-dev-*",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:kms:us-east-1:111122223333:alias/*",
        "arn:aws:ec2:us-east-1:111122223333:subnet/*",
        "arn:aws:ec2:us-east-1:*:subnet/*",
        "arn:aws:s3:::bucket/models/one.tar.gz",
    ],
)
def test_any_other_wildcard_has_none(arn: str) -> None:
    assert wildcard_reason(arn) == ""


def test_a_report_loads_no_cdk() -> None:
    """It would start a process of Node.js in the process of each review, beside the one that synthesises."""
    program = "import sys, review.policy.report; sys.exit('aws_cdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
