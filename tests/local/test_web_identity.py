"""A workflow's token gets a role where the account knows its issuer and the role's trust names its subject."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from github_hub import Hub, Identity
from workflow_actions import Job, act

from kickstand.aws.github_oidc import Repository
from kickstand.errors import KickstandError
from localcloud.cloud import LocalCloud
from localcloud.root_keys import RootKeys

Client = Callable[..., Any]
ACCOUNT = "888877776666"
"""Of no other test: an account has one provider for an issuer."""
ISSUER = "tokens.example.com"
GITHUB = "token.actions.githubusercontent.com"
SUBJECT = "repo:rides/bikes:environment:prod"
TEMPLATE = {
    "Resources": {
        "Provider": {
            "Type": "AWS::IAM::OIDCProvider",
            "Properties": {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]},
        }
    },
    "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Provider", "Arn"]}}},
}


def token(cloud: LocalCloud, **changes: Any) -> str:
    claims = {
        "iss": f"https://{ISSUER}",
        "aud": "sts.amazonaws.com",
        "sub": SUBJECT,
        "exp": time.time() + 60,
        **changes,
    }
    return RootKeys(cloud.folder).web_identity_token(claims)


def assume(client: Client, role: str, web_token: str) -> str:
    """Whose session it is, or the error's code."""
    sts = client("sts", account=ACCOUNT)
    try:
        made = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="job", WebIdentityToken=web_token)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return str(made["AssumedRoleUser"]["Arn"])


def test_the_account_must_know_the_issuer_and_the_trust_the_subject(cloud: LocalCloud, client: Client) -> None:
    name, stack = f"r-{uuid.uuid4().hex[:8]}", f"oidc-{uuid.uuid4().hex[:8]}"
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": SUBJECT}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    client("iam", account=ACCOUNT).create_role(RoleName=name, AssumeRolePolicyDocument=document)
    role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    assert assume(client, role, token(cloud)) == "InvalidIdentityToken"

    cloudformation = client("cloudformation", account=ACCOUNT)
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
    )
    (output,) = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    assert output["OutputValue"] == provider

    assert assume(client, role, token(cloud)) == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/job"
    assert assume(client, role, token(cloud, sub="repo:rides/bikes:environment:dev")) == "AccessDenied"
    assert assume(client, role, token(cloud, sub="repo:other/bikes:environment:prod")) == "AccessDenied"
    assert assume(client, role, token(cloud, aud="somebody")) == "InvalidIdentityToken"
    assert assume(client, role, token(cloud, exp=time.time() - 1)) == "ExpiredTokenException"
    assert assume(client, role, "no token") == "InvalidIdentityToken"
    said = token(cloud).rpartition(".")[0]
    none = "eyJhbGciOiJub25lIn0." + said.partition(".")[2]
    for forged in (f"{said}.", f"{said}.x", f"{said}.{'A' * 43}", f"{none}.", f"{token(cloud)[:-2]}AA"):
        assert assume(client, role, forged) == "InvalidIdentityToken", forged

    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
    )
    assert assume(client, role, token(cloud)) == "InvalidIdentityToken"


WITH_IDS = Repository("octocat/my-repo", 123456, 456789)
WITHOUT = Repository("octocat/my-repo")


@pytest.mark.parametrize(
    ("named", "on_github", "outcome"),
    [
        (WITH_IDS, Identity(123456, 456789), "assumed"),
        (WITHOUT, Identity(123456, 456789), "repo:octocat@123456/my-repo@456789:environment:dev"),
        (WITHOUT, Identity(123456, 456789, immutable=False), "assumed"),
        (WITH_IDS, Identity(123456, 456789, immutable=False), "repo:octocat/my-repo:environment:dev"),
        (WITH_IDS, Identity(123456, 456780), "repo:octocat@123456/my-repo@456780:environment:dev"),
    ],
    ids=["made today", "made today, no ids", "of before", "of before, ids", "made again under its name"],
)
def test_a_repositorys_job_is_given_the_role_where_the_project_file_has_its_form_of_subject(
    client: Client, cloud: LocalCloud, tmp_path: Path, named: Repository, on_github: Identity, outcome: str
) -> None:
    """The local GitHub's own tokens, on the trust that the pipeline's roles have."""
    name, account = f"r-{uuid.uuid4().hex[:8]}", "888877774444"
    iam = client("iam", account=account)
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_open_id_connect_provider(Url=f"https://{GITHUB}", ClientIDList=["sts.amazonaws.com"])
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{GITHUB}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": named.conditions("us-east-1", named.environment_subject("dev"))},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    hub = Hub(tmp_path, "octocat/my-repo")
    hub.create(on_github)
    variables = {"AWS_ENDPOINT_URL": cloud.url, "AWS_CA_BUNDLE": str(cloud.folder.ca)}
    job = Job(hub, 1, tmp_path, {"id-token": "write"}, "dev", "push", "refs/heads/main", "0" * 40, variables)
    given = {"role-to-assume": f"arn:aws:iam::{account}:role/{name}", "aws-region": "us-east-1"}
    if outcome == "assumed":
        assert act(job, "aws-actions/configure-aws-credentials@v6", given).startswith("assumed arn:aws:iam::8888")
        assert job.variables["AWS_SESSION_TOKEN"]
        return
    with pytest.raises(KickstandError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity") as refused:
        act(job, "aws-actions/configure-aws-credentials@v6", given)
    assert refused.value.problems[0].fix == f"The token says: {outcome}"


def test_the_repositorys_id_is_compared_where_sts_validates_githubs_claims(cloud: LocalCloud, client: Client) -> None:
    """A repository that was deleted and made again has its name, and not its id."""
    issuer, name = "token.actions.githubusercontent.com", f"r-{uuid.uuid4().hex[:8]}"
    iam = client("iam", account=ACCOUNT)
    provider = iam.create_open_id_connect_provider(Url=f"https://{issuer}", ClientIDList=["sts.amazonaws.com"])
    subject = "repo:rides@123456/bikes@456789:environment:prod"
    condition = {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject, f"{issuer}:repository_id": "456789"}
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": condition},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    role, of_github = f"arn:aws:iam::{ACCOUNT}:role/{name}", {"iss": f"https://{issuer}"}

    made = assume(client, role, token(cloud, **of_github, sub=subject, repository_id="456789"))
    assert made == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/job"
    for refused in (
        token(cloud, **of_github, sub=subject, repository_id="456780"),
        token(cloud, **of_github, sub=subject),
        token(cloud, **of_github, sub="repo:rides/bikes:environment:prod", repository_id="456789"),
    ):
        assert assume(client, role, refused) == "AccessDenied"


def test_an_account_has_one_provider_for_an_issuer(client: Client) -> None:
    iam, cloudformation = client("iam", account="888877775555"), client("cloudformation", account="888877775555")
    iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"])
    stack = f"oidc-{uuid.uuid4().hex[:8]}"
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(TEMPLATE))
    with pytest.raises(Exception, match="ROLLBACK"):
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
        )
    reasons = [
        one.get("ResourceStatusReason", "")
        for one in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    ]
    assert any("already exists" in reason for reason in reasons)
