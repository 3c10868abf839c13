"""The register of an environment's models."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.images import repository_arn
from infra.statement import Statement
from kickstand.names import Names


class ModelPackageGroup(Construct):
    """The group in which `kickstand fit` and `kickstand adopt` register each model with its metrics.

    retain: whether it outlives its stack. Where it does not, SageMaker still refuses to delete it as long as it
            holds a package.
    """

    def __init__(self, scope: Construct, construct_id: str, *, group_name: str, retain: bool) -> None:
        super().__init__(scope, construct_id)
        group = sagemaker.CfnModelPackageGroup(
            self,
            "Group",
            model_package_group_name=group_name,
            # A change of this text would replace the group, and with it the register: so it names no details.
            model_package_group_description="Models trained by Kickstand",
        )
        group.apply_removal_policy(cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY)


def registration_statements(names: Names) -> list[Statement]:
    """Register a model in an environment's group, and look up what is registered there.

    SageMaker looks up the image and the artifact of a package as whoever registers it. The reading of the artifact is
    in the statements about the bucket
    (https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html, cross-account registration).
    """
    packages = names.arn("sagemaker", f"model-package/{names.model_package_group}/*")
    group = names.arn("sagemaker", f"model-package-group/{names.model_package_group}")
    return [
        Statement("Register", ("sagemaker:CreateModelPackage",), (group, packages)),
        Statement(
            "ReadPackages",
            (
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:ListModelPackages",
            ),
            (group, packages),
        ),
        Statement(
            "ReadImage",
            ("ecr:BatchGetImage", "ecr:DescribeImages"),
            (repository_arn(names.environment.region),),
        ),
    ]
