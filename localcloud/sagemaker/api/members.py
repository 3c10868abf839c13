"""Which members of a request are honoured here, which have no effect here and why; every other is refused by name.

Every operation has its honoured members, a member with everything below it where it has no dots of its own here. What
neither table names is refused when a request sets it: what AWS adds to its API is refused until somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.api.call import unsupported

_LIST = "CreationTimeAfter CreationTimeBefore MaxResults NameContains NextToken SortBy SortOrder"
_CONTAINER = (
    "Environment Image Mode ModelDataSource.S3DataSource.CompressionType ModelDataSource.S3DataSource.S3DataType "
    "ModelDataSource.S3DataSource.S3Uri ModelDataUrl ModelPackageName"
)
_DEPLOYMENT = "DeploymentConfig"
_REGISTERED = (
    "Environment Framework FrameworkVersion Image ImageDigest ModelDataUrl ModelInput NearestModelName ProductId "
    "ContainerHostname ModelDataSource.S3DataSource.CompressionType ModelDataSource.S3DataSource.S3DataType "
    "ModelDataSource.S3DataSource.S3Uri"
)


def _below(place: str, members: str) -> str:
    return " ".join(f"{place}.{member}" for member in members.split())


_SPECIFICATION = (
    _below("InferenceSpecification.Containers", _REGISTERED) + " InferenceSpecification.SupportedContentTypes "
    "InferenceSpecification.SupportedRealtimeInferenceInstanceTypes InferenceSpecification.SupportedResponseMIMETypes "
    "InferenceSpecification.SupportedTransformInstanceTypes"
)

HONOURED: Mapping[str, str] = {
    "AddTags": "ResourceArn Tags",
    "CreateEndpoint": f"EndpointName EndpointConfigName Tags {_DEPLOYMENT}",
    "CreateEndpointConfig": "EndpointConfigName KmsKeyId Tags DataCaptureConfig "
    + _below(
        "ProductionVariants",
        "ContainerStartupHealthCheckTimeoutInSeconds InitialInstanceCount InitialVariantWeight InstanceType ModelName "
        "RoutingConfig.RoutingStrategy VariantName",
    ),
    "CreateModel": f"ModelName ExecutionRoleArn Tags VpcConfig {_below('PrimaryContainer', _CONTAINER)} "
    + _below("Containers", _CONTAINER),
    "CreateModelPackage": "ClientToken CustomerMetadataProperties Domain DriftCheckBaselines MetadataProperties "
    "ModelApprovalStatus ModelMetrics ModelPackageDescription ModelPackageGroupName ModelPackageName "
    f"ModelPackageRegistrationType SamplePayloadUrl SkipModelValidation SourceUri Tags Task {_SPECIFICATION}",
    "CreateModelPackageGroup": "ModelPackageGroupDescription ModelPackageGroupName Tags",
    "CreateTrainingJob": "AlgorithmSpecification.AlgorithmName AlgorithmSpecification.MetricDefinitions "
    "AlgorithmSpecification.TrainingImage AlgorithmSpecification.TrainingInputMode CheckpointConfig "
    "EnableManagedSpotTraining Environment HyperParameters OutputDataConfig ResourceConfig.InstanceCount "
    "ResourceConfig.InstanceType ResourceConfig.VolumeKmsKeyId ResourceConfig.VolumeSizeInGB RoleArn "
    "StoppingCondition.MaxRuntimeInSeconds StoppingCondition.MaxWaitTimeInSeconds Tags TrainingJobName VpcConfig "
    + _below(
        "InputDataConfig",
        "ChannelName CompressionType ContentType DataSource.S3DataSource.S3DataDistributionType "
        "DataSource.S3DataSource.S3DataType DataSource.S3DataSource.S3Uri InputMode RecordWrapperType",
    ),
    "CreateTransformJob": "BatchStrategy DataProcessing Environment MaxConcurrentTransforms MaxPayloadInMB "
    "ModelClientConfig ModelName Tags TransformInput TransformJobName TransformOutput TransformResources.InstanceCount "
    "TransformResources.InstanceType TransformResources.VolumeKmsKeyId",
    "DeleteEndpoint": "EndpointName",
    "DeleteEndpointConfig": "EndpointConfigName",
    "DeleteModel": "ModelName",
    "DeleteModelPackage": "ModelPackageName",
    "DeleteModelPackageGroup": "ModelPackageGroupName",
    "DeleteTags": "ResourceArn TagKeys",
    "DescribeEndpoint": "EndpointName",
    "DescribeEndpointConfig": "EndpointConfigName",
    "DescribeModel": "ModelName",
    "DescribeModelPackage": "ModelPackageName",
    "DescribeModelPackageGroup": "ModelPackageGroupName",
    "DescribeTrainingJob": "TrainingJobName",
    "DescribeTransformJob": "TransformJobName",
    "ListEndpointConfigs": _LIST,
    "ListEndpoints": f"{_LIST} LastModifiedTimeAfter LastModifiedTimeBefore StatusEquals",
    "ListModelPackageGroups": _LIST,
    "ListModelPackages": f"{_LIST} ModelApprovalStatus ModelPackageGroupName ModelPackageType",
    "ListModels": _LIST,
    "ListTags": "MaxResults NextToken ResourceArn",
    "ListTrainingJobs": f"{_LIST} LastModifiedTimeAfter LastModifiedTimeBefore StatusEquals",
    "ListTransformJobs": f"{_LIST} LastModifiedTimeAfter LastModifiedTimeBefore StatusEquals",
    "Search": "MaxResults NextToken Resource SearchExpression SortBy SortOrder",
    "StopTrainingJob": "TrainingJobName",
    "StopTransformJob": "TransformJobName",
    "UpdateEndpoint": "EndpointName EndpointConfigName ExcludeRetainedVariantProperties RetainAllVariantProperties "
    f"RetainDeploymentConfig {_DEPLOYMENT}",
    "UpdateEndpointWeightsAndCapacities": "EndpointName "
    + _below("DesiredWeightsAndCapacities", "DesiredInstanceCount DesiredWeight VariantName"),
    "UpdateModelPackage": "ApprovalDescription CustomerMetadataProperties CustomerMetadataPropertiesToRemove "
    f"ModelApprovalStatus ModelPackageArn ModelPackageRegistrationType SourceUri {_SPECIFICATION}",
}
"""Members that the local cloud acts on, or keeps and describes where that is all that AWS does (a model registry).
Some of their values are refused by name where they are read: an input mode other than File."""

_ISOLATED = "The programs reach nothing but this machine's loopback, whatever the network is."
_ONE_CONTAINER = "A model has one container here: nobody addresses it by its name."

HARMLESS: Mapping[str, Mapping[str, str]] = {
    "CreateEndpointConfig": {
        "ProductionVariants.ModelDataDownloadTimeoutInSeconds": "A model is read from this machine's disk.",
        "ProductionVariants.VolumeSizeInGB": "The disk is this machine's.",
    },
    "CreateModel": {
        "EnableNetworkIsolation": _ISOLATED,
        "PrimaryContainer.ContainerHostname": _ONE_CONTAINER,
        "Containers.ContainerHostname": _ONE_CONTAINER,
    },
    "CreateTrainingJob": {
        "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries": (
            "It draws metrics in the console; a metric's last value is in FinalMetricDataList with and without it."
        ),
        "DebugHookConfig": "Images 3.x write no tensors: add_debugging is commented out in AWS's container.",
        "EnableInterContainerTrafficEncryption": "Hosts of a job meet on this machine's loopback.",
        "EnableNetworkIsolation": _ISOLATED,
        "ProfilerConfig.DisableProfiler": "The profiler watches the instance's hardware, not the job.",
        "ProfilerConfig.ProfilingIntervalInMilliseconds": "As DisableProfiler.",
        "ProfilerConfig.S3OutputPath": "As DisableProfiler; SageMaker's SDK v2 sends it with every job.",
        "StoppingCondition.MaxPendingTimeInSeconds": "No job waits for capacity here.",
    },
    "DescribeModelPackage": {"IncludedData": "It leaves out a model card, and packages with cards are refused."},
    "UpdateModelPackage": {"ClientToken": "An update that is sent twice leaves what it leaves once."},
}
"""Members that are taken and have no effect here, each with the reason."""

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "CreateEndpointConfig": {"MetricsConfig.MetricPublishFrequencyInSeconds": 60},
    "CreateModel": {
        "Containers.ImageConfig.RepositoryAccessMode": "Platform",
        "PrimaryContainer.ImageConfig.RepositoryAccessMode": "Platform",
    },
    "CreateTrainingJob": {
        "AlgorithmSpecification.TrainingImageConfig.TrainingRepositoryAccessMode": "Platform",
        "ResourceConfig.KeepAlivePeriodInSeconds": 0,
    },
    "ListModelPackageGroups": {"CrossAccountFilterOption": "SameAccount"},
    "Search": {"CrossAccountFilterOption": "SameAccount"},
}
"""Values that ask for what is done anyway, of members that are refused otherwise."""


def check_members(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse, by name, a request that sets a member that is neither honoured nor harmless. Raises ServiceError."""
    for name in _Refusals(known_members(operation), DEFAULTS.get(operation, {})).of(request):
        raise unsupported(name)


