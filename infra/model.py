"""The Model: an image and an artifact."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct


class Model(Construct):
    """SageMaker's first hosting step.

    It has no name of ours: it changes only by being replaced, and under a fixed name the new one collides with the
    old. The artifact's URI holds its digest, so that it is replaced exactly when the content changes.

    image_uri:      the image that the artifact was trained with.
    model_data_url: `s3://BUCKET/models/SHA256/model.tar.gz`.
    role_arn:       the role that fetches both.
    subnets, security_group_ids: its VPC; both empty for none.

    The container is isolated from the network (it answers what it is asked, and asks nobody), and no environment
    variable is set: the image's own defaults are right.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        image_uri: str,
        model_data_url: str,
        role_arn: str,
        subnets: Sequence[str],
        security_group_ids: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        vpc = sagemaker.CfnModel.VpcConfigProperty(subnets=list(subnets), security_group_ids=list(security_group_ids))
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role_arn,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image_uri, model_data_url=model_data_url
            ),
            enable_network_isolation=True,
            vpc_config=vpc if subnets else None,
        )
        self.resource: cdk.CfnResource = model
        self.model_name: str = model.attr_model_name
