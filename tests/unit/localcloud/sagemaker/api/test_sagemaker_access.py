"""What IAM is asked about each request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.ministack.registry import Request
from localcloud.sagemaker.api.access import action_of, resource_of
from localcloud.sagemaker.api.call import Scope

SCOPE = Scope("111122223333", "us-east-1")
ARN = "arn:aws:sagemaker:us-east-1:111122223333:"


def control(operation: str, **members: Any) -> Request:
    headers = {"x-amz-target": f"SageMaker.{operation}"}
    return Request("POST", "/", headers, json.dumps(members).encode(), {})


@pytest.mark.parametrize(
    ("operation", "members", "resource"),
    [
        ("CreateTrainingJob", {"TrainingJobName": "Job-1"}, "training-job/job-1"),
        ("StopTrainingJob", {"TrainingJobName": "job"}, "training-job/job"),
        ("CreateModel", {"ModelName": "M"}, "model/m"),
        ("DeleteEndpointConfig", {"EndpointConfigName": "C"}, "endpoint-config/c"),
        ("UpdateEndpoint", {"EndpointName": "Bikes", "EndpointConfigName": "c"}, "endpoint/bikes"),
        ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e"}, "endpoint/e"),
        (
            "DescribeModelPackageGroup",
            {"ModelPackageGroupName": f"{ARN}model-package-group/G"},
            "model-package-group/g",
        ),
        ("CreateModelPackage", {"ModelPackageGroupName": "g"}, "model-package/g/*"),
        ("ListModelPackages", {"ModelPackageGroupName": "g"}, "model-package/g/*"),
        ("DescribeModelPackage", {"ModelPackageName": "g/3"}, "model-package/g/3"),
        ("UpdateModelPackage", {"ModelPackageArn": f"{ARN}model-package/g/3"}, "model-package/g/3"),
        ("AddTags", {"ResourceArn": f"{ARN}endpoint/e"}, "endpoint/e"),
    ],
)
def test_the_resource_of_an_operation(operation: str, members: dict[str, Any], resource: str) -> None:
    assert resource_of(control(operation, **members), SCOPE) == ARN + resource


def test_lists_and_broken_requests_act_on_no_one_resource() -> None:
    assert resource_of(control("ListEndpoints", NameContains="a"), SCOPE) == "*"
    assert resource_of(control("Search", Resource="TrainingJob"), SCOPE) == "*"
    assert resource_of(control("DescribeEndpoint", EndpointName=5), SCOPE) == "*"
    assert resource_of(Request("POST", "/", {"x-amz-target": "SageMaker.CreateModel"}, b"[1", {}), SCOPE) == "*"


def test_the_control_plane_leaves_the_action_to_the_target_header() -> None:
    assert action_of(control("CreateModel")) is None


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/endpoints/Bikes/invocations", "sagemaker:InvokeEndpoint"),
        ("/endpoints/Bikes/async-invocations", "sagemaker:InvokeEndpointAsync"),
        ("/endpoints/Bikes/invocations-response-stream", "sagemaker:InvokeEndpointWithResponseStream"),
    ],
)
def test_invocations_are_asked_for_the_endpoint(path: str, action: str) -> None:
    request = Request("POST", path, {}, b"1,2", {})
    assert (action_of(request), resource_of(request, SCOPE)) == (action, f"{ARN}endpoint/bikes")


def test_partitions() -> None:
    assert Scope("1" * 12, "cn-north-1").arn("model", "M") == f"arn:aws-cn:sagemaker:cn-north-1:{'1' * 12}:model/m"
    assert Scope("1" * 12, "us-isob-east-1").partition == "aws-iso-b"
