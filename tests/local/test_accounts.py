"""Accounts and regions are kept apart, and IAM is asked about everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from kickstand.config.model import Environment, Project
from localcloud.cloud import LocalCloud
from localcloud.organisation import prepare

Client = Callable[..., Any]
ONE, OTHER, THIRD = "111122223333", "444455556666", "777788889999"


def trust(*principals: str) -> str:
    allowed = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


def allow(action: str, resource: str) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    )


@pytest.fixture(scope="module")
def user(client: Client) -> Iterator[dict[str, Any]]:
    """An access key of a user of account ONE who may read one parameter."""
    iam = client("iam")
    iam.create_user(UserName="ana")
    policy = allow("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{ONE}:parameter/open")
    iam.put_user_policy(UserName="ana", PolicyName="reads", PolicyDocument=policy)
    key = iam.create_access_key(UserName="ana")["AccessKey"]
    yield {**key, "SessionToken": None}
    iam.delete_access_key(UserName="ana", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="ana", PolicyName="reads")
    iam.delete_user(UserName="ana")


def test_same_name_in_two_accounts_and_two_regions_is_four_things(client: Client) -> None:
    places = [(account, region) for account in (ONE, OTHER) for region in ("us-east-1", "eu-west-1")]
    for account, region in places:
        client("ssm", account=account, region=region).put_parameter(
            Name="/same", Value=f"{account} {region}", Type="String"
        )
    for account, region in places:
        found = client("ssm", account=account, region=region).get_parameter(Name="/same")["Parameter"]
        assert (found["Value"], found["ARN"]) == (
            f"{account} {region}",
            f"arn:aws:ssm:{region}:{account}:parameter/same",
        )


def test_a_user_may_what_its_policy_says_and_nothing_else(client: Client, user: dict[str, Any]) -> None:
    for name in ("/open", "/closed"):
        client("ssm").put_parameter(Name=name, Value="x", Type="String", Overwrite=True)
    ssm = client("ssm", credentials=user)
    assert ssm.get_parameter(Name="/open")["Parameter"]["Value"] == "x"
    requests: tuple[Callable[[], Any], ...] = (
        lambda: ssm.get_parameter(Name="/closed"),
        lambda: ssm.put_parameter(Name="/open", Value="y", Type="String", Overwrite=True),
        lambda: client("sagemaker", credentials=user).list_endpoints(),
        lambda: client("s3", credentials=user).list_buckets(),
    )
    for refused in requests:
        with pytest.raises(ClientError, match=r"AccessDenied.*not authorized to perform"):
            refused()


def test_a_wrong_secret_and_an_unknown_key_are_refused(client: Client, user: dict[str, Any]) -> None:
    forged = {**user, "SecretAccessKey": "guessed"}
    with pytest.raises(ClientError, match=r"InvalidSignatureException|SignatureDoesNotMatch"):
        client("ssm", credentials=forged).get_parameter(Name="/open")
    unknown = {**user, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client("ssm", credentials=unknown).get_parameter(Name="/open")


def test_another_account_needs_the_roles_trust(client: Client) -> None:
    iam = client("iam", account=OTHER)
    closed = iam.create_role(RoleName="closed", AssumeRolePolicyDocument=trust(f"arn:aws:iam::{OTHER}:root"))
    opened = iam.create_role(RoleName="opened", AssumeRolePolicyDocument=trust(f"arn:aws:iam::{ONE}:root"))
    sts = client("sts")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=closed["Role"]["Arn"], RoleSessionName="someone")
    session = sts.assume_role(RoleArn=opened["Role"]["Arn"], RoleSessionName="someone")["Credentials"]
    identity = client("sts", credentials=session).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/opened/someone"
    with pytest.raises(ClientError, match="AccessDenied"):
        client("s3", credentials=session).list_buckets()


def test_another_accounts_bucket_is_closed(client: Client) -> None:
    client("s3").create_bucket(Bucket="of-account-one")
    client("s3").put_object(Bucket="of-account-one", Key="a", Body=b"1")
    with pytest.raises(ClientError, match="AccessDenied"):
        client("s3", account=OTHER).get_object(Bucket="of-account-one", Key="a")


def test_unserved_services_and_resource_types_say_so(client: Client) -> None:
    for service, operation in (
        ("dynamodb", "list_tables"),
        ("rds", "describe_db_instances"),
        ("glacier", "list_vaults"),
    ):
        with pytest.raises(ClientError, match=f"The local cloud does not have the service {service}"):
            getattr(client(service), operation)()
    template = {"Resources": {"Table": {"Type": "AWS::DynamoDB::Table"}}}
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::DynamoDB::Table\]"):
        client("cloudformation").create_stack(StackName="t", TemplateBody=json.dumps(template))


def environment(name: str, account: str, **settings: Any) -> Environment:
    tables: dict[str, dict[str, Any]] = {
        table: {} for table in ("algorithm", "training", "hosting", "storage", "roles", "logs", "bootstrap")
    }
    return Environment.model_validate(
        {
            "project": "bikes",
            "name": name,
            "account": account,
            "region": "us-east-1",
            "data": {"train": "/data/train.csv"},
            "hyperparameters": {},
            "tags": {},
            "lines": {},
            **tables,
            **settings,
        }
    )


def project(*environments: Environment) -> Project:
    return Project(
        name="bikes", file=Path("/bikes/kickstand.toml"), environments={each.name: each for each in environments}
    )


def test_profiles_of_the_project_work(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(
        cloud.url,
        cloud.folder,
        project(environment("dev", ONE, profile="team-dev"), environment("prod", THIRD, profile="default")),
    )
    prepare(
        cloud.url, cloud.folder, project(environment("staging", OTHER, profile="other-project", region="eu-west-1"))
    )
    for name, value in cloud.environment("999999999999", "us-west-2").items():
        monkeypatch.setenv(name, value)
    found = {}
    for profile in ("team-dev", "default", "other-project"):
        session = boto3.session.Session(profile_name=profile)
        # The process's own region wins over a profile's, as everywhere with the AWS SDKs.
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        found[profile] = session.client("sts", region_name="us-east-1").get_caller_identity()["Account"]
    assert found == {"team-dev": ONE, "default": THIRD, "other-project": OTHER}
    config = cloud.folder.aws_config.read_text()
    assert config.count("[profile team-dev]") == 1
    assert "[profile other-project]\nregion = eu-west-1" in config


def test_what_the_organisation_gives_is_there(cloud: LocalCloud, client: Client) -> None:
    dev = environment(
        "dev",
        THIRD,
        role_arn=f"arn:aws:iam::{THIRD}:role/team/deployer",
        roles={
            "training": f"arn:aws:iam::{THIRD}:role/trainer",
            "permissions_boundary": f"arn:aws:iam::{THIRD}:policy/boundary",
        },
        storage={"existing_bucket": "given-by-the-organisation"},
    )
    prepare(cloud.url, cloud.folder, project(dev, environment("prod", ONE)))
    prepare(cloud.url, cloud.folder, project(dev, environment("prod", ONE)))
    session = client("sts").assume_role(RoleArn=dev.role_arn, RoleSessionName="someone")["Credentials"]
    assert client("sts", credentials=session).get_caller_identity()["Account"] == THIRD
    given = client("s3", credentials=session)
    assert given.get_bucket_versioning(Bucket="given-by-the-organisation")["Status"] == "Enabled"
    told = given.get_bucket_notification_configuration(Bucket="given-by-the-organisation")
    assert "EventBridgeConfiguration" in told
    iam = client("iam", account=THIRD)
    trusted = iam.get_role(RoleName="trainer")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert trusted == {"Service": "sagemaker.amazonaws.com"}
    assert iam.get_policy(PolicyArn=dev.roles.permissions_boundary)["Policy"]["PolicyName"] == "boundary"
    with pytest.raises(ClientError, match="AccessDenied"):
        client("sts", account=OTHER).assume_role(RoleArn=dev.role_arn, RoleSessionName="someone")


def test_who_may_not_assume_a_role_that_is_not_there_is_named(client: Client) -> None:
    with pytest.raises(ClientError) as refused:
        client("sts").assume_role(RoleArn=f"arn:aws:iam::{OTHER}:role/nobody", RoleSessionName="probe")
    assert refused.value.response["Error"]["Message"] == (
        f"User: arn:aws:iam::{ONE}:root is not authorized to perform: sts:AssumeRole "
        f"on resource: arn:aws:iam::{OTHER}:role/nobody"
    )


def test_a_key_of_aws_stands_in_for_itself_and_one_that_was_made_here_stays(cloud: LocalCloud, client: Client) -> None:
    of_aws = f"arn:aws:kms:us-east-1:{THIRD}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    kms = client("kms", account=THIRD)
    made_here = kms.create_key(Policy=allow("kms:*", "*").replace('"Action"', '"Principal": {"AWS": "*"}, "Action"'))
    logs = str(made_here["KeyMetadata"]["Arn"])
    before = kms.get_key_policy(KeyId=logs)["Policy"]
    keyed = environment("prod", THIRD, storage={"kms_key_arn": of_aws}, logs={"kms_key_arn": logs})
    prepare(cloud.url, cloud.folder, project(environment("dev", ONE), keyed))
    prepare(cloud.url, cloud.folder, project(environment("dev", ONE), keyed))
    assert kms.get_key_policy(KeyId=logs)["Policy"] == before
    metadata = kms.describe_key(KeyId=of_aws)["KeyMetadata"]
    assert (metadata["Arn"], metadata["KeyState"], metadata["KeySpec"]) == (of_aws, "Enabled", "SYMMETRIC_DEFAULT")
    (statement,) = json.loads(kms.get_key_policy(KeyId=of_aws)["Policy"])["Statement"]
    assert statement["Principal"] == {
        "AWS": [f"arn:aws:iam::{ONE}:root", f"arn:aws:iam::{THIRD}:root"],
        "Service": "logs.us-east-1.amazonaws.com",
    }
    for account in (ONE, THIRD):
        s3 = client("s3", account=account)
        s3.create_bucket(Bucket=f"keyed-{account}")
        s3.put_object(Bucket=f"keyed-{account}", Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId=of_aws)
