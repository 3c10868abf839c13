"""What goes with a training stack is read from its own template, and only that is emptied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import BUCKET, environment

from deployment.destroy import DeletionPlan, deletion_plan, empty, left_log_groups
from kickstand.aws.deployed import live_template
from kickstand.errors import KickstandError
from kickstand.names import Names

NAMES = Names(environment())


def template(policy: str | None) -> dict[str, object]:
    kept = {} if policy is None else {"DeletionPolicy": policy}
    return {
        "Resources": {
            "A": {"Type": "AWS::S3::Bucket", **kept},
            "B": {"Type": "AWS::SageMaker::ModelPackageGroup", **kept},
            "C": {"Type": "AWS::IAM::Role"},
        }
    }


def test_what_the_template_retains_is_never_emptied() -> None:
    for policy in ("Retain", "RetainExceptOnCreate"):
        assert deletion_plan(template(policy), NAMES) == DeletionPlan(bucket=None, model_package_group=None)


def test_what_the_template_deletes_goes_with_it() -> None:
    for policy in ("Delete", None):
        assert deletion_plan(template(policy), NAMES) == DeletionPlan(bucket=BUCKET, model_package_group="bikes-dev")


def test_an_organisations_own_bucket_is_not_in_the_template_and_stays() -> None:
    assert deletion_plan({"Resources": {"C": {"Type": "AWS::IAM::Role"}}}, NAMES).bucket is None


class _Deployed:
    """A session whose stack has this template body."""

    def __init__(self, body: object) -> None:
        self.body = body

    def client(self, service: str) -> _Deployed:
        return self

    def get_template(self, **request: str) -> dict[str, object]:
        return {"TemplateBody": self.body}


def test_a_template_in_yaml_is_that_of_an_import_and_nothing_goes_with_it() -> None:
    templates: dict[str, dict[str, Any]] = {
        "Resources:\n  A:\n    Type: X\n": {},
        '{"Resources": {}}': {"Resources": {}},
    }
    for body, expected in templates.items():
        assert live_template(_Deployed(body), "stack") == expected  # type: ignore[arg-type]
    assert deletion_plan({}, NAMES) == DeletionPlan(bucket=None, model_package_group=None)


class _Account:
    """A bucket of two versions that S3 does not let go of as it should, and a group whose list moves as it shrinks."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        self.errors = errors
        self.packages = [f"arn:package/{number}" for number in range(5)]
        self.deleted: list[str] = []

    def client(self, service: str) -> _Account:
        return self

    def get_paginator(self, operation: str) -> _Account:
        self.operation = operation
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        if self.operation == "list_object_versions":
            yield {"Versions": [{"Key": "data/a", "VersionId": "1"}], "DeleteMarkers": [{"Key": "b", "VersionId": "2"}]}
            return
        start = 0  # a token is an offset: what is deleted meanwhile moves the rest to the front
        while start < len(self.packages):
            yield {"ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in self.packages[start : start + 2]]}
            start += 2

    def delete_objects(self, **request: Any) -> dict[str, Any]:
        assert request["Delete"] == {
            "Objects": [{"Key": "data/a", "VersionId": "1"}, {"Key": "b", "VersionId": "2"}],
            "Quiet": True,
        }
        return {"Errors": self.errors} if self.errors else {}

    def delete_model_package(self, ModelPackageName: str) -> None:  # noqa: N803
        self.packages.remove(ModelPackageName)
        self.deleted.append(ModelPackageName)


def test_every_package_goes_though_the_list_shrinks() -> None:
    account = _Account([])
    empty(account, DeletionPlan(bucket=BUCKET, model_package_group="bikes-dev"))  # type: ignore[arg-type]
    assert account.packages == []
    assert account.deleted == [f"arn:package/{number}" for number in range(5)]


def test_objects_that_s3_did_not_delete_are_named_with_its_reason() -> None:
    denied = {"Key": "data/a", "VersionId": "1", "Code": "AccessDenied", "Message": "Access Denied"}
    account = _Account([denied, *({"Key": f"k{number}", "Code": "InternalError"} for number in range(6))])
    with pytest.raises(KickstandError) as caught:
        empty(account, DeletionPlan(bucket=BUCKET, model_package_group=None))  # type: ignore[arg-type]
    problems = caught.value.problems
    assert problems[0].message == "S3 did not delete an object: AccessDenied: Access Denied"
    assert problems[0].where == f"s3://{BUCKET}/data/a (version 1)"
    assert problems[1].message == "S3 did not delete an object: InternalError"
    assert problems[-1].message == "S3 did not delete 2 more objects of this request."
    assert len(problems) == 6


class _LeftBehind:
    """An account with these stacks and endpoints, and a log group under every name of the environment."""

    def __init__(self, *there: str) -> None:
        self.there = there

    def client(self, service: str) -> _LeftBehind:
        return self

    def get_template(self, StackName: str, TemplateStage: str) -> dict[str, object]:  # noqa: N803
        self._require(StackName, "ValidationError", f"Stack with id {StackName} does not exist")
        return {"TemplateBody": {}}

    def describe_endpoint(self, EndpointName: str) -> dict[str, str]:  # noqa: N803
        self._require(EndpointName, "ValidationException", "Could not find endpoint.")
        return {"EndpointStatus": "InService"}

    def get_paginator(self, operation: str) -> _LeftBehind:
        assert operation == "describe_log_groups"
        return self

    def paginate(self, logGroupNamePrefix: str) -> list[dict[str, Any]]:  # noqa: N803
        groups = [logGroupNamePrefix, f"{logGroupNamePrefix}-of-another"]
        return [{"logGroups": [{"logGroupName": group}]} for group in groups]

    def _require(self, name: str, code: str, message: str) -> None:
        if name not in self.there:
            raise ClientError({"Error": {"Code": code, "Message": message}}, "Look")


ENDPOINT_LOG = "/aws/sagemaker/Endpoints/bikes-dev"
TRANSFORM_LOG = "/aws/vendedlogs/states/bikes-dev-transform"
TRIGGER_LOG = "/aws/vendedlogs/states/bikes-dev-training"
STOP_LOG = "/aws/vendedlogs/states/bikes-dev-stop"


@pytest.mark.parametrize(
    ("there", "hosting_only", "expected"),
    [
        ((), False, [ENDPOINT_LOG, STOP_LOG, TRIGGER_LOG, TRANSFORM_LOG]),
        ((), True, [ENDPOINT_LOG, TRANSFORM_LOG]),
        (("bikes-dev-training",), False, [ENDPOINT_LOG, TRANSFORM_LOG]),
        (("bikes-dev-hosting",), False, [STOP_LOG, TRIGGER_LOG]),
        (("bikes-dev",), False, [STOP_LOG, TRIGGER_LOG, TRANSFORM_LOG]),  # an endpoint of that name, made by hand
    ],
)
def test_log_groups_without_their_stack(there: tuple[str, ...], hosting_only: bool, expected: list[str]) -> None:
    found = left_log_groups(_LeftBehind(*there), NAMES, hosting_only=hosting_only)  # type: ignore[arg-type]
    assert found == expected


def test_prods_log_groups_are_evidence() -> None:
    prod = Names(environment(name="prod"))
    assert left_log_groups(_LeftBehind(), prod, hosting_only=False) == []  # type: ignore[arg-type]
