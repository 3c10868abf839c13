"""The EndpointConfig: which model on which instances."""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from kickstand.instance_types import takes_volume_key

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
