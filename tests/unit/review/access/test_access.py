"""What deployed stacks allow, as an auditor asks: what can the model read, who may write, who is let in."""

from __future__ import annotations

import json

import pytest
from allowing_stacks import (
    ACCOUNT,
    ARTIFACT,
    BUCKET,
    ENDPOINT,
    HOSTING,
    PHYSICAL,
    ROLE,
    TRAINING,
    access,
    allow,
    managed,
    objects,
)
from samples import environment

from review.access.allowed import Access, DeployedStack, allowed, deployed_resources
from review.access.view import access_fields, access_lines, access_query, replacement_risks
from review.changes.template import StackScope


def told(found: Access, *, full: bool = False) -> list[str]:
    return list(access_lines(found, ACCOUNT, bucket=BUCKET, full=full))


def test_the_endpoints_model_is_told_first_then_the_others() -> None:
    assert told(access()) == [
        "What can the endpoint's model read, and do?",
        f"  The role {ROLE} (The endpoint bikes-dev)",
        "    its container has no network: it sees the model artifact and the requests,",
        "      and nothing else",
        "    may read objects (s3:GetObject):",
        f"      arn:aws:s3:::{BUCKET}/models/*",
        "    may write metrics (cloudwatch:PutMetricData) on every resource, only if",
        "      cloudwatch:namespace is /aws/sagemaker/Endpoints",
        "    SageMaker may act as it, nobody else",
        "",
        "What can training jobs do?",
        "  The role bikes-dev-training-JobRole-2Y (Training jobs of bikes-dev)",
        "    may read objects: data/*",
        "    may write objects: training/*",
        "    SageMaker may act as it, nobody else",
        "",
        "What can the role do that takes models in?",
        "  The role bikes-dev-release (Takes models in)",
        "    may write objects: models/*",
        "    and 1 other action, which changes nothing",
        "    may do all that the managed policy arn:aws:iam::aws:policy/ReadOnlyAccess",
        "      allows",
        "    but nothing beyond its permissions boundary",
        f"      arn:aws:iam::{ACCOUNT}:policy/limit",
        f"    callers in this account ({ACCOUNT}) may act as it, nobody else",
        "",
        "What can people do whom somebody gave one of the managed policies?",
        "  Holders of the managed policy bikes-dev-fitter (Train models)",
        "    may read objects: data/*, models/*",
        "    may write objects: data/*, models/*",
        "    and 2 other actions, 1 of which change nothing",
        "",
        "Whom do the resources themselves let in, or keep out?",
        f"  The bucket {BUCKET}",
        "    callers in account 444455556666 may read objects (s3:GetObject):",
        f"      arn:aws:s3:::{BUCKET}/models/*",
        "    everyone may never do anything in S3 (s3:*), if aws:SecureTransport is",
        "      false:",
        f"      arn:aws:s3:::{BUCKET}",
        "",
        "Who is let in from outside the account?",
        "  callers in account 444455556666.",
        "",
        f"Besides: administrators of the account {ACCOUNT} may do anything, and",
        "  CloudFormation whatever a deployment asks for. What somebody changed outside",
        "  the stacks is drift, which kickstand review shows.",
    ]


def test_in_full_every_action_resource_and_condition_is_named() -> None:
    full = told(access(), full=True)
    start = full.index("  The role bikes-dev-release (Takes models in)")
    assert full[start + 1 : start + 5] == [
        "    may use sagemaker:DescribeModelPackage on every resource",
        "    may write objects (s3:PutObject), only if s3:if-none-match is given:",
        f"      arn:aws:s3:::{BUCKET}/models/*",
        "    may do all that the managed policy arn:aws:iam::aws:policy/ReadOnlyAccess",
    ]


