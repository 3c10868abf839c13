"""Every IAM statement of every variant against AWS's service authorization reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import test_pipeline_stack as pipeline
from samples import environment
from service_authorization import access_level, problems, resource_types
from synthesis import KEY, PROD, STAGING_KEY, VARIANTS, synthesised

from acceptance.own_stacks import key_template, personas_template
from infra.policies.statement import bucket_grants, key_grant
from kickstand.config.model import Storage
from kickstand.names import Names

ON_EVERYTHING: Mapping[str, str] = {}
"""Actions that stand on `*` though the reference knows resources for them, each with its reason."""

DOCUMENTS = ("PolicyDocument", "AssumeRolePolicyDocument")
LOG_GROUP = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/Endpoints/bikes-dev"
BUCKET = "arn:aws:s3:::bikes-dev-111122223333-us-east-1"
PACKAGES = "arn:aws:sagemaker:us-east-1:111122223333:model-package/bikes-dev/*"
EC2 = "arn:aws:ec2:us-east-1:111122223333:"


def templates() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every template that a stack makes, with the name of its variant."""
    for variant in VARIANTS:
        yield variant, synthesised(variant).training
        if synthesised(variant).hosting:
            yield variant, synthesised(variant).hosting
    for variant in pipeline.VARIANTS:
        yield f"pipeline, {variant}", pipeline.template(variant)


