"""What a destroyed environment kept is found in its template and named as an import wants it."""

from __future__ import annotations

from typing import Any

from samples import environment

from kickstand.names import Names
from promotion.kept import kept

NAMES = Names(environment())


def _resource(kind: str, policy: str = "Retain", **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "DeletionPolicy": policy, "Properties": properties}


TEMPLATE = {
    "Resources": {
        "Bucket": _resource("AWS::S3::Bucket", BucketName=NAMES.bucket),
        "Policy": _resource("AWS::S3::BucketPolicy", Bucket={"Ref": "Bucket"}),
        "Group": _resource("AWS::SageMaker::ModelPackageGroup", ModelPackageGroupName=NAMES.model_package_group),
        "Log": _resource("AWS::Logs::LogGroup", LogGroupName="/aws/one"),
        "Deleted": _resource("AWS::Logs::LogGroup", "Delete", LogGroupName="/aws/two"),
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
    }
}
GROUP = NAMES.arn("sagemaker", f"model-package-group/{NAMES.model_package_group}")


def test_all_that_is_kept_and_there_is_named_by_its_identifier() -> None:
    assert kept(TEMPLATE, NAMES, lambda kind, identifier: True) == {
        "Bucket": {"BucketName": NAMES.bucket},
        "Policy": {"Bucket": NAMES.bucket},
        "Group": {"ModelPackageGroupArn": GROUP},
        "Log": {"LogGroupName": "/aws/one"},
    }


def test_what_is_gone_is_left_to_the_deployment() -> None:
    there = {("AWS::S3::Bucket", NAMES.bucket), ("AWS::SageMaker::ModelPackageGroup", GROUP)}
    found = kept(TEMPLATE, NAMES, lambda kind, identifier: (kind, identifier) in there)
    assert list(found) == ["Bucket", "Group"]
