"""SageMaker's three hosting resources: Model (image and artifact), EndpointConfig (instances), Endpoint (name)."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from kickstand.aws.instance_types import takes_volume_key


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


VARIANT = "AllTraffic"
"""The production variant. An endpoint can be updated gradually only if its variant keeps its name."""


class EndpointConfig(Construct):
    """SageMaker's second hosting step; like the Model it has no name of ours, and changes by being replaced.

    model_name:  the model of the only production variant.
    kms_key_arn: key for the instances' volumes, where these take one; None for SageMaker's own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model_name: str,
        instance_type: str,
        instance_count: int,
        kms_key_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        config = sagemaker.CfnEndpointConfig(
            self,
            "EndpointConfig",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT,
                    model_name=model_name,
                    instance_type=instance_type,
                    initial_instance_count=instance_count,
                    initial_variant_weight=1,
                )
            ],
            kms_key_id=kms_key_arn if takes_volume_key(instance_type) else None,
        )
        self.endpoint_config_name: str = config.attr_endpoint_config_name


class Endpoint(Construct):
    """SageMaker's third hosting step. It keeps its name and is updated in place, to another EndpointConfig.

    SageMaker's own way of updating is kept: a second fleet, all traffic at once when it is healthy, the old one
    kept where it is not. A slower shift would need alarms that decide during it.

    No property of a variant is retained through an update (RetainAllVariantProperties): nothing sets number of
    instances, weight or data capture at run time, and what is retained makes a change of the configuration pass without
    effect (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VariantProperty.html).
    """

    def __init__(self, scope: Construct, construct_id: str, *, endpoint_name: str, endpoint_config_name: str) -> None:
        super().__init__(scope, construct_id)
        endpoint = sagemaker.CfnEndpoint(
            self, "Endpoint", endpoint_name=endpoint_name, endpoint_config_name=endpoint_config_name
        )
        self.resource: cdk.CfnResource = endpoint
        self.endpoint_name: str = endpoint.attr_endpoint_name
