"""boto3, unmodified, with the variables that `kickstand local env dev` prints: waiters, pages, errors as on AWS."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from printed_environment import printed_environment
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client, World, make_world

from localcloud.cloud import LocalCloud

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
QUICK = {"Delay": 0.2, "MaxAttempts": 300}


@pytest.fixture(scope="module", autouse=True)
def shell(cloud: LocalCloud) -> Iterator[None]:
    """This process's variables are those of a shell that was pointed at the local cloud."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in printed_environment(cloud).items():
            if name.startswith(("AWS_", "NO_PROXY", "no_proxy")):
                patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"boto-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def sagemaker(shell: None) -> Any:
    """As a user makes it: no endpoint, no region, no key in the code."""
    return boto3.Session().client("sagemaker")


@pytest.fixture(scope="module")
def artifact(world: World) -> str:
    return world.artifact()


def fresh(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def test_the_shell_is_the_account_of_dev() -> None:
    assert boto3.Session().client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert "AWS_PROFILE" not in os.environ
    assert "AWS_SESSION_TOKEN" not in os.environ


def test_jobs_are_trained_waited_for_and_listed_by_page(world: World, sagemaker: Any) -> None:
    stem = fresh("job")
    for number in (1, 2):
        sagemaker.create_training_job(**world.training_job(f"{stem}-{number}"))
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName=f"{stem}-{number}", WaiterConfig=QUICK
        )
    last = sagemaker.describe_training_job(TrainingJobName=f"{stem}-2")
    assert last["TrainingJobStatus"] == "Completed"
    assert last["TrainingEndTime"] > last["TrainingStartTime"] > last["CreationTime"]
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains=stem,
        StatusEquals="Completed",
        SortBy="CreationTime",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 1},
    )
    assert [[one["TrainingJobName"] for one in page["TrainingJobSummaries"]] for page in pages] == [
        [f"{stem}-1"],
        [f"{stem}-2"],
    ]


def test_the_waiter_tells_of_a_failed_job_and_a_stopped_one_is_no_failure(world: World, sagemaker: Any) -> None:
    waiter, bad, long = sagemaker.get_waiter("training_job_completed_or_stopped"), fresh("bad"), fresh("long")
    sagemaker.create_training_job(**world.training_job(bad, HyperParameters={"num_round": "5", "eta": "three"}))
    with pytest.raises(botocore.exceptions.WaiterError, match='we matched expected path: "Failed"'):
        waiter.wait(TrainingJobName=bad, WaiterConfig=QUICK)
    assert "eta" in sagemaker.describe_training_job(TrainingJobName=bad)["FailureReason"]
    sagemaker.create_training_job(**world.training_job(long, HyperParameters={"num_round": "1000000"}))
    sagemaker.stop_training_job(TrainingJobName=long)
    waiter.wait(TrainingJobName=long, WaiterConfig=QUICK)
    assert sagemaker.describe_training_job(TrainingJobName=long)["TrainingJobStatus"] == "Stopped"


def test_an_endpoint_from_model_to_deletion(world: World, sagemaker: Any, artifact: str) -> None:
    name, runtime = fresh("ep"), boto3.Session().client("sagemaker-runtime")
    container = {"Image": IMAGE, "ModelDataUrl": artifact}
    made = sagemaker.create_model(ModelName=name, ExecutionRoleArn=world.role, PrimaryContainer=container)
    assert made["ModelArn"] == f"{ARN}model/{name}"
    for number in (1, 2):
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=f"{name}-{number}", ProductionVariants=[{**variant, "InitialInstanceCount": number}]
        )
    made = sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-1")
    assert made["EndpointArn"] == f"{ARN}endpoint/{name}"
    in_service = sagemaker.get_waiter("endpoint_in_service")
    in_service.wait(EndpointName=name, WaiterConfig=QUICK)
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=b"0.5,0.5\n")
    assert float(answer["Body"].read()) == pytest.approx(2.0, abs=0.3)

    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-2")
    in_service.wait(EndpointName=name, WaiterConfig=QUICK)
    described = sagemaker.describe_endpoint(EndpointName=name)
    assert described["EndpointConfigName"] == f"{name}-2"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    listed = sagemaker.list_endpoints(NameContains=name, StatusEquals="InService")["Endpoints"]
    assert [one["EndpointName"] for one in listed] == [name]

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=QUICK)
    for number in (1, 2):
        sagemaker.delete_endpoint_config(EndpointConfigName=f"{name}-{number}")
    sagemaker.delete_model(ModelName=name)
    assert sagemaker.list_models(NameContains=name)["Models"] == []
    assert sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"] == []


