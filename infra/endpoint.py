"""The Endpoint: the stable name that callers know."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct


class Endpoint(Construct):
    """SageMaker's third hosting step. It keeps its name and is updated in place, to another EndpointConfig.

    SageMaker's own way of updating is kept: a second fleet, all traffic at once when it is healthy, the old one
    kept where it is not. A slower shift would need alarms that decide during it.

    A variant keeps the properties that it has, but for the number of instances: as long as nothing but the project
    file sets that, retaining it would make a change in the file pass without effect.
    """

    def __init__(self, scope: Construct, construct_id: str, *, endpoint_name: str, endpoint_config_name: str) -> None:
        super().__init__(scope, construct_id)
        instance_count = sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredInstanceCount")
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=endpoint_config_name,
            retain_all_variant_properties=True,
            exclude_retained_variant_properties=[instance_count],
        )
        self.resource: cdk.CfnResource = endpoint
        self.endpoint_name: str = endpoint.attr_endpoint_name
