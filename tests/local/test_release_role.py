"""Between three accounts: what a release role reaches, what everybody else does not."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from three_accounts import ACCOUNTS, PREFIXES, ThreeAccounts, make_three_accounts

from kickstand.aws.s3 import ArtifactBucket, ReadObject, S3Location, keep_copy
from localcloud.cloud import LocalCloud

OBJECT = "one/test/object"


@pytest.fixture(scope="session")
def accounts(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> ThreeAccounts:
    return make_three_accounts(tmp_path_factory.mktemp("accounts"), cloud)


@pytest.fixture(scope="session")
def release_role(accounts: ThreeAccounts) -> dict[str, Any]:
    """Credentials of staging's release role, taken on by somebody who holds staging's promoter policy alone."""
    promoter = accounts.user("staging", "promoter")
    return accounts.assume("staging", accounts.names("staging").release_role_arn, promoter)


def reached(accounts: ThreeAccounts, owner: str, caller: str, key: dict[str, Any] | None) -> set[str]:
    """What of an environment's bucket a caller of some account may do; all the rest must have been denied."""
    s3, bucket = accounts.client("s3", caller, key), accounts.names(owner).bucket
    calls: dict[str, tuple[Any, dict[str, Any]]] = {"list all": (s3.list_objects_v2, {})}
    for prefix in PREFIXES:
        there = {"Key": f"{prefix}/{OBJECT}"}
        calls[f"get {prefix}"] = (s3.get_object, there)
        calls[f"head {prefix}"] = (s3.head_object, there)
        calls[f"attributes {prefix}"] = (s3.get_object_attributes, {**there, "ObjectAttributes": ["Checksum"]})
        calls[f"list {prefix}"] = (s3.list_objects_v2, {"Prefix": f"{prefix}/"})
        calls[f"overwrite {prefix}"] = (s3.put_object, {**there, "Body": b"forged"})
        calls[f"delete {prefix}"] = (s3.delete_object, {"Key": f"{prefix}/none"})
    found = set()
    for name, (call, arguments) in calls.items():
        try:
            call(Bucket=bucket, **arguments)
            found.add(name)
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("AccessDenied", "403"), (name, error)
    return found


MODELS = {f"{verb} models" for verb in ("get", "head", "attributes", "list")}


def test_of_the_source_it_reads_models_and_nothing_else(accounts: ThreeAccounts, release_role: dict[str, Any]) -> None:
    assert reached(accounts, "dev", "staging", release_role) == MODELS


def test_at_home_it_adds_and_locks(accounts: ThreeAccounts, release_role: dict[str, Any]) -> None:
    locks = {f"{verb} locks" for verb in ("get", "head", "overwrite", "delete")}
    listings = {"list all", *(f"list {prefix}" for prefix in PREFIXES)}
    assert reached(accounts, "staging", "staging", release_role) == MODELS | locks | listings
    s3, bucket = accounts.client("s3", "staging", release_role), accounts.names("staging").bucket
    assert refusal(lambda: s3.get_object(Bucket=bucket, Key="locks/none")) == "NoSuchKey"


def test_of_the_next_environment_it_reaches_nothing(accounts: ThreeAccounts, release_role: dict[str, Any]) -> None:
    assert reached(accounts, "prod", "staging", release_role) == set()


def test_a_model_is_copied_under_its_key_once(accounts: ThreeAccounts, release_role: dict[str, Any]) -> None:
    s3, target = accounts.client("s3", "staging", release_role), accounts.names("staging").bucket
    source = {"Bucket": accounts.names("dev").bucket, "Key": f"models/{OBJECT}"}
    copy = {"Bucket": target, "Key": "models/copied/model.tar.gz", "CopySource": source, "TaggingDirective": "REPLACE"}
    assert refusal(lambda: s3.copy_object(**copy)) == "AccessDenied"  # without the condition it might write over
    s3.copy_object(**copy, IfNoneMatch="*")
    assert s3.get_object(Bucket=target, Key="models/copied/model.tar.gz")["Body"].read() == b"dev"
    assert refusal(lambda: s3.copy_object(**copy, IfNoneMatch="*")) == "PreconditionFailed"
    for prefix in ("data", "golden", "training"):
        other = {**copy, "Key": f"models/{prefix}", "CopySource": {**source, "Key": f"{prefix}/{OBJECT}"}}
        assert refusal(lambda other=other: s3.copy_object(**other, IfNoneMatch="*")) == "AccessDenied"
    for prefix in ("golden", "metrics"):
        added = {"Bucket": target, "Key": f"{prefix}/added.json", "Body": b"{}"}
        assert refusal(lambda added=added: s3.put_object(**added)) == "AccessDenied"
        s3.put_object(**added, IfNoneMatch="*")


