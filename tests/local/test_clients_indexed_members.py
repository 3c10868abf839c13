"""What SageMaker's SDKs index without looking is in the answers to requests that ask for as little as may be."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, SCOPE, Plane, make_plane, serve
from sdk_reads import indexed

from kickstand.errors import KickstandError
from localcloud.clients.environment import client_python
from localcloud.sagemaker.api.members import HONOURED
from localcloud.sagemaker.api.service_model import service_model

MODULES = """
algorithm analytics base_deserializers base_predictor estimator job logs model predictor s3 session transformer utils
xgboost/estimator xgboost/model
"""
"""What a notebook with a built-in algorithm uses of SDK v2."""
V2 = """
CreateEndpoint: EndpointArn
DescribeEndpoint: EndpointArn
DescribeEndpoint: EndpointConfigName
DescribeEndpoint: EndpointStatus
DescribeEndpointConfig: EndpointConfigArn
DescribeEndpointConfig: ProductionVariants
DescribeModelPackage: InferenceSpecification
DescribeModelPackage: InferenceSpecification.Containers
DescribeModelPackage: ModelCard.ModelCardContent
DescribeModelPackage: ModelCard.ModelCardStatus
DescribeModelPackage: ModelPackageArn
DescribeModelPackage: ModelPackageStatus
DescribeTrainingJob: AlgorithmSpecification
DescribeTrainingJob: AlgorithmSpecification.MetricDefinitions
DescribeTrainingJob: AlgorithmSpecification.MetricDefinitions.[].Name
DescribeTrainingJob: AlgorithmSpecification.TrainingImage
DescribeTrainingJob: AlgorithmSpecification.TrainingInputMode
DescribeTrainingJob: DebugRuleEvaluationStatuses.[].RuleConfigurationName
DescribeTrainingJob: DebugRuleEvaluationStatuses.[].RuleEvaluationStatus
DescribeTrainingJob: InputDataConfig.[].ChannelName
DescribeTrainingJob: InputDataConfig.[].DataSource
DescribeTrainingJob: InputDataConfig.[].DataSource.S3DataSource
DescribeTrainingJob: InputDataConfig.[].DataSource.S3DataSource.S3Uri
DescribeTrainingJob: LastModifiedTime
DescribeTrainingJob: ModelArtifacts
DescribeTrainingJob: ModelArtifacts.S3ModelArtifacts
DescribeTrainingJob: OutputDataConfig
DescribeTrainingJob: OutputDataConfig.KmsKeyId
DescribeTrainingJob: OutputDataConfig.S3OutputPath
DescribeTrainingJob: ProfilerRuleEvaluationStatuses.[].RuleConfigurationName
DescribeTrainingJob: ProfilerRuleEvaluationStatuses.[].RuleEvaluationStatus
DescribeTrainingJob: ResourceConfig
DescribeTrainingJob: ResourceConfig.InstanceCount
DescribeTrainingJob: ResourceConfig.InstanceGroups.[].InstanceCount
DescribeTrainingJob: ResourceConfig.InstanceType
DescribeTrainingJob: ResourceConfig.VolumeSizeInGB
DescribeTrainingJob: RoleArn
DescribeTrainingJob: StoppingCondition.MaxRuntimeInSeconds
DescribeTrainingJob: TrainingJobArn
DescribeTrainingJob: TrainingJobName
DescribeTrainingJob: TrainingJobStatus
DescribeTrainingJob: TrainingStartTime
DescribeTransformJob: ModelName
DescribeTransformJob: TransformJobName
DescribeTransformJob: TransformJobStatus
DescribeTransformJob: TransformOutput
DescribeTransformJob: TransformOutput.S3OutputPath
DescribeTransformJob: TransformResources
DescribeTransformJob: TransformResources.InstanceCount
DescribeTransformJob: TransformResources.InstanceType
ListModelPackageGroups: ModelPackageGroupSummaryList
ListTags: Tags
Search: Results
Search: Results.[].TrialComponent
UpdateEndpoint: EndpointArn
"""
"""SageMaker's SDK v2, 2.257.7."""
V3 = """
AddTags: Tags
CreateEndpoint: EndpointArn
DescribeEndpoint: EndpointStatus
DescribeModelPackageGroup: ModelPackageGroupArn
DescribeTrainingJob: AlgorithmSpecification
DescribeTrainingJob: AlgorithmSpecification.MetricDefinitions
DescribeTrainingJob: AlgorithmSpecification.MetricDefinitions.[].Name
DescribeTrainingJob: DebugRuleEvaluationStatuses.[].RuleConfigurationName
DescribeTrainingJob: DebugRuleEvaluationStatuses.[].RuleEvaluationStatus
DescribeTrainingJob: LastModifiedTime
DescribeTrainingJob: ProfilerRuleEvaluationStatuses.[].RuleConfigurationName
DescribeTrainingJob: ProfilerRuleEvaluationStatuses.[].RuleEvaluationStatus
DescribeTrainingJob: ResourceConfig
DescribeTrainingJob: ResourceConfig.InstanceCount
DescribeTrainingJob: ResourceConfig.InstanceGroups.[].InstanceCount
DescribeTrainingJob: TrainingJobStatus
DescribeTrainingJob: TrainingStartTime
ListModelPackageGroups: ModelPackageGroupSummaryList
ListTags: Tags
ListTags: Tags.[].Key
ListTags: Tags.[].Value
Search: Results
Search: Results.[].TrialComponent
UpdateEndpoint: EndpointArn
"""
"""sagemaker-core 2.27.0, SDK v3's own: what trains, hosts and registers with it."""
V3_LEFT_OUT = (
    "inference_recommender",
    "jumpstart",
    "local",
    "model_monitor",
    "remote_function",
    "shapes",
    "spark",
    "tools",
)
"""Folders that speak of what the local cloud does not have."""


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return make_plane(tmp_path)


