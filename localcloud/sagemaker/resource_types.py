"""SageMaker's resource types for CloudFormation: each with its handlers and the properties that replace it.

Those properties are the createOnlyProperties of the resource provider schemas.
"""

from __future__ import annotations

from collections.abc import Callable

from localcloud.emulator.sagemaker_cloudformation import ResourceType
from localcloud.sagemaker.call import Caller
from localcloud.sagemaker.cloudformation import GroupHandler, NounHandler
from localcloud.sagemaker.cloudformation_endpoint import EndpointHandler
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.scope import Scope
from localcloud.sagemaker.store import Table


def resource_types(
    control: Control,
    caller: Caller,
    *,
    scope: Callable[[], Scope],
    initiated: Callable[[str], None],
) -> dict[str, ResourceType]:
    """The four types with their handlers."""

    def handler(kind: type[NounHandler], noun: str, table: Table, replacing: tuple[str, ...]) -> ResourceType:
        made = kind(noun, table, control, caller, scope=scope, initiated=initiated)
        return ResourceType(
            made.name_property,
            replacing,
            made.create,
            made.update,
            made.delete,
            made.arn_property,
            made.adopt,
            made.read,
            (*replacing, *made.changeable, "Tags"),
        )

    stores = control.stores
    return {
        "AWS::SageMaker::Model": handler(
            NounHandler,
            "Model",
            stores.models,
            (
                "ModelName",
                "Containers",
                "EnableNetworkIsolation",
                "ExecutionRoleArn",
                "InferenceExecutionConfig",
                "PrimaryContainer",
                "VpcConfig",
            ),
        ),
        "AWS::SageMaker::EndpointConfig": handler(
            NounHandler,
            "EndpointConfig",
            stores.endpoint_configs,
            (
                "EndpointConfigName",
                "AsyncInferenceConfig",
                "DataCaptureConfig",
                "EnableNetworkIsolation",
                "ExecutionRoleArn",
                "ExplainerConfig",
                "KmsKeyId",
                "MetricsConfig",
                "ProductionVariants",
                "ShadowProductionVariants",
                "VpcConfig",
            ),
        ),
        "AWS::SageMaker::Endpoint": handler(EndpointHandler, "Endpoint", stores.endpoints, ("EndpointName",)),
        "AWS::SageMaker::ModelPackageGroup": handler(
            GroupHandler,
            "ModelPackageGroup",
            stores.model_package_groups,
            ("ModelPackageGroupName", "ModelPackageGroupDescription"),
        ),
    }
