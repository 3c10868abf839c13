"""Who may take a model from one environment into the next, and who may approve it."""

from __future__ import annotations

from typing import Any

import pytest
from samples import BUCKET as DEV
from synthesis import (
    BOUNDARY,
    KEY,
    PROD,
    SIGNING_KEY,
    STAGING,
    STAGING_KEY,
    STAGING_ROLE,
    VARIANTS,
    synthesised,
)
from test_policies import policy

from kickstand.names import Names

DEV_ARN = f"arn:aws:s3:::{DEV}"
OWN = Names(STAGING).bucket_arn
RELEASE_ROLE = "bikes-staging-release-us-east-1"
GROUP = "arn:aws:sagemaker:us-east-1:444455556666:model-package-group/bikes-staging"
PACKAGES = "arn:aws:sagemaker:us-east-1:444455556666:model-package/bikes-staging/*"


def bucket_policy(variant: str) -> dict[str, dict[str, Any]]:
    (found,) = synthesised(variant).resources("AWS::S3::BucketPolicy")
    return {statement["Sid"]: statement for statement in found["Properties"]["PolicyDocument"]["Statement"]}


def release_role(variant: str) -> dict[str, Any]:
    (found,) = [r for r in synthesised(variant).resources("AWS::IAM::Role") if "RoleName" in r["Properties"]]
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_an_environment_that_takes_models_has_a_named_role() -> None:
    role = release_role("staging")
    assert (role["RoleName"], role["MaxSessionDuration"]) == (RELEASE_ROLE, 3600)
    assert Names(STAGING).release_role_arn == f"arn:aws:iam::444455556666:role/{RELEASE_ROLE}"
    named = {v for v in VARIANTS for r in synthesised(v).resources("AWS::IAM::Role") if "RoleName" in r["Properties"]}
    assert named == {"staging", "staging with keys", "everything", "longest names"}


def test_its_own_account_assumes_it_and_nobody_else() -> None:
    account = {"AWS": "arn:aws:iam::444455556666:root"}
    trusted = {"Effect": "Allow", "Principal": account, "Action": "sts:AssumeRole"}
    assert release_role("staging")["AssumeRolePolicyDocument"]["Statement"] == [trusted]
    assert "PermissionsBoundary" not in release_role("staging")
    narrowed = {**trusted, "Condition": {"ArnEquals": {"aws:PrincipalArn": STAGING_ROLE}}}
    assert release_role("staging with keys")["AssumeRolePolicyDocument"]["Statement"] == [narrowed]
    assert release_role("staging with keys")["PermissionsBoundary"] == BOUNDARY


