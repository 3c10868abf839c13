"""Every member of every request: honoured, harmless with a reason, or refused by name; none is taken and ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from sagemaker_fakes import Plane, make_plane, refusal, training_request

from localcloud.sagemaker.api.members import DEFAULTS, HARMLESS, HONOURED, is_known, known_members

MODEL: Any = botocore.session.get_session().get_service_model("sagemaker")
DATA_SOURCE = "ModelDataSource.S3DataSource"
SOURCE = " ".join(f"{DATA_SOURCE}.{name}" for name in ("ETag", "HubAccessConfig", "ManifestEtag", "ManifestS3Uri"))
CONTAINER = (
    "AdditionalModelDataSources ContainerMetricsConfig ImageConfig InferenceSpecificationName MultiModelConfig "
    f"{SOURCE} {DATA_SOURCE}.ModelAccessConfig"
)
PACKAGED = (
    f"AdditionalModelDataSources AdditionalS3DataSource BaseModel IsCheckpoint ModelDataETag {SOURCE} "
    f"{DATA_SOURCE}.ModelAccessConfig"
)
REFUSED = {
    "CreateEndpointConfig": {
        "": "AsyncInferenceConfig EnableNetworkIsolation ExecutionRoleArn ExplainerConfig MetricsConfig "
        "ShadowProductionVariants VpcConfig",
        "ProductionVariants.": "AcceleratorType CapacityReservationConfig CoreDumpConfig EnableSSMAccess "
        "InferenceAmiVersion InstancePools ManagedInstanceScaling ServerlessConfig "
        "VariantInstanceProvisionTimeoutInSeconds",
        "ProductionVariants.RoutingConfig.": "PrefixAwareRoutingConfig",
    },
    "CreateModel": {"": "InferenceExecutionConfig", "Containers.": CONTAINER, "PrimaryContainer.": CONTAINER},
    "CreateModelPackage": {
        "": "AdditionalInferenceSpecifications CertifyForMarketplace ManagedStorageType ModelCard ModelLifeCycle "
        "SecurityConfig SourceAlgorithmSpecification ValidationSpecification",
        "InferenceSpecification.Containers.": PACKAGED,
    },
    "CreateModelPackageGroup": {"": "ManagedConfiguration"},
    "CreateTrainingJob": {
        "": "DebugRuleConfigurations ExperimentConfig InfraCheckConfig MlflowConfig ModelPackageConfig "
        "ProfilerRuleConfigurations RemoteDebugConfig RetryStrategy ServerlessJobConfig SessionChainingConfig "
        "TensorBoardOutputConfig",
        "AlgorithmSpecification.": "ContainerArguments ContainerEntrypoint TrainingImageConfig",
        "InputDataConfig.": "ShuffleConfig",
        "InputDataConfig.DataSource.": "DatasetSource FileSystemDataSource",
        "InputDataConfig.DataSource.S3DataSource.": "AttributeNames HubAccessConfig InstanceGroupNames "
        "ModelAccessConfig",
        "ProfilerConfig.": "ProfilingParameters",
        "ResourceConfig.": "InstanceGroups InstancePlacementConfig InstancePreferences KeepAlivePeriodInSeconds "
        "SelectedInstanceCount SelectedInstanceType TrainingPlanArn",
    },
    "CreateTransformJob": {"": "DataCaptureConfig ExperimentConfig", "TransformResources.": "TransformAmiVersion"},
    "ListModelPackageGroups": {"": "CrossAccountFilterOption"},
    "ListTrainingJobs": {"": "TrainingPlanArnEquals WarmPoolStatusEquals"},
    "Search": {"": "CrossAccountFilterOption VisibilityConditions"},
    "UpdateEndpointWeightsAndCapacities": {"DesiredWeightsAndCapacities.": "ServerlessUpdateConfig"},
    "UpdateModelPackage": {
        "": "AdditionalInferenceSpecificationsToAdd ModelCard ModelLifeCycle",
        "InferenceSpecification.Containers.": PACKAGED,
    },
}
"""By operation: what is refused whenever it is set. A member that botocore's next version brings is missing here."""


