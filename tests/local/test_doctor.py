"""`kickstand doctor` against a cloud: before bootstrapping, after the training stack, and with what is wrong."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from deployed_project import TOML, DeployedProject
from fit_world import rows
from local_client import ACCOUNT, REGION, Client
from samples import environment
from shared_clients import handled
from typed import Screen, Terminal

from deployment.doctor.bucket import bucket_findings, key_findings
from deployment.doctor.finding import Finding
from deployment.doctor.quotas import quota_findings
from deployment.doctor.roles import role_findings
from kickstand.config.load import load_project
from kickstand.config.model import Roles, Storage
from kickstand.workspace import Workspace
from localcloud.cloud import LocalCloud

PAGE = Path(__file__).resolve().parents[2] / "docs" / "doctor.md"
QUALIFIER = "doctors"


@pytest.fixture(scope="module")
def project(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedProject]:
    """A project of which nothing is deployed, in an account that is not bootstrapped for it."""
    folder = tmp_path_factory.mktemp("doctor")
    for seed, (name, count) in enumerate({"train": 200, "validation": 50, "test": 30}.items()):
        (folder / f"{name}.csv").write_text(rows(count, seed))
    toml = TOML.format(name=f"d{uuid.uuid4().hex[:8]}")
    (folder / "kickstand.toml").write_text(f'{toml}[bootstrap]\nqualifier = "{QUALIFIER}"\n')
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment(ACCOUNT, REGION).items():
            patch.setenv(name, value)
        yield DeployedProject(folder, cloud)


@pytest.fixture
def terminal(project: DeployedProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(project.folder)
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def workspace(project: DeployedProject) -> Workspace:
    loaded = load_project(project.toml)
    session = boto3.Session(region_name=REGION)
    dev = loaded.environments["dev"]
    return Workspace(loaded, dev, session, loaded.releases)


def statuses(screen: Screen) -> dict[str, str]:
    return {one["name"]: one["status"] for one in json.loads(screen.out)["findings"]}


def test_from_an_empty_account_to_the_training_stack(project: DeployedProject, terminal: Terminal) -> None:
    """Given nothing; when asked; then the bootstrap stack alone is wrong. When it is deployed, nothing is."""
    screen = terminal.type("doctor", "dev")
    assert screen.code == 1, screen
    fix = (
        f"npx cdk bootstrap aws://{ACCOUNT}/{REGION} --qualifier {QUALIFIER} "
        f"--toolkit-stack-name CDKToolkit-{QUALIFIER}"
    )
    missing = f"problem  bootstrap: The CDK bootstrap stack is missing.\n         Run: {fix}\n"
    assert missing in screen.out
    assert screen.out.endswith("\n1 problem, 0 warnings, 1 skipped, 29 ok\n")
    assert "endpoint: There is none before the hosting stack, which needs a release (kickstand fit dev)." in screen.out

    project.client("ssm").put_parameter(Name=f"/cdk-bootstrap/{QUALIFIER}/version", Value="30", Type="String")
    project.deploy("training")
    commands = re.findall(r"^```sh\nkickstand (.+)\n```$", PAGE.read_text(), re.MULTILINE)
    assert commands == ["doctor dev", "doctor dev --json"]
    typed = [terminal.type(*command.split()) for command in commands]
    assert [screen.code for screen in typed] == [0, 0], typed
    assert typed[0].out.endswith("\n0 problems, 0 warnings, 1 skipped, 33 ok\n")
    found = statuses(typed[1])
    assert {name for name, status in found.items() if status != "ok"} == {"endpoint"}
    assert {"bucket region", "bucket versions", "bucket encryption", f"stack {project.names.training_stack}"} <= set(
        found
    )


def test_credentials_of_another_account_leave_the_rest_unasked(
    terminal: Terminal, as_root: Callable[[str], None]
) -> None:
    as_root("444455556666")
    screen = terminal.type("doctor", "dev", "--json")
    assert screen.code == 1
    found = statuses(screen)
    assert (found["boto3"], found["clock"], found["credentials"]) == ("ok", "ok", "problem")
    assert {found[name] for name in ("region", "bootstrap", "quotas", "bucket", "stacks")} == {"skipped"}


def test_a_quota_of_zero_is_told_with_its_code(workspace: Workspace) -> None:
    """Of an account to which AWS has given no instances yet."""

    def emptied(parsed: dict[str, Any], **_: Any) -> None:
        for quota in parsed.get("Quotas", ()):
            quota["Value"] = 0.0

    quotas = workspace.session.client("service-quotas")
    with handled(quotas, "after-call.service-quotas", emptied), patch.object(boto3.Session, "client") as client:
        client.return_value = quotas
        found = list(quota_findings(workspace))
    uses = ("training", "all training", "endpoint", "all endpoint", "transform", "all transform")
    assert [(one.name, one.status) for one in found] == [(f"quota: {use}", "problem") for use in uses]
    code = re.search(r"--quota-code (L-[0-9A-F]{8}) --desired-value 2 --region us-east-1 ", found[2].fix)
    assert code is not None
    quota = workspace.session.client("service-quotas").get_service_quota(ServiceCode="sagemaker", QuotaCode=code[1])
    assert quota["Quota"]["QuotaName"] == "ml.m5.large for endpoint usage"


def test_quotas_are_read_only_with_the_permission(client: Client) -> None:
    iam, name = client("iam"), f"quota{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = {"SessionToken": None, **iam.create_access_key(UserName=name)["AccessKey"]}
    quotas = client("service-quotas", credentials=key)
    with pytest.raises(ClientError, match="servicequotas:ListServiceQuotas") as refused:
        quotas.list_service_quotas(ServiceCode="sagemaker")
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    allow = {"Effect": "Allow", "Action": "servicequotas:ListServiceQuotas", "Resource": "*"}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": [allow]}))
    assert len(quotas.list_service_quotas(ServiceCode="sagemaker")["Quotas"]) == 100


def test_roles_that_nobody_may_take_on(workspace: Workspace, client: Client) -> None:
    iam, made = client("iam"), {}
    for service in ("sagemaker", "ec2"):
        trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        made[service] = iam.create_role(
            RoleName=f"{service}-{uuid.uuid4().hex[:8]}", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )["Role"]["Arn"]
    missing = f"arn:aws:iam::{ACCOUNT}:role/missing"
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/missing"
    roles = Roles(training=made["sagemaker"], hosting=made["ec2"], trigger=missing, permissions_boundary=boundary)
    found = list(role_findings(replace(workspace, environment=environment(roles=roles))))
    assert [(one.name, one.status, one.found) for one in found] == [
        ("roles.training", "ok", f"{made['sagemaker']} trusts sagemaker.amazonaws.com."),
        ("roles.hosting", "problem", f"{made['ec2']} does not trust sagemaker.amazonaws.com."),
        ("roles.trigger", "problem", f"There is no role {missing}."),
        ("roles.permissions_boundary", "problem", f"There is no policy {boundary}."),
    ]


def test_keys_and_buckets_of_the_organisation(workspace: Workspace, client: Client) -> None:
    kms, s3, bucket = client("kms"), client("s3"), f"own-{uuid.uuid4().hex[:8]}"
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=bucket)
    owned = replace(workspace, environment=environment(storage=Storage(existing_bucket=bucket, kms_key_arn=key)))

    def seen() -> list[Finding]:
        return [*key_findings(owned), *bucket_findings(owned)]

    assert {one.name: one.status for one in seen()} == {
        "storage.kms_key_arn": "ok",
        "bucket": "ok",
        "bucket region": "ok",
        "bucket versions": "warning",
        "bucket encryption": "warning",
    }
    kms.disable_key(KeyId=key)
    s3.delete_bucket(Bucket=bucket)
    assert [(one.found, one.status) for one in seen()] == [
        (f"{key} is Disabled.", "problem"),
        (f"There is no bucket {bucket}.", "problem"),
    ]
