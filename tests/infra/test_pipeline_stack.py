"""Whom an account lets in from GitHub, and what they may do."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from samples import environment
from synthesis import BOUNDARY, KEY, ROOT, STAGING

from infra.stacks.environment_stage import PipelineStage, environment_stage
from kickstand.aws.github_oidc import Repository
from kickstand.config.model import Bootstrap, Environment, Project, Roles, Storage
from kickstand.config.operation import Alerts
from kickstand.config.promotion import Pipeline
from kickstand.names import Names

REPOSITORY = "rides/bikes"
ISSUER = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::444455556666:oidc-provider/{ISSUER}"
HERE = STAGING.model_copy(update={"pipeline": Pipeline(repository=REPOSITORY)})
VARIANTS = {
    "plain": HERE,
    "everything": HERE.model_copy(
        update={
            "pipeline": Pipeline(repository=REPOSITORY, oidc_provider_arn=PROVIDER),
            "roles": Roles(permissions_boundary=BOUNDARY),
            "storage": Storage(kms_key_arn=KEY),
            "bootstrap": Bootstrap(qualifier="ourown"),
            "alerts": Alerts(emails=("team@example.com",)),
            "tags": {"team": "rides"},
        }
    ),
    "stops": HERE.model_copy(update={"expires_after": "8h"}),
    "with ids": HERE.model_copy(
        update={
            "pipeline": Pipeline(
                repository=REPOSITORY, owner_id=123456, repository_id=456789, oidc_provider_arn=PROVIDER
            )
        }
    ),
    "with ids in GovCloud": HERE.model_copy(
        update={
            "region": "us-gov-west-1",
            "pipeline": Pipeline(repository=REPOSITORY, owner_id=123456, repository_id=456789),
        }
    ),
    "longest names": environment(
        project="p" * 31,
        name="staging",
        region="ap-northeast-1",
        storage=Storage(kms_key_arn=KEY),
        pipeline=Pipeline(repository=f"{'o' * 39}/{'n' * 100}"),
    ),
}


@cache
def template(variant: str) -> dict[str, Any]:
    app = cdk.App(
        analytics_reporting=False, stack_traces=False, context=json.loads((ROOT / "cdk.json").read_text())["context"]
    )
    settings = VARIANTS[variant]
    repository = Repository.of(settings.pipeline)
    assert repository is not None
    stage = PipelineStage(app, environment=settings, repository=repository)
    found: dict[str, Any] = json.loads((Path(stage.synth().directory) / stage.roles.template_file).read_text())
    return found


def resources(variant: str, kind: str) -> list[dict[str, Any]]:
    return [one for one in template(variant)["Resources"].values() if one["Type"] == kind]


def role(variant: str, job: str) -> dict[str, Any]:
    name = Names(VARIANTS[variant]).pipeline_role(job)
    found: dict[str, Any]
    (found,) = [
        one["Properties"] for one in resources(variant, "AWS::IAM::Role") if one["Properties"]["RoleName"] == name
    ]
    return found


def statements(variant: str, job: str) -> dict[str, dict[str, Any]]:
    name = Names(VARIANTS[variant]).pipeline_role(job)
    found = [one["Properties"] for one in resources(variant, "AWS::IAM::Policy")]
    documents = [one["PolicyDocument"]["Statement"] for one in found if one["PolicyName"] == name]
    return {statement["Sid"]: statement for document in documents for statement in document}


def actions(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize(
    ("job", "subject"),
    [
        ("review", "repo:rides/bikes:pull_request"),
        ("prepare", "repo:rides/bikes:environment:staging-prepare"),
        ("deploy", "repo:rides/bikes:environment:staging"),
    ],
)
def test_each_role_trusts_one_subject_of_one_repository_and_nothing_else(job: str, subject: str) -> None:
    trust = role("everything", job)["AssumeRolePolicyDocument"]
    assert trust == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": PROVIDER},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": subject}},
            }
        ],
    }
    assert len(resources("everything", "AWS::IAM::Role")) == 3


@pytest.mark.parametrize(
    ("job", "subject"),
    [
        ("review", "repo:rides@123456/bikes@456789:pull_request"),
        ("prepare", "repo:rides@123456/bikes@456789:environment:staging-prepare"),
        ("deploy", "repo:rides@123456/bikes@456789:environment:staging"),
    ],
)
def test_with_githubs_ids_the_immutable_subject_and_the_repositorys_id_are_trusted(job: str, subject: str) -> None:
    (statement,) = role("with ids", job)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": subject,
            "token.actions.githubusercontent.com:repository_id": "456789",
        }
    }
    # AWS STS validates GitHub's own claims in its commercial regions alone.
    (statement,) = role("with ids in GovCloud", job)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": subject,
        }
    }


def test_the_provider_is_made_unless_the_account_has_one() -> None:
    (made,) = resources("plain", "AWS::IAM::OIDCProvider")
    assert made["Properties"] == {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]}
    principal = role("plain", "deploy")["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert list(principal["Federated"]) == ["Fn::GetAtt"]
    assert resources("everything", "AWS::IAM::OIDCProvider") == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_whoever_reviews_only_reads(variant: str) -> None:
    policies = [one["Properties"]["PolicyDocument"] for one in resources(variant, "AWS::IAM::ManagedPolicy")]
    verbs = {action.split(":")[1] for document in policies for action in actions(document)}
    reading = ("Describe", "Detect", "Filter", "Get", "List", "Head")
    assert {verb for verb in verbs if not verb.startswith(reading)} <= {"Decrypt"}
    assert statements(variant, "review") == {}
    assert len(role(variant, "review")["ManagedPolicyArns"]) == 2
    assert all(len(json.dumps(one, separators=(",", ":"))) <= 6144 for one in policies)


def test_preparing_makes_change_sets_and_cannot_execute_or_delete_a_stack() -> None:
    found = statements("plain", "prepare")
    granted = {action for statement in found.values() for action in statement["Action"]}
    assert granted == {
        "cloudformation:CreateChangeSet",
        "cloudformation:DeleteChangeSet",
        "cloudformation:DescribeEvents",
        "cloudformation:TagResource",
        "iam:PassRole",
        "s3:GetObject",
        "ssm:GetParameters",
        "sts:AssumeRole",
    }
    begin = "arn:aws:iam::444455556666:role/cdk-hnb659fds"
    assert found["PublishTemplates"]["Resource"] == [
        f"{begin}-file-publishing-role-444455556666-us-east-1",
        f"{begin}-lookup-role-444455556666-us-east-1",
    ]
    assert found["ReadParameters"]["Resource"] == [
        "arn:aws:ssm:us-east-1:444455556666:parameter/cdk-bootstrap/hnb659fds/version"
    ]
    assert found["PassExecutionRole"]["Resource"] == [f"{begin}-cfn-exec-role-444455556666-us-east-1"]
    assert found["PassExecutionRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}
    }
    assert found["MakeChangeSets"]["Resource"] == [
        "arn:aws:cloudformation:us-east-1:444455556666:stack/bikes-staging-training/*",
        "arn:aws:cloudformation:us-east-1:444455556666:stack/bikes-staging-hosting/*",
    ]


def test_deploying_assumes_the_bootstrap_roles_of_its_own_qualifier_and_proves_the_endpoint() -> None:
    begin = "arn:aws:iam::444455556666:role/cdk-ourown"
    found = {sid: (one["Action"], one["Resource"]) for sid, one in statements("everything", "deploy").items()}
    assert found == {
        "Deploy": (
            ["sts:AssumeRole"],
            [f"{begin}-{job}-role-444455556666-us-east-1" for job in ("deploy", "file-publishing", "lookup")],
        ),
        "ReadGoldenRows": (["s3:GetObject"], ["arn:aws:s3:::bikes-staging-444455556666-us-east-1/golden/*"]),
        "InvokeEndpoint": (
            ["sagemaker:InvokeEndpoint"],
            ["arn:aws:sagemaker:us-east-1:444455556666:endpoint/bikes-staging"],
        ),
        "DeleteSupersededConfigs": (
            ["sagemaker:DeleteEndpointConfig"],
            ["arn:aws:sagemaker:us-east-1:444455556666:endpoint-config/*"],
        ),
        "DeleteSupersededModels": (["sagemaker:DeleteModel"], ["arn:aws:sagemaker:us-east-1:444455556666:model/*"]),
    }
    for sid in ("DeleteSupersededConfigs", "DeleteSupersededModels"):
        assert statements("everything", "deploy")[sid]["Condition"] == {
            "StringEquals": {"aws:ResourceTag/kickstand:endpoint": "bikes-staging"}
        }


def test_deploying_starts_the_time_of_an_endpoint_anew_that_stops_by_itself() -> None:
    machine = "arn:aws:states:us-east-1:444455556666:stateMachine:bikes-staging-stop"
    found = {sid: (one["Action"], one["Resource"]) for sid, one in statements("stops", "deploy").items()}
    assert {sid: one for sid, one in found.items() if sid not in statements("plain", "deploy")} == {
        "WatchEndpoint": (["states:ListExecutions", "states:StartExecution"], [machine]),
        "EndWatch": (
            ["states:DescribeExecution", "states:StopExecution"],
            ["arn:aws:states:us-east-1:444455556666:execution:bikes-staging-stop:*"],
        ),
    }


def test_the_permissions_boundary_is_on_every_role_and_names_are_not_too_long() -> None:
    roles = resources("everything", "AWS::IAM::Role")
    assert [one["Properties"]["PermissionsBoundary"] for one in roles] == [BOUNDARY] * 3
    for one in resources("longest names", "AWS::IAM::Role"):
        assert len(one["Properties"]["RoleName"]) <= 64
    for one in resources("longest names", "AWS::IAM::ManagedPolicy"):
        assert len(one["Properties"]["ManagedPolicyName"]) <= 128


def stages(settings: Environment, **context: str) -> list[str]:
    app = cdk.App(context=context)
    project = Project(name="bikes", file=Path("/p/kickstand.toml"), environments={"staging": settings})
    environment_stage(app, project, settings, None)
    return sorted(one.node.path for one in app.node.find_all() if isinstance(one, cdk.Stack))


def test_no_deployment_of_an_environment_holds_the_stack_that_grants_it() -> None:
    assert stages(HERE) == ["staging/training"]
    assert stages(HERE, pipeline="on") == ["staging-pipeline/roles"]
    assert stages(HERE, policy="on") == ["staging-pipeline/roles", "staging/training"]
    assert stages(STAGING, pipeline="on") == []
