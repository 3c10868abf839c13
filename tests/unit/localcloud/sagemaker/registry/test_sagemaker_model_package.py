"""Groups, versions, approval, tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, ROLE, Plane, make_plane

from localcloud.sagemaker.api.call import ServiceError

PREFIX = "arn:aws:sagemaker:us-east-1:111122223333:"
SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    made = make_plane(tmp_path)
    made("CreateModelPackageGroup", ModelPackageGroupName="Bikes", ModelPackageGroupDescription="all")
    return made


def package(plane: Plane, **changes: Any) -> str:
    request = {"ModelPackageGroupName": "Bikes", "InferenceSpecification": SPECIFICATION, **changes}
    return str(plane("CreateModelPackage", **request)["ModelPackageArn"])


def refusal(plane: Plane, operation: str, **request: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        plane(operation, **request)
    return f"{caught.value.code}: {caught.value.message}"


def test_versions_are_numbered_and_never_given_twice(plane: Plane) -> None:
    assert package(plane) == f"{PREFIX}model-package/bikes/1"
    assert package(plane) == f"{PREFIX}model-package/bikes/2"
    plane("DeleteModelPackage", ModelPackageName="Bikes/2")
    assert package(plane) == f"{PREFIX}model-package/bikes/3"
    listed = plane("ListModelPackages", ModelPackageGroupName="Bikes")["ModelPackageSummaryList"]
    assert [found["ModelPackageVersion"] for found in listed] == [3, 1]


@pytest.mark.parametrize("action", ["ecr:BatchGetImage", "ecr:DescribeImages"])
def test_whoever_registers_must_be_allowed_to_look_up_the_image(plane: Plane, action: str) -> None:
    plane.fakes.denied = {action}
    refused = refusal(plane, "CreateModelPackage", ModelPackageGroupName="Bikes", InferenceSpecification=SPECIFICATION)
    # The account is AWS's: https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/ecr-us-east-1.html
    repository = "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"
    assert refused == f"AccessDeniedException: not authorized to perform: {action} on resource: {repository}"
    assert plane("ListModelPackages", ModelPackageGroupName="Bikes")["ModelPackageSummaryList"] == []


def test_a_package_is_described(plane: Plane) -> None:
    metrics = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/q.json"}}}
    arn = package(plane, ModelMetrics=metrics, CustomerMetadataProperties={"sha256": "ab"}, ClientToken="t")
    described = plane("DescribeModelPackage", ModelPackageName=arn)
    assert described == {
        "ModelPackageGroupName": "Bikes",
        "ModelPackageVersion": 1,
        "ModelPackageArn": arn,
        "InferenceSpecification": SPECIFICATION,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelMetrics": metrics,
        "CustomerMetadataProperties": {"sha256": "ab"},
        "CreationTime": 1000.0,
        "LastModifiedTime": 1000.0,
    }
    assert package(plane, ClientToken="t") == arn  # a retried request makes no second version


def test_approval(plane: Plane) -> None:
    ana = {"Arn": "arn:aws:iam::111122223333:user/ana", "PrincipalId": "AIDAANA"}
    ben = {"Arn": "arn:aws:sts::111122223333:assumed-role/Approvers/ben", "PrincipalId": "AROAAPPROVERS:ben"}
    plane.fakes.caller = ana
    arn = package(plane, CustomerMetadataProperties={"a": "1", "b": "2"})
    plane.fakes.clock.now, plane.fakes.caller = 1500.0, ben
    plane(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="gates passed",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    described = plane("DescribeModelPackage", ModelPackageName="bikes/1")
    assert (described["ModelApprovalStatus"], described["ApprovalDescription"]) == ("Approved", "gates passed")
    assert described["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert described["LastModifiedTime"] == 1500.0
    assert (described["CreatedBy"], described["LastModifiedBy"]) == ({"IamIdentity": ana}, {"IamIdentity": ben})
    package(plane)
    approved = plane("ListModelPackages", ModelPackageGroupName="Bikes", ModelApprovalStatus="Approved")
    assert [found["ModelPackageVersion"] for found in approved["ModelPackageSummaryList"]] == [1]
    assert [detail["ModelApprovalStatus"] for _, _, detail in plane.fakes.events] == [
        "PendingManualApproval",
        "Approved",
        "PendingManualApproval",
    ]


def test_a_description_of_an_approval_has_1024_characters(plane: Plane) -> None:
    arn = package(plane)
    plane("UpdateModelPackage", ModelPackageArn=arn, ApprovalDescription="x" * 1024)
    assert "length less than or equal to 1024" in refusal(
        plane, "UpdateModelPackage", ModelPackageArn=arn, ApprovalDescription="x" * 1025
    )


def test_a_group_with_packages_stays(plane: Plane) -> None:
    package(plane)
    assert refusal(plane, "DeleteModelPackageGroup", ModelPackageGroupName="Bikes") == (
        "ConflictException: Model Package Group cannot be deleted as it contains Model Packages. "
        f"{PREFIX}model-package-group/bikes"
    )
    plane("DeleteModelPackage", ModelPackageName="bikes/1")
    plane("DeleteModelPackageGroup", ModelPackageGroupName="Bikes")
    assert refusal(plane, "DescribeModelPackageGroup", ModelPackageGroupName="Bikes") == (
        f"ValidationException: ModelPackageGroup {PREFIX}model-package-group/bikes does not exist."
    )


def test_what_is_missing_or_taken(plane: Plane) -> None:
    assert refusal(plane, "CreateModelPackageGroup", ModelPackageGroupName="bikes") == (
        f"ValidationException: Model Package Group already exists: {PREFIX}model-package-group/bikes"
    )
    assert refusal(plane, "DescribeModelPackage", ModelPackageName="bikes/9") == (
        f"ValidationException: ModelPackage {PREFIX}model-package/bikes/9 does not exist."
    )
    assert "does not exist" in refusal(plane, "CreateModelPackage", ModelPackageGroupName="cars")
    assert refusal(plane, "CreateModelPackage", ModelPackageName="alone") == (
        "ValidationException: A model package outside a model package group is not supported by the local cloud yet."
    )
    assert refusal(plane, "CreateApp") == (
        "UnknownOperationException: The operation CreateApp is not supported by the local cloud yet."
    )


def test_a_model_of_a_package(plane: Plane) -> None:
    arn = package(plane)
    plane("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": arn})
    assert plane("DescribeModel", ModelName="m")["PrimaryContainer"] == {"Mode": "SingleModel", "ModelPackageName": arn}
    assert plane.rows["models"].data["111122223333", "us-east-1", "m"]["_source"] == {
        "Image": IMAGE,
        "ModelDataUrl": "s3://b/m.tar.gz",
        "Environment": {},
    }


def test_tags(plane: Plane) -> None:
    arn = f"{PREFIX}model-package-group/bikes"
    plane("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    added = plane("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}])
    assert added == {"Tags": [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]}
    plane("DeleteTags", ResourceArn=arn, TagKeys=["b", "absent"])
    assert plane("ListTags", ResourceArn=arn) == {"Tags": [{"Key": "a", "Value": "3"}]}
    assert "aws: prefixed tag key names" in refusal(
        plane, "AddTags", ResourceArn=arn, Tags=[{"Key": "aws:x", "Value": "1"}]
    )
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    assert "at most 50 tags" in refusal(plane, "AddTags", ResourceArn=arn, Tags=many)
    assert refusal(plane, "ListTags", ResourceArn=f"{PREFIX}endpoint/none") == (
        f"ValidationException: Could not find resource {PREFIX}endpoint/none."
    )
    foreign = arn.replace("111122223333", "999999999999")
    assert refusal(plane, "ListTags", ResourceArn=foreign).startswith("AccessDeniedException")