def test_the_release_role_reads_models_and_adds_what_is_not_there() -> None:
    rules = policy("staging", RELEASE_ROLE)
    assert {sid: (rule["Action"], rule["Resource"]) for sid, rule in rules.items()} == {
        "ReadModels": (["s3:GetObject", "s3:GetObjectAttributes"], [f"{DEV_ARN}/models/*", f"{OWN}/models/*"]),
        "ListModels": (["s3:ListBucket"], [DEV_ARN]),
        "ListOwn": (["s3:ListBucket"], [OWN]),
        "AddModels": (["s3:PutObject"], [f"{OWN}/models/*", f"{OWN}/golden/*", f"{OWN}/metrics/*"]),
        "Lock": (["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], [f"{OWN}/locks/*"]),
        "Register": (["sagemaker:CreateModelPackage"], [GROUP, PACKAGES]),
        "ReadPackages": (
            [
                "sagemaker:DescribeModelPackage",
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:ListModelPackages",
            ],
            [GROUP, PACKAGES],
        ),
        # The account is AWS's own: https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/ecr-us-east-1.html
        "ReadImage": (
            ["ecr:BatchGetImage", "ecr:DescribeImages"],
            ["arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"],
        ),
    }
    conditions = {sid: rule["Condition"] for sid, rule in rules.items() if "Condition" in rule}
    assert conditions == {
        "ListModels": {"StringLike": {"s3:prefix": ["models/*"]}},
        "AddModels": {"Null": {"s3:if-none-match": "false"}},
    }


def test_keys_of_both_environments_bring_their_permissions() -> None:
    rules = policy("staging with keys", RELEASE_ROLE)
    assert (rules["ReadWithKeys"]["Action"], rules["ReadWithKeys"]["Resource"]) == (["kms:Decrypt"], [KEY, STAGING_KEY])
    assert (rules["WriteWithKey"]["Action"], rules["WriteWithKey"]["Resource"]) == (
        ["kms:GenerateDataKey"],
        [STAGING_KEY],
    )


def test_the_source_lets_one_role_of_the_target_read_models() -> None:
    rules = bucket_policy("source")
    who = {"AWS": "arn:aws:iam::444455556666:root"}
    role = {"aws:PrincipalArn": f"arn:aws:iam::444455556666:role/{RELEASE_ROLE}"}
    assert [rule for sid, rule in rules.items() if sid != "TlsOnly"] == [
        {
            "Sid": "ReadModelsStaging",
            "Effect": "Allow",
            "Principal": who,
            "Action": ["s3:GetObject", "s3:GetObjectAttributes"],
            "Resource": f"{DEV_ARN}/models/*",
            "Condition": {"ArnEquals": role},
        },
        {
            "Sid": "ListModelsStaging",
            "Effect": "Allow",
            "Principal": who,
            "Action": "s3:ListBucket",
            "Resource": DEV_ARN,
            "Condition": {"ArnEquals": role, "StringLike": {"s3:prefix": "models/*"}},
        },
    ]
    (read, _) = [rule for sid, rule in bucket_policy("staging").items() if sid != "TlsOnly"]
    assert read["Condition"] == {"ArnEquals": {"aws:PrincipalArn": Names(PROD).release_role_arn}}


@pytest.mark.parametrize("variant", ["unreleased", "prod", "second project"])
def test_without_a_next_environment_nobody_reads(variant: str) -> None:
    assert set(bucket_policy(variant)) == {"TlsOnly"}


def test_the_promoter_reads_and_asks_and_takes_on_one_role() -> None:
    rules = policy("staging with keys", "bikes-staging-promoter-us-east-1")
    assert rules["AssumeReleaseRole"]["Resource"] == [f"arn:aws:iam::444455556666:role/{RELEASE_ROLE}"]
    assert rules["Read"]["Resource"] == [
        f"{OWN}/{prefix}/*" for prefix in ("models", "metrics", "golden", "data/*/test")
    ]
    assert (rules["Sign"]["Action"], rules["Sign"]["Resource"]) == (["kms:GetPublicKey", "kms:Sign"], [SIGNING_KEY])
    assert rules["InvokeEndpoint"]["Resource"] == ["arn:aws:sagemaker:us-east-1:444455556666:endpoint/bikes-staging"]
    actions = {action for rule in rules.values() for action in rule["Action"]}
    assert {a for a in actions if not a.partition(":")[2].startswith(("Describe", "Get", "List", "Decrypt"))} == {
        "iam:SimulatePrincipalPolicy",
        "sts:AssumeRole",
        "kms:Sign",
        "sagemaker:InvokeEndpoint",
    }
    assert "AssumeReleaseRole" not in policy("source", "bikes-dev-promoter-us-east-1")


def test_the_approver_approves_and_does_not_promote() -> None:
    rules = policy("staging", "bikes-staging-approver-us-east-1")
    assert {sid: (rule["Action"], rule["Resource"]) for sid, rule in rules.items()} == {
        "Approve": (
            ["sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"],
            [PACKAGES],
        ),
        "ListPackages": (["sagemaker:ListModelPackages"], [PACKAGES]),
    }
    others = ("fitter", "reviewer", "drift", "promoter")
    assert not any(
        "sagemaker:UpdateModelPackage" in rule["Action"]
        for job in others
        for rule in policy("staging", f"bikes-staging-{job}-us-east-1").values()
    )


def test_drift_is_detected_with_the_permissions_of_whoever_asks() -> None:
    rules = policy("everything", "bikes-dev-drift-us-east-1")
    assert rules["ReadOwnRoles"]["Resource"] == ["arn:aws:iam::111122223333:role/bikes-dev-*"]
    assert rules["ReadSchedule"]["Resource"] == [
        "arn:aws:scheduler:us-east-1:111122223333:schedule/default/bikes-dev-schedule"
    ]
    assert "s3:GetBucketPolicy" in rules["ReadBucket"]["Action"]
    assert "ReadBucket" not in policy("brought along", "bikes-dev-drift-us-east-1")
    assert {"ReadSchedule", "ReadRule"} & set(policy("plain", "bikes-dev-drift-us-east-1")) == set()