def statements(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The statements of all policies of a template: managed, inline, of trust and of buckets."""
    for resource in template["Resources"].values():
        for document in DOCUMENTS:
            for statement in resource.get("Properties", {}).get(document, {}).get("Statement", ()):
                yield _resolved(statement, template)


def _resolved(statement: Mapping[str, Any], template: Mapping[str, Any]) -> dict[str, Any]:
    """A statement with an ARN in place of each reference to a resource of its template."""
    made = {
        "AWS::IAM::Role": "arn:aws:iam::111122223333:role/bikes-dev-role",
        "AWS::StepFunctions::StateMachine": "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev",
        "AWS::SNS::Topic": "arn:aws:sns:us-east-1:111122223333:bikes-dev-alerts",
        "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:111122223333:bikes-dev-not-started",
    }

    def arn(resource: Any) -> Any:
        if not isinstance(resource, dict):
            return resource
        logical_id = resource["Ref"] if "Ref" in resource else resource["Fn::GetAtt"][0]
        return made[template["Resources"][logical_id]["Type"]]

    named = statement.get("Resource")
    if named is None:
        return dict(statement)
    return {**statement, "Resource": [arn(one) for one in named] if isinstance(named, list) else arn(named)}


def test_no_statement_is_one_that_aws_would_never_match() -> None:
    found = {
        (statement.get("Sid", "trust"), problem): variant
        for variant, template in templates()
        for statement in statements(template)
        for problem in problems(statement, on_everything=ON_EVERYTHING)
    }
    # Dashboards have tags by their schema, whose read handler lists them; the reference does not know that yet.
    assert set(found) == {
        (
            "ReadDashboard",
            "cloudwatch:ListTagsForResource is checked against alarm, alarm-mute-rule, insight-rule, slo, and the "
            "statement names none",
        )
    }


def test_what_an_owner_is_given_to_grant_is_no_such_statement_either() -> None:
    source = environment(name="staging", account="444455556666", storage=Storage(kms_key_arn=STAGING_KEY))
    grants = [*bucket_grants(Names(source), Names(PROD)), key_grant(Names(PROD))]
    assert [problem for statement in grants for problem in problems(statement)] == []


def test_what_an_acceptance_run_makes_beside_the_stacks_is_no_such_statement_either() -> None:
    own = environment(storage=Storage(kms_key_arn=KEY))
    personas = personas_template(Names(own), "secret")["Resources"].values()
    documents = [
        document
        for role in (persona["Properties"] for persona in personas)
        for document in (role["AssumeRolePolicyDocument"], *(one["PolicyDocument"] for one in role["Policies"]))
    ]
    key = key_template(Names(own), Names(PROD))["Resources"]["Key"]["Properties"]["KeyPolicy"]
    made = [statement for document in (*documents, key) for statement in document["Statement"]]
    assert {statement["Effect"] for statement in made} == {"Allow", "Deny"}
    assert [problem for statement in made for problem in problems(statement)] == []


def test_all_kinds_of_policies_and_both_effects_are_looked_at() -> None:
    everything = [(variant, statement) for variant, template in templates() for statement in statements(template)]
    assert {statement["Effect"] for _, statement in everything} == {"Allow", "Deny"}
    assert {variant.partition(",")[0] for variant, _ in everything} == {*VARIANTS, "pipeline"}
    actions = {
        action
        for _, statement in everything
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }
    # One of each: of an execution role, a trust, a bucket, a key, a network, the drift, the pipeline.
    assert actions > {
        "cloudwatch:PutMetricData",
        "sts:AssumeRole",
        "sts:AssumeRoleWithWebIdentity",
        "s3:GetObjectAttributes",
        "kms:CreateGrant",
        "ec2:CreateNetworkInterface",
        "cloudformation:DetectStackDrift",
        "cloudformation:CreateChangeSet",
    }


def test_every_exception_is_needed() -> None:
    granted = {
        action
        for _, template in templates()
        for statement in statements(template)
        if statement.get("Resource") == "*"
        for action in statement["Action"]
        if resource_types(action)
    }
    assert set(ON_EVERYTHING) == granted


@pytest.mark.parametrize(
    ("actions", "resources", "condition", "found"),
    [
        (["s3:GetObjects"], [f"{BUCKET}/models/*"], {}, ["s3:GetObjects is no action"]),
        (["S3:GetObject"], [f"{BUCKET}/models/*"], {}, ["S3:GetObject is no action"]),
        (
            ["logs:DescribeIndexPolicies", "logs:GetDataProtectionPolicy", "logs:ListTagsForResource"],
            [LOG_GROUP, f"{LOG_GROUP}:*"],
            {},
            ["logs:DescribeIndexPolicies is checked against no resource: it is granted on * or not at all"],
        ),
        (
            ["sagemaker:ListModelPackages"],
            "*",
            {},
            ["sagemaker:ListModelPackages stands on *, and is checked against model-package"],
        ),
        (
            ["ec2:DeleteNetworkInterfacePermission", "ec2:DescribeSubnets"],
            "*",
            {},
            ["ec2:DeleteNetworkInterfacePermission stands on *, and is checked against network-interface"],
        ),
        (
            ["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"],
            [PACKAGES, PACKAGES.replace("package/bikes-dev/*", "package-group/bikes-dev")],
            {},
            [
                "arn:aws:sagemaker:us-east-1:111122223333:model-package-group/bikes-dev is of no type that "
                "sagemaker:UpdateModelPackage is checked against"
            ],
        ),
        (
            ["s3:ListBucket"],
            [f"{BUCKET}/models/*"],
            {},
            [
                "s3:ListBucket is checked against accesspoint, bucket, and the statement names none",
                f"{BUCKET}/models/* is of no type that s3:ListBucket is checked against",
            ],
        ),
        (
            ["s3:GetObject"],
            [BUCKET],
            {},
            [
                "s3:GetObject is checked against accesspointobject, object, and the statement names none",
                f"{BUCKET} is of no type that s3:GetObject is checked against",
            ],
        ),
        (
            ["ec2:CreateNetworkInterface"],
            [f"{EC2}network-interface/*"],
            {},
            ["ec2:CreateNetworkInterface is checked against subnet too, and the statement names none"],
        ),
        (
            ["logs:PutLogEvents"],
            [LOG_GROUP],
            {},
            [
                "logs:PutLogEvents is checked against log-stream, and the statement names none",
                f"{LOG_GROUP} is of no type that logs:PutLogEvents is checked against",
            ],
        ),
        (
            ["states:StopExecution"],
            ["arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev"],
            {},
            [
                "states:StopExecution is checked against execution, and the statement names none",
                "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev is of no type that "
                "states:StopExecution is checked against",
            ],
        ),
        (
            ["s3:GetObject"],
            [f"{BUCKET}/models/*"],
            {"StringLike": {"s3:prefix": "models/*"}},
            ["s3:prefix is no condition of s3:GetObject"],
        ),
        (
            ["kms:CreateGrant"],
            ["arn:aws:kms:us-east-1:111122223333:key/1"],
            {"StringEquals": {"kms:GrantIsForAWSResource": "true"}},
            ["kms:GrantIsForAWSResource holds Bool, which StringEquals does not compare"],
        ),
        (
            ["kms:DescribeKey", "kms:ListKeys"],
            ["arn:aws:kms:us-east-1:111122223333:key/*"],
            {"StringEquals": {"aws:ResourceTag/team": "rides"}},
            [
                "kms:ListKeys is checked against no resource: it is granted on * or not at all",
                "aws:ResourceTag/team is no condition of kms:ListKeys",
            ],
        ),
        (["s3:PutObject"], [f"{BUCKET}/models/*"], {"Null": {"s3:if-none-match": "false"}}, []),
        (["logs:DescribeLogStreams", "logs:PutLogEvents"], [f"{LOG_GROUP}:*"], {}, []),
    ],
)
def test_a_statement_that_cannot_match_is_found(
    actions: list[str], resources: list[str] | str, condition: dict[str, Any], found: list[str]
) -> None:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources, "Condition": condition}
    assert problems(statement) == found


def test_the_reference_is_read_as_it_is_published() -> None:
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    assert resource_types("s3:ListBucketVersions") == ("accesspoint", "bucket")
    assert resource_types("sagemaker:ListTrainingJobs") == ()
    assert (access_level("s3:GetObject"), access_level("s3:PutObject")) == ("Read", "Write")