def test_a_container_with_a_network_is_told() -> None:
    model = {"Type": "AWS::SageMaker::Model", "Properties": {"ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}}
    found = access({**HOSTING, "Model": model})
    assert not found.isolated
    assert "    its container has a network: it can reach whatever its network and this role" in told(found)


def test_a_role_of_somebody_elses_is_named_with_who_knows_it() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/team/ours"
    lines = told(access({"Model": {"Type": "AWS::SageMaker::Model", "Properties": {"ExecutionRoleArn": arn}}}))
    assert lines[1:5] == [
        f"  Whatever the role {arn} may. It is none of",
        "    these stacks'; IAM knows it:",
        "    aws iam list-role-policies --role-name ours",
        "    aws iam list-attached-role-policies --role-name ours",
    ]


def test_without_an_endpoint_no_model_reads_anything() -> None:
    found = allowed([DeployedStack("bikes-dev-training", {"Resources": TRAINING}, PHYSICAL)], environment())
    assert told(found)[:2] == ["No endpoint is deployed, so no model can read anything.", ""]


@pytest.mark.parametrize(
    ("action", "resource", "names"),
    [
        (
            "s3:PutObject",
            ARTIFACT,
            (
                "holders of the managed policy bikes-dev-fitter (Train models)",
                f"the role bikes-dev-release (Takes models in), for callers in this account ({ACCOUNT}), "
                "only if s3:if-none-match is given",
            ),
        ),
        # Jobs write under training/ alone; nobody deletes; nobody changes the endpoint but CloudFormation.
        ("s3:DeleteObjectVersion", ARTIFACT, ()),
        ("sagemaker:UpdateEndpoint", ENDPOINT, ()),
        (
            "s3:GetObject",
            ARTIFACT,
            (
                "callers in account 444455556666",
                "holders of the managed policy bikes-dev-fitter (Train models)",
                f"the role {ROLE} (The endpoint bikes-dev), for SageMaker",
            ),
        ),
    ],
)
def test_who_may_do_one_thing(action: str, resource: str, names: tuple[str, ...]) -> None:
    assert access_query(access(), action, resource, ACCOUNT) == names


def test_who_could_swap_the_model() -> None:
    told = dict(replacement_risks(access(), artifact_arn=ARTIFACT, endpoint_arn=ENDPOINT, account=ACCOUNT))
    assert told["may write"] == (
        "to the artifact's place: holders of the managed policy bikes-dev-fitter (Train models) and the role "
        f"bikes-dev-release (Takes models in), for callers in this account ({ACCOUNT}), only if s3:if-none-match is "
        "given"
    )
    assert told["may delete"] == "it or a version of it: nobody by these stacks"
    assert told["may change"] == "the endpoint: nobody by these stacks, but CloudFormation in a deployment"
    assert told["always could"].startswith(f"administrators of the account {ACCOUNT}, and whoever may deploy.")
    wide = access(Wide=managed("wide", "", allow("sagemaker:DeleteEndpoint", "*")))
    told = dict(replacement_risks(wide, artifact_arn=ARTIFACT, endpoint_arn=ENDPOINT, account=ACCOUNT))
    assert told["may change"].startswith("the endpoint: holders of the managed policy wide, but CloudFormation")


def test_a_wildcard_counts_and_a_refusal_takes_away() -> None:
    wide = managed("wide", "", allow("sagemaker:*", "*"))
    kept = managed("kept", "", allow("*", "*"), {"Effect": "Deny", "Action": "sagemaker:Update*", "Resource": "*"})
    found = access(Wide=wide, Kept=kept)
    assert access_query(found, "sagemaker:UpdateEndpoint", ENDPOINT, ACCOUNT) == ("holders of the managed policy wide",)
    assert "holders of the managed policy kept" in access_query(found, "s3:DeleteObjectVersion", ARTIFACT, ACCOUNT)


def test_everyone_on_the_internet_is_an_outsider() -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": objects("models")}
    policy = {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": [statement]}}
    found = access(BucketPolicy={"Type": "AWS::S3::BucketPolicy", "Properties": policy})
    assert found.outsiders == ("everyone on the internet",)


def test_for_a_program() -> None:
    fields = json.loads(json.dumps(access_fields(access())))
    assert fields["endpoint_role"] == f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    assert (fields["network_isolation"], fields["outsiders"]) == (True, ["callers in account 444455556666"])
    assert [one["group"] for one in fields["subjects"]] == ["endpoint", "training", "promotion", "people", "resources"]
    release = fields["subjects"][2]
    assert release["managed_policies"] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    assert release["permissions_boundary"] == f"arn:aws:iam::{ACCOUNT}:policy/limit"
    assert release["statements"][0] == {
        "effect": "Allow",
        "principals": [],
        "actions": ["s3:PutObject"],
        "resources": [f"arn:aws:s3:::{BUCKET}/models/*"],
        "conditions": [{"operator": "Null", "key": "s3:if-none-match", "values": ["false"]}],
    }


def test_what_aws_does_not_name_keeps_the_templates_name() -> None:
    resources = deployed_resources({"Resources": TRAINING}, {}, StackScope(ACCOUNT, "us-east-1", "s"))
    assert {"JobRole", "TakesRole"} < set(resources)
