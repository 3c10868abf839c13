"""Three environments of a project in three accounts, their training stacks made by CloudFormation from `app.py`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from fit_world import rows
from sagemaker_world import REGION, wait_for
from shared_templates import training_templates

from kickstand.config.load import load_project
from kickstand.names import Names
from localcloud.cloud import LocalCloud

ACCOUNTS = {"dev": "111122223333", "staging": "444455556666", "prod": "777788889999"}
PREFIXES = ("data", "training", "models", "metrics", "golden", "manifests", "latest", "locks")
TOML = """\
[project]
name = "{name}"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 5
"""
TABLE = '[environments.{name}]\naccount = "{account}"\nregion = "{region}"\n'


@dataclass(frozen=True)
class ThreeAccounts:
    """dev, staging and prod; staging takes models from dev, prod from staging."""

    folder: Path
    cloud: LocalCloud
    session: boto3.Session = field(default_factory=boto3.Session)

    def client(self, service: str, environment: str, key: dict[str, Any] | None = None) -> Any:
        """A boto3 client as the root of an environment's account, or with an access key or what STS gave."""
        given = key or self.cloud.root_key(ACCOUNTS[environment])
        return self.session.client(
            service,
            region_name=REGION,
            endpoint_url=self.cloud.url,
            verify=str(self.cloud.folder.ca),
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}),
        )

    @property
    def toml(self) -> Path:
        return self.folder / "kickstand.toml"

    def names(self, environment: str) -> Names:
        return Names(load_project(self.toml).environments[environment])  # type: ignore[index]

    def user(self, environment: str, *jobs: str) -> dict[str, Any]:
        """The access key of a new user of an environment's account who holds the managed policies of some jobs."""
        names, iam = self.names(environment), self.client("iam", environment)
        name = f"{'-'.join(jobs) or 'nobody'}-{uuid.uuid4().hex[:6]}"
        iam.create_user(UserName=name)
        for job in jobs:
            policy = f"arn:aws:iam::{ACCOUNTS[environment]}:policy/{names.managed_policy(job)}"
            iam.attach_user_policy(UserName=name, PolicyArn=policy)
        return {**iam.create_access_key(UserName=name)["AccessKey"], "SessionToken": None}

    def assume(self, environment: str, role_arn: str, key: dict[str, Any] | None = None) -> dict[str, Any]:
        """Credentials of a role, taken on by an access key or by the account's root."""
        sts = self.client("sts", environment, key)
        given: dict[str, Any] = sts.assume_role(RoleArn=role_arn, RoleSessionName="probe")["Credentials"]
        return given


def make_three_accounts(folder: Path, cloud: LocalCloud, keys: Mapping[str, str] | None = None) -> ThreeAccounts:
    """Deploy dev first: its bucket policy names a role that staging has yet to make. One object under each prefix.

    keys: ARNs of KMS keys by environment, for those that have one.
    """
    made = ThreeAccounts(folder, cloud)
    (folder / "train.csv").write_text(rows(20, 1))
    text, before = TOML.format(name=f"t{uuid.uuid4().hex[:8]}"), ""
    for name, account in ACCOUNTS.items():
        text += TABLE.format(name=name, account=account, region=REGION)
        text += f'promotes_from = "{before}"\n' if before else ""
        text += f'storage.kms_key_arn = "{keys[name]}"\n' if keys and name in keys else ""
        before = name
    made.toml.write_text(text)
    templates = training_templates(made.toml)
    for name in ACCOUNTS:
        _deploy(made, name, templates[name])
        for prefix in PREFIXES:
            key = f"{prefix}/one/test/object"
            made.client("s3", name).put_object(Bucket=made.names(name).bucket, Key=key, Body=name.encode())
    return made


def _deploy(made: ThreeAccounts, name: str, template: str) -> None:
    # What bootstrapping leaves behind, and templates of the CDK ask for.
    made.client("ssm", name).put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
    )
    cloudformation, stack = made.client("cloudformation", name), made.names(name).training_stack
    cloudformation.create_stack(StackName=stack, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    ended = wait_for(
        lambda: cloudformation.describe_stacks(StackName=stack)["Stacks"][0],
        lambda one: not one["StackStatus"].endswith("_IN_PROGRESS"),
        60,
    )
    assert ended["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName=stack)