def members(shape: Any, path: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """The members below a shape that hold no others, with dots; a shape within itself is not walked again."""
    if shape.type_name == "structure" and shape.name not in above:
        for name, member in shape.members.items():
            yield from members(member, f"{path}.{name}" if path else name, (*above, shape.name))
    elif shape.type_name == "list":
        yield from members(shape.member, path, above)
    else:
        yield path


def topmost(member: str, known: frozenset[str]) -> str:
    """The shortest beginning of a refused member that holds nothing that is known."""
    parts = member.split(".")
    beginnings = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next(one for one in beginnings if not any(each.startswith(f"{one}.") for each in known))


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return make_plane(tmp_path)


def test_every_served_operation_has_its_members(plane: Plane) -> None:
    assert sorted(HONOURED) == sorted(plane.control._operations)


@pytest.mark.parametrize("operation", sorted(HONOURED))
def test_every_member_is_honoured_harmless_or_refused(operation: str) -> None:
    known = known_members(operation)
    leaves = set(members(MODEL.operation_model(operation).input_shape))
    refused = {topmost(member, known) for member in leaves if not is_known(member, known)}
    expected = {f"{place}{name}" for place, names in REFUSED.get(operation, {}).items() for name in names.split()}
    assert refused == expected
    assert [one for one in known if not any(leaf == one or leaf.startswith(f"{one}.") for leaf in leaves)] == []


def test_every_harmless_member_has_a_reason() -> None:
    reasons = [reason for table in HARMLESS.values() for reason in table.values()]
    assert [reason for reason in reasons if not re.fullmatch(r"[A-Z].{10,}\.", reason)] == []
    assert [o for o, table in DEFAULTS.items() for one in table if is_known(one, known_members(o))] == []


SPOKEN = "ValidationException: {} is not supported by the local cloud yet."


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "RemoteDebugConfig"),
        ({"ProfilerConfig": {"ProfilingParameters": {"a": "b"}}}, "ProfilerConfig.ProfilingParameters"),
        (
            {"ResourceConfig": {**training_request()["ResourceConfig"], "KeepAlivePeriodInSeconds": 60}},
            "ResourceConfig.KeepAlivePeriodInSeconds",
        ),
    ],
)
def test_a_member_that_is_not_served_is_refused_by_name(plane: Plane, changes: dict[str, Any], named: str) -> None:
    request = {**training_request(), **changes}
    assert refusal(plane, "CreateTrainingJob", **request) == SPOKEN.format(named)


def test_entries_of_lists_are_called_by_their_names(plane: Plane) -> None:
    channel = training_request()["InputDataConfig"][0]
    channel["DataSource"]["S3DataSource"]["AttributeNames"] = ["a"]
    assert refusal(plane, "CreateTrainingJob", **{**training_request(), "InputDataConfig": [channel]}) == SPOKEN.format(
        "Channel train: DataSource.S3DataSource.AttributeNames"
    )
    variant = {
        "VariantName": "blue",
        "ModelName": "m",
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1},
    }
    assert refusal(
        plane, "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant]
    ) == SPOKEN.format("Production variant blue: ServerlessConfig")


def test_a_member_that_asks_for_nothing_is_taken(plane: Plane) -> None:
    plane.train(
        RemoteDebugConfig={"EnableRemoteDebug": False},
        ResourceConfig={**training_request()["ResourceConfig"], "KeepAlivePeriodInSeconds": 0},
        # What SageMaker's SDK v2 sends with every job.
        ProfilerConfig={"S3OutputPath": "s3://b/training", "DisableProfiler": False},
    )
    assert plane.job()["ProfilerConfig"] == {"S3OutputPath": "s3://b/training", "DisableProfiler": False}
    channel = {**training_request()["InputDataConfig"][0], "ShuffleConfig": {"Seed": 0}}
    request = {**training_request("seeded"), "InputDataConfig": [channel]}
    assert refusal(plane, "CreateTrainingJob", **request) == SPOKEN.format("Channel train: ShuffleConfig")


def test_tensors_are_asked_of_no_image_that_would_write_them(plane: Plane) -> None:
    hook = {"S3OutputPath": "s3://b/tensors"}
    plane.train(DebugHookConfig=hook)
    older = {"TrainingImage": training_request()["AlgorithmSpecification"]["TrainingImage"].replace("3.2-0", "1.7-1")}
    algorithm = {**older, "TrainingInputMode": "File"}
    request = {**training_request("older"), "AlgorithmSpecification": algorithm, "DebugHookConfig": hook}
    assert "DebugHookConfig with image 1.7-1" in refusal(plane, "CreateTrainingJob", **request)
