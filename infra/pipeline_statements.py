"""What the pipeline's jobs may do beyond reading: preparing makes change sets, deploying executes them."""

from __future__ import annotations

from infra.doctor_policy import bootstrap_version_arn
from infra.statement import Statement
from kickstand.names import Names, partition

_GOLDEN = "golden"


def prepare_statements(names: Names) -> list[Statement]:
    """Make, tag and remove change sets of the two stacks, as the CDK command line does; execute none.

    The CDK's own deploy role could execute them too, so it is not among the roles: where the CDK command line may
    not assume that one, it goes on with the job's. Nor is cloudformation:DeleteStack.
    """
    environment = names.environment
    assets = f"cdk-{environment.bootstrap.qualifier}-assets-{environment.account}-{environment.region}"
    stacks = tuple(names.arn("cloudformation", f"stack/{s}/*") for s in (names.training_stack, names.hosting_stack))
    return [
        Statement("PublishTemplates", ("sts:AssumeRole",), _bootstrap_roles(names, "file-publishing", "lookup")),
        Statement(
            "MakeChangeSets",
            (
                "cloudformation:CreateChangeSet",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DescribeEvents",
                "cloudformation:TagResource",
            ),
            stacks,
        ),
        # CloudFormation reads a template's parameters as whoever makes the change set: the CDK's have BootstrapVersion.
        Statement("ReadParameters", ("ssm:GetParameters",), (bootstrap_version_arn(names),)),
        Statement(
            "NameExecutionRole",
            ("iam:PassRole",),
            _bootstrap_roles(names, "cfn-exec"),
            conditions={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
        ),
        # CloudFormation fetches the template with the permissions of whoever makes the change set.
        Statement(
            "ReadTemplates",
            ("s3:GetObject",),
            (f"arn:{partition(environment.region)}:s3:::{assets}/*",),
        ),
    ]


def deploy_statements(names: Names) -> list[Statement]:
    """Assume the roles of the CDK's bootstrap stack, and prove the endpoint afterwards."""
    return [
        Statement("Deploy", ("sts:AssumeRole",), _bootstrap_roles(names, "deploy", "file-publishing", "lookup")),
        *_ask_endpoint(names),
    ]


def _bootstrap_roles(names: Names, *jobs: str) -> tuple[str, ...]:
    environment = names.environment
    begin = f"arn:{partition(environment.region)}:iam::{environment.account}:role/cdk-{environment.bootstrap.qualifier}"
    return tuple(f"{begin}-{job}-role-{environment.account}-{environment.region}" for job in jobs)


def _ask_endpoint(names: Names) -> list[Statement]:
    """The golden rows, where git does not hold them, and what the endpoint answers to them."""
    endpoint = names.arn("sagemaker", f"endpoint/{names.endpoint}")
    return [
        Statement("ReadGoldenRows", ("s3:GetObject",), (f"{names.bucket_arn}/{_GOLDEN}/*",)),
        Statement("AskEndpoint", ("sagemaker:InvokeEndpoint",), (endpoint,)),
    ]