def lines(text: str) -> set[str]:
    return set(text.split("\n")) - {""}


def test_the_lists_are_what_the_sdks_code_indexes() -> None:
    (core,) = Path(str(distribution("sagemaker-core").locate_file("sagemaker"))).glob("core")
    files = [file for file in core.rglob("*.py") if not set(file.relative_to(core).parts) & set(V3_LEFT_OUT)]
    assert indexed(files, HONOURED) == lines(V3)
    try:
        python = client_python("sdk-v2")
    except KickstandError as error:
        pytest.skip(f"the package registry cannot be reached for SDK v2: {error}")
    (folder,) = (python.parents[1] / "lib").glob("python*/site-packages/sagemaker")
    assert indexed([folder / f"{module}.py" for module in MODULES.split()], HONOURED) == lines(V2)


def answers(plane: Plane) -> dict[str, dict[str, Any]]:
    """An answer of each operation of the lists, to the least that it may be sent."""
    made = {"DescribeEndpoint": serve(plane)}
    made["CreateEndpoint"] = plane("CreateEndpoint", EndpointName="second", EndpointConfigName="c1")
    made["UpdateEndpoint"] = plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    made["DescribeEndpointConfig"] = plane("DescribeEndpointConfig", EndpointConfigName="c1")
    plane.train(StoppingCondition={"MaxWaitTimeInSeconds": 86400}, EnableManagedSpotTraining=True)
    (run,) = plane.fakes.runs
    run.say("status", "Downloading")
    run.say("finished", outcome="Completed", artifact="s3://b/training/job/output/model.tar.gz")
    made["DescribeTrainingJob"] = plane.job()
    plane(
        "CreateTransformJob",
        TransformJobName="t",
        ModelName="c1-AllTraffic",
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}},
        TransformOutput={"S3OutputPath": "s3://b/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    made["DescribeTransformJob"] = plane("DescribeTransformJob", TransformJobName="t")
    made["ListModelPackageGroups"] = plane("ListModelPackageGroups")
    made["Search"] = plane("Search", Resource="ModelPackageGroup")  # trial components are refused by name
    plane("CreateModelPackageGroup", ModelPackageGroupName="g")
    made["DescribeModelPackageGroup"] = plane("DescribeModelPackageGroup", ModelPackageGroupName="g")
    containers = [{"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz"}]
    package = plane("CreateModelPackage", ModelPackageGroupName="g", InferenceSpecification={"Containers": containers})
    made["DescribeModelPackage"] = plane("DescribeModelPackage", ModelPackageName=package["ModelPackageArn"])
    arn = SCOPE.arn("endpoint", "ep")
    made["ListTags"] = plane("ListTags", ResourceArn=arn)
    made["AddTags"] = plane("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    return made


def missing(member: str, answer: Any, indexed: set[str], operation: str) -> bool:
    """Whether an answer lacks a member: not where a member before it is missing that the SDK does look for."""
    steps = member.split(".")
    values, before = [answer], ""
    for step in steps:
        if step == "[]":
            values = [entry for value in values for entry in value]
            continue
        before = f"{before}.{step}" if before else step
        if any(step not in value for value in values):
            return step == steps[-1] or f"{operation}: {before}" in indexed
        values = [value[step] for value in values]
    return False


def unmet(shape: Any, value: Any, path: str) -> set[str]:
    """The members that botocore's model requires of an answer and that are not in it."""
    if shape.type_name == "list":
        return {found for entry in value for found in unmet(shape.member, entry, path)}
    if shape.type_name != "structure":
        return set()
    absent = {f"{path}{name}" for name in shape.required_members if name not in value}
    below = (unmet(shape.members[name], item, f"{path}{name}.") for name, item in value.items())
    return absent.union(*below)


def test_what_the_service_model_requires_is_answered(plane: Plane) -> None:
    absent = {
        f"{operation}: {member}"
        for operation, answer in answers(plane).items()
        for member in unmet(service_model().operation_model(operation).output_shape, answer, "")
    }
    # sagemaker-core's own list of what the model requires and AWS leaves out has it: REQUIRED_TO_OPTIONAL_OVERRIDES.
    assert absent == {"DescribeModelPackage: ModelPackageName"}


def test_each_of_them_is_answered(plane: Plane) -> None:
    made = answers(plane)
    wanted = lines(V2) | lines(V3)
    absent = set()
    for line in wanted:
        operation, _, member = line.partition(": ")
        if missing(member, made[operation], wanted, operation):
            absent.add(line)
    assert absent == set()
    assert made["ListTags"] == {"Tags": []}
    assert made["DescribeTrainingJob"]["OutputDataConfig"] == {"KmsKeyId": "", "S3OutputPath": "s3://b/training"}
    assert made["DescribeTrainingJob"]["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 86400,
        "MaxWaitTimeInSeconds": 86400,
    }
    assert "ModelPackageName" not in made["DescribeModelPackage"]
