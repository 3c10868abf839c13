"""What a destroyed environment kept is found in its template and named as an import wants it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.retained import Existing, complete_log_groups, retained_resources
from kickstand.names import Names

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
        "Gone": _resource("AWS::S3::Bucket", "Delete", BucketName="other"),
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
    }
}
GROUP = NAMES.arn("sagemaker", f"model-package-group/{NAMES.model_package_group}")


def test_all_that_is_kept_and_there_is_named_by_its_identifier() -> None:
    assert retained_resources(TEMPLATE, NAMES, lambda kind, identifier: True) == {
        "Bucket": {"BucketName": NAMES.bucket},
        "Policy": {"Bucket": NAMES.bucket},
        "Group": {"ModelPackageGroupArn": GROUP},
        "Log": {"LogGroupName": "/aws/one"},
        "Deleted": {"LogGroupName": "/aws/two"},  # one that came back after its stack was gone
    }


def test_what_is_gone_is_left_to_the_deployment() -> None:
    there = {("AWS::S3::Bucket", NAMES.bucket), ("AWS::SageMaker::ModelPackageGroup", GROUP)}
    found = retained_resources(TEMPLATE, NAMES, lambda kind, identifier: (kind, identifier) in there)
    assert list(found) == ["Bucket", "Group"]


class _Logs:
    def __init__(self, code: str = "") -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.code = code

    def put_retention_policy(self, **request: Any) -> None:
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "No."}}, "PutRetentionPolicy")
        self.calls.append(("retention", request))

    def associate_kms_key(self, **request: Any) -> None:
        self.calls.append(("key", request))


def test_an_imported_log_group_is_given_what_its_template_says_and_nothing_else_is() -> None:
    keyed = _resource("AWS::Logs::LogGroup", "Delete", LogGroupName="/a", RetentionInDays=90, KmsKeyId="arn:key")
    template = {"Resources": {**TEMPLATE["Resources"], "Keyed": keyed}}
    logs = _Logs()
    complete_log_groups(logs, template, {"Bucket": {"BucketName": "b"}, "Log": {"LogGroupName": "/aws/one"}})  # type: ignore[arg-type]
    assert logs.calls == []
    complete_log_groups(logs, template, {"Keyed": {"LogGroupName": "/a"}})  # type: ignore[arg-type]
    assert logs.calls == [
        ("retention", {"logGroupName": "/a", "retentionInDays": 90}),
        ("key", {"logGroupName": "/a", "kmsKeyId": "arn:key"}),
    ]


def test_a_deployment_goes_on_where_a_log_group_cannot_be_given_its_retention() -> None:
    template = {"Resources": {"Log": _resource("AWS::Logs::LogGroup", "Delete", LogGroupName="/a", RetentionInDays=90)}}
    found = {"Log": {"LogGroupName": "/a"}}
    assert complete_log_groups(_Logs("AccessDeniedException"), template, found) == [  # type: ignore[arg-type]
        "aws logs put-retention-policy --log-group-name /a --retention-in-days 90"
    ]
    with pytest.raises(ClientError, match="ThrottlingException"):
        complete_log_groups(_Logs("ThrottlingException"), template, found)  # type: ignore[arg-type]


class _Account:
    """A session of an account that holds these buckets, groups and log groups; it counts nothing else."""

    def __init__(self, *held: str) -> None:
        self.held = held

    def client(self, service: str) -> _Account:
        return self

    def head_bucket(self, Bucket: str, ExpectedBucketOwner: str) -> None:  # noqa: N803
        assert ExpectedBucketOwner == NAMES.environment.account
        self._require(Bucket)

    def describe_model_package_group(self, ModelPackageGroupName: str) -> None:  # noqa: N803
        self._require(ModelPackageGroupName)

    def describe_log_groups(self, logGroupNamePrefix: str) -> dict[str, Any]:  # noqa: N803
        names = [name for name in self.held if name.startswith(logGroupNamePrefix)]
        return {"logGroups": [{"logGroupName": name} for name in names]}

    def _require(self, name: str) -> None:
        if name not in self.held:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "Probe")


@pytest.mark.parametrize(
    ("held", "training", "hosting"),
    [
        ((), False, False),
        ((NAMES.bucket,), True, False),
        ((NAMES.model_package_group,), True, False),
        ((NAMES.endpoint_log_group,), False, True),
        ((NAMES.transform_machine_log_group,), False, True),
        ((f"{NAMES.endpoint_log_group}-other",), False, False),
    ],
)
def test_what_is_left_tells_of_which_stack(held: tuple[str, ...], training: bool, hosting: bool) -> None:
    exists = Existing(_Account(*held), NAMES)  # type: ignore[arg-type]
    assert (exists.training(), exists.hosting()) == (training, hosting)