def test_a_copy_leaves_tags_and_annotations_behind(accounts: ThreeAccounts, release_role: dict[str, Any]) -> None:
    """Copying either takes permissions that the role has not; the product's copy asks for neither."""
    dev, s3 = accounts.client("s3", "dev"), accounts.client("s3", "staging", release_role)
    source, target = accounts.names("dev").bucket, accounts.names("staging").bucket
    for key in ("models/tagged", "models/annotated"):
        dev.put_object(Bucket=source, Key=key, Body=b"marked", IfNoneMatch="*")
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    dev.put_object_tagging(Bucket=source, Key="models/tagged", Tagging=tags)
    dev.put_object_annotation(Bucket=source, Key="models/annotated", AnnotationName="note", AnnotationPayload=b"x")
    for key, directives in (("models/tagged", {}), ("models/annotated", {"TaggingDirective": "REPLACE"})):
        copy = {"Bucket": target, "Key": "models/x", "CopySource": {"Bucket": source, "Key": key}, "IfNoneMatch": "*"}
        assert refusal(lambda copy=copy, more=directives: s3.copy_object(**copy, **more)) == "AccessDenied"
    for key in ("models/tagged", "models/annotated"):
        etag = str(s3.head_object(Bucket=source, Key=key)["ETag"])
        digest = hashlib.sha256(b"marked").hexdigest()
        read = ReadObject(S3Location(source, key), digest, 6, etag)
        keep_copy(s3, read, ArtifactBucket(target), f"models/kept-{key.rpartition('/')[2]}")


def refusal(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def test_another_role_of_the_targets_account_reads_nothing(accounts: ThreeAccounts) -> None:
    """Given a role of staging's account that its own policies allow everything, and the account's root."""
    iam = accounts.client("iam", "staging")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNTS['staging']}:root"}}
    name = f"{accounts.names('staging').release_role}-2"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy({**trust, "Action": "sts:AssumeRole"}))[
        "Role"
    ]["Arn"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(everything))
    assert reached(accounts, "dev", "staging", accounts.assume("staging", role)) == set()
    assert reached(accounts, "dev", "staging", None) == set()


def test_prod_takes_from_staging_and_does_not_see_dev(accounts: ThreeAccounts) -> None:
    prod = accounts.assume("prod", accounts.names("prod").release_role_arn, accounts.user("prod", "promoter"))
    assert reached(accounts, "staging", "prod", prod) == MODELS
    assert reached(accounts, "dev", "prod", prod) == set()


def test_who_may_take_the_role_on(accounts: ThreeAccounts) -> None:
    arn = accounts.names("staging").release_role_arn
    for environment, jobs in (
        ("staging", ("fitter", "reviewer", "drift", "approver")),  # no policy of theirs allows it
        ("dev", ("promoter",)),  # of another account
        ("prod", ("promoter",)),
    ):
        key = accounts.user(environment, *jobs)
        assert refusal(lambda key=key, place=environment: accounts.assume(place, arn, key)) == "AccessDenied"
    assert refusal(lambda: accounts.assume("prod", arn)) == "AccessDenied"  # prod's root


def test_it_registers_models_and_does_not_approve_them(accounts: ThreeAccounts, release_role: dict[str, Any]) -> None:
    names, sagemaker = accounts.names("staging"), accounts.client("sagemaker", "staging", release_role)
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    container = {"Image": image, "ModelDataUrl": f"s3://{names.bucket}/models/{OBJECT}"}
    made = sagemaker.create_model_package(
        ModelPackageGroupName=names.model_package_group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    approval = {"ModelPackageArn": made, "ModelApprovalStatus": "Approved"}
    assert refusal(lambda: sagemaker.update_model_package(**approval)) == "AccessDeniedException"
    promoter = accounts.client("sagemaker", "staging", accounts.user("staging", "promoter"))
    assert refusal(lambda: promoter.update_model_package(**approval)) == "AccessDeniedException"
    approver = accounts.client("sagemaker", "staging", accounts.user("staging", "approver"))
    approver.update_model_package(**approval)
    described = sagemaker.describe_model_package(ModelPackageName=made)
    assert described["ModelApprovalStatus"] == "Approved"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
