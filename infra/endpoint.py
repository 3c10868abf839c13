"""The Endpoint: the stable name that callers know."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct


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