def known_members(operation: str) -> frozenset[str]:
    """The members of a request that are honoured or harmless, with dots; what lies below them is known too."""
    return frozenset((*HONOURED[operation].split(), *HARMLESS.get(operation, ())))


def is_known(member: str, known: frozenset[str]) -> bool:
    """Whether a member, with dots, is one of `known` or lies below one."""
    return any(member == one or member.startswith(f"{one}.") for one in known)


@dataclass(frozen=True, slots=True)
class _Refusals:
    known: frozenset[str]
    defaults: Mapping[str, object]

    def of(self, members: Mapping[str, Any], path: str = "", shown: str = "") -> Iterator[str]:
        """The topmost members that are set and not known, as an error calls them."""
        for name, value in members.items():
            member = f"{path}{name}"
            if is_known(member, self.known) or not self._is_set(member, value):
                continue
            if not any(one.startswith(f"{member}.") for one in self.known):
                yield f"{shown}{name}"
            elif isinstance(value, Mapping):
                yield from self.of(value, f"{member}.", f"{shown}{name}.")
            else:
                for entry in value:
                    yield from self.of(entry, f"{member}.", _entry(entry) or f"{shown}{name}.")

    def _is_set(self, member: str, value: Any) -> bool:
        """Whether a value asks for anything: false, a default and what is empty do not, nor what holds nothing else."""
        if isinstance(value, Mapping):
            return any(self._is_set(f"{member}.{name}", item) for name, item in value.items())
        if isinstance(value, list):
            return any(self._is_set(member, item) for item in value)
        if member in self.defaults:
            return bool(value != self.defaults[member])
        return value is not None and value is not False and value != ""


def _entry(entry: Mapping[str, Any]) -> str:
    """How an entry of a list is called in an error."""
    if "VariantName" in entry:
        return f"Production variant {entry['VariantName']}: "
    return f"Channel {entry['ChannelName']}: " if "ChannelName" in entry else ""
