"""SageMaker's three hosting resources: Model (image and artifact), EndpointConfig (instances), Endpoint (name)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.policies.automation import ENDPOINT_TAG
from kickstand.aws.instance_types import takes_volume_key
from kickstand.config.operation import TrafficShift
from kickstand.names import Names


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
        names: Names,
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
        _retain_when_replaced(model, names)
        self.resource: cdk.CfnResource = model
        self.model_name: str = model.attr_model_name


ABOVE_OWN_TAGS = 200
"""Priority of a tag, of the CDK: `[tags]` have its default, 100."""
VARIANT = "AllTraffic"
"""The production variant. An endpoint can be updated gradually only if its variant keeps its name."""


class EndpointConfig(Construct):
    """SageMaker's second hosting step; like the Model it has no name of ours, and changes by being replaced.

    model_name:      the model of the only production variant.
    startup_seconds: how long an instance's model may take to answer its first health check.
    instance_count:  how many there are at the start; scales_to: at most.
    kms_key_arn:     key for the instances' volumes, where these take one; None for SageMaker's own.
    capture:         what of its requests is stored; None for nothing.

    Several instances share the requests by who has the least outstanding. Detailed observability is on unless it is
    set (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_MetricsConfig.html); the image has no metrics of
    its own to be read.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: Names,
        model_name: str,
        instance_type: str,
        instance_count: int,
        scales_to: int,
        startup_seconds: int,
        kms_key_arn: str | None,
        capture: sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        routing = sagemaker.CfnEndpointConfig.RoutingConfigProperty(routing_strategy="LEAST_OUTSTANDING_REQUESTS")
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
                    container_startup_health_check_timeout_in_seconds=startup_seconds,
                    routing_config=routing if max(instance_count, scales_to) > 1 else None,
                )
            ],
            metrics_config=sagemaker.CfnEndpointConfig.MetricsConfigProperty(enable_detailed_observability=False),
            kms_key_id=kms_key_arn if takes_volume_key(instance_type) else None,
            data_capture_config=capture,
        )
        _retain_when_replaced(config, names)
        self.endpoint_config_name: str = config.attr_endpoint_config_name


def _retain_when_replaced(resource: cdk.CfnResource, names: Names) -> None:
    """Leave the old one to `kickstand deploy`, which deletes it when the endpoint is proven to serve the new one.

    SageMaker can roll an update back without CloudFormation's knowledge: then the endpoint still needs the old one.
    """
    resource.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
    resource.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.DELETE
    # Before a tag of the project's own by the same name: policies know it by it.
    cdk.Tags.of(resource).add(ENDPOINT_TAG, names.endpoint, priority=ABOVE_OWN_TAGS)


class Endpoint(Construct):
    """SageMaker's third hosting step. It keeps its name and is updated in place, to another EndpointConfig.

    shift:           how an update takes the traffic.
    rollback_alarms: names of the alarms that roll it back.
    scaled:          whether Application Auto Scaling sets its number of instances.

    That number alone an update retains then; it would fall back to the configuration's in the midst of the traffic.
    Otherwise no property of a variant is retained (RetainAllVariantProperties): nothing sets number of instances,
    weight or data capture at run time, and what is retained makes a change of the configuration pass without effect
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VariantProperty.html).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        endpoint_config_name: str,
        shift: TrafficShift,
        rollback_alarms: Sequence[str],
        scaled: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        alarms = [sagemaker.CfnEndpoint.AlarmProperty(alarm_name=name) for name in rollback_alarms]
        excluded = [sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type=kind) for kind in _NOT_RETAINED]
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=endpoint_name,
            endpoint_config_name=endpoint_config_name,
            deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
                **_policy(shift),
                auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(alarms=alarms),
            ),
            retain_all_variant_properties=scaled or None,
            exclude_retained_variant_properties=excluded if scaled else None,
        )
        self.resource: cdk.CfnResource = endpoint
        self.endpoint_name: str = endpoint.attr_endpoint_name


_NOT_RETAINED = ("DesiredWeight", "DataCaptureConfig")
"""Of a scaled endpoint. Whether retaining concerns the capture AWS leaves open: left out, it follows its configuration,
which has each model's own place for requests, either way; `verify` looks at it."""


def _policy(shift: TrafficShift) -> dict[str, Any]:
    """The update policy of a DeploymentConfig: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html"""
    size = sagemaker.CfnEndpoint.CapacitySizeProperty(
        type="INSTANCE_COUNT" if shift.step_percent is None else "CAPACITY_PERCENT",
        value=shift.step_percent or shift.step_instances or shift.instances,
    )
    if shift.strategy == "rolling":
        rolling = sagemaker.CfnEndpoint.RollingUpdatePolicyProperty(
            maximum_batch_size=size,
            wait_interval_in_seconds=shift.wait_seconds,
            maximum_execution_timeout_in_seconds=shift.max_seconds,
        )
        return {"rolling_update_policy": rolling}
    routing = sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
        type=shift.strategy.upper().replace("-", "_"),
        # SageMaker's API wants it of every type.
        wait_interval_in_seconds=shift.wait_seconds,
        canary_size=size if shift.strategy == "canary" else None,
        linear_step_size=size if shift.strategy == "linear" else None,
    )
    blue_green = sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
        traffic_routing_configuration=routing,
        termination_wait_in_seconds=shift.bake_seconds,
        maximum_execution_timeout_in_seconds=shift.max_seconds,
    )
    return {"blue_green_update_policy": blue_green}