@pytest.mark.contract("H41")
def test_the_waiter_tells_of_an_endpoint_that_cannot_start(world: World, sagemaker: Any) -> None:
    name = fresh("broken")
    world.config(name, ("AllTraffic", world.model(name, world.broken_artifact()), 1))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with pytest.raises(botocore.exceptions.WaiterError, match='we matched expected path: "Failed"'):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=QUICK)
    assert "did not pass the ping health check" in sagemaker.describe_endpoint(EndpointName=name)["FailureReason"]


def test_model_packages_are_registered_and_approved(sagemaker: Any, artifact: str) -> None:
    group = fresh("group")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    specification = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": artifact}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    assert arn == f"{ARN}model-package/{group}/1"
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    approved = sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    (summary,) = approved["ModelPackageSummaryList"]
    assert (summary["ModelPackageArn"], summary["ModelPackageVersion"]) == (arn, 1)
    assert "ModelPackageName" not in summary
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (described["ModelApprovalStatus"], described["ApprovalDescription"]) == ("Approved", "good")
    with pytest.raises(sagemaker.exceptions.ConflictException, match="contains Model Packages"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    assert sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"] == []


def test_tags_are_added_listed_and_deleted(world: World, sagemaker: Any, artifact: str) -> None:
    arn = f"{ARN}model/{world.model(fresh('tagged'), artifact, Tags=[{'Key': 'team', 'Value': 'a'}])}"
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": "1"}])
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    assert tags == {"team": "b", "cost": "1"}
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["cost"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "b"}]


NOTHING = 'Could not find {} "' + ARN + '{}/none".'


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        ("describe_training_job", {"TrainingJobName": "none"}, "Requested resource not found."),
        ("stop_training_job", {"TrainingJobName": "none"}, "Requested resource not found."),
        ("describe_model", {"ModelName": "none"}, NOTHING.format("model", "model")),
        ("delete_model", {"ModelName": "none"}, NOTHING.format("model", "model")),
        (
            "describe_endpoint_config",
            {"EndpointConfigName": "none"},
            NOTHING.format("endpoint configuration", "endpoint-config"),
        ),
        ("describe_endpoint", {"EndpointName": "none"}, NOTHING.format("endpoint", "endpoint")),
        ("delete_endpoint", {"EndpointName": "none"}, NOTHING.format("endpoint", "endpoint")),
        (
            "create_endpoint",
            {"EndpointName": "none", "EndpointConfigName": "none"},
            NOTHING.format("endpoint configuration", "endpoint-config"),
        ),
        (
            "describe_model_package_group",
            {"ModelPackageGroupName": "none"},
            f"ModelPackageGroup {ARN}model-package-group/none does not exist.",
        ),
        (
            "list_training_jobs",
            {"MaxResults": 101},
            "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have "
            "value less than or equal to 100",
        ),
        (
            "create_model",
            {"ModelName": "a b", "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"},
            "1 validation error detected: Value 'a b' at 'modelName' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: [a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?",
        ),
    ],
)
def test_what_is_wrong_is_a_validation_exception(operation: str, arguments: dict[str, Any], message: str) -> None:
    """Past boto3's own checks, which would catch the last two: other SDKs do not have them."""
    unchecked = boto3.Session().client("sagemaker", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as caught:
        getattr(unchecked, operation)(**arguments)
    assert caught.value.response["Error"] == {"Code": "ValidationException", "Message": message}
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_name_that_is_taken(world: World, sagemaker: Any, artifact: str) -> None:
    name = fresh("taken")
    sagemaker.create_training_job(**world.training_job(name))
    world.wait_for_job(name)
    with pytest.raises(sagemaker.exceptions.ResourceInUse, match="names must be unique"):
        sagemaker.create_training_job(**world.training_job(name))
    model = world.model(fresh("taken"), artifact)
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        world.model(model, artifact)
