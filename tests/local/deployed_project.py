"""A project whose real stacks are deployed without the CDK CLI: synthesised by `app.py`, made by CloudFormation."""

from __future__ import annotations

import io
import os
import sys
import uuid
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from fit_world import rows
from sagemaker_world import ACCOUNT, REGION, wait_for
from shared_templates import synthesise, training_templates

from cli.main import run
from kickstand.config.load import load_project
from kickstand.names import Names
from localcloud.cloud import LocalCloud

TOML = f"""\
[project]
name = "{{name}}"
[data]
train = "train.csv"
validation = "validation.csv"
test = "test.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 5
[environments.dev]
account = "{ACCOUNT}"
region = "{REGION}"
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class DeployedProject:
    """One environment of one project in a running local cloud. Releases lie beside the toml, as on AWS."""

    folder: Path
    cloud: LocalCloud
    session: boto3.Session = field(default_factory=boto3.Session)
    """One for all clients: it reads each service's model once, and there are many clients."""

    def client(self, service: str, key: dict[str, Any] | None = None) -> Any:
        """A boto3 client as the account's root, or with an access key or what STS gave."""
        given = key or self.cloud.root_key(ACCOUNT)
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

    @property
    def names(self) -> Names:
        return Names(load_project(self.toml).environments["dev"])

    def environment(self, key: dict[str, Any] | None = None) -> dict[str, str]:
        """A process's variables: the local cloud as the account's root, or in the name of an access key."""
        variables = {**os.environ, **self.cloud.environment(ACCOUNT, REGION)}
        if key is not None:
            variables |= {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return variables

    def kickstand(self, key: dict[str, Any], *words: str) -> Done:
        """A command as somebody types it whose credentials are the access key; without `--local`, as on AWS.

        It runs in this process: a process of its own would take a second of CPU to begin.
        """
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["kickstand", "--config", str(self.toml), *words])
            for name, value in self.environment(key).items():
                patch.setenv(name, value)
            code = run()
        written = []
        for stream in (out, err):
            stream.seek(0)
            written.append(stream.read())
        return Done(code, *written)

    def deploy(self, stack: str) -> None:
        """Make one stack (`training` or `hosting`) of its template as it is."""
        template = training_templates(self.toml)["dev"] if stack == "training" else self._synthesised(stack)
        # What bootstrapping leaves behind, and templates of the CDK ask for.
        self.client("ssm").put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
        )
        cloudformation, name = self.client("cloudformation"), getattr(self.names, f"{stack}_stack")
        cloudformation.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        made = wait_for(
            lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0],
            lambda one: not one["StackStatus"].endswith("_IN_PROGRESS"),
            60,
        )
        assert made["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName=name)

    def _synthesised(self, stack: str) -> str:
        assembly = self.folder / f"cdk.out-{uuid.uuid4().hex[:8]}"
        synthesise(self.toml, assembly, environment="dev")
        (template,) = assembly.glob(f"assembly-*/*{stack}*.template.json")
        return template.read_text()

    def output(self, stack: str, key: str) -> str:
        (made,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return next(str(one["OutputValue"]) for one in made["Outputs"] if one["OutputKey"] == key)


def make_deployed_project(folder: Path, cloud: LocalCloud, more: str = "") -> DeployedProject:
    """Data, project file and training stack of a project of its own name; `more` is added to its environment."""
    project = DeployedProject(folder, cloud)
    for seed, (name, count) in enumerate({"train": 200, "validation": 50, "test": 30}.items()):
        (folder / f"{name}.csv").write_text(rows(count, seed))
    project.toml.write_text(TOML.format(name=f"p{uuid.uuid4().hex[:8]}") + more)
    project.deploy("training")
    return project
