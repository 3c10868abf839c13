"""The laptop's stand-in for what an organisation gives its teams: profiles, and the roles that they assume."""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.client_environment import client_environment

if TYPE_CHECKING:
    from kickstand.config.model import Environment, Project
    from localcloud.cloud import LocalCloud

_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def prepare(cloud: LocalCloud, project: Project) -> None:
    """Write the profiles that the project's environments name, and make the roles that they assume."""
    environments = list(project.environments.values())
    write_profiles(cloud.folder.aws_config, cloud.folder.aws_credentials, environments)
    if any(environment.role_arn for environment in environments):
        _make_roles(cloud, environments)


def write_profiles(config: Path, credentials: Path, environments: list[Environment]) -> None:
    """Add or change the profiles of these environments; those of other projects stay.

    A profile is the root of its environment's account, in its region.
    """
    named = {environment.profile: environment for environment in environments if environment.profile}
    regions = {_section(name): {"region": each.region} for name, each in named.items()}
    keys = {name: {"aws_access_key_id": each.account, "aws_secret_access_key": "local"} for name, each in named.items()}
    _merge(config, regions)
    _merge(credentials, keys)


def _section(profile: str) -> str:
    return "default" if profile == "default" else f"profile {profile}"


def _merge(path: Path, sections: dict[str, dict[str, str]]) -> None:
    file = configparser.RawConfigParser(default_section="")
    before = path.read_text() if path.exists() else ""
    file.read_string(before)
    for name, values in sections.items():
        file[name] = values
    staging = path.with_name(path.name + ".tmp")
    staging.touch(mode=0o600)
    with staging.open("w") as writer:
        file.write(writer)
    staging.replace(path)


def _make_roles(cloud: LocalCloud, environments: list[Environment]) -> None:
    """Make each role that is not there, in its own account; leave one that is there as it is."""
    import boto3

    accounts = sorted({environment.account for environment in environments})
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ],
    }
    for arn in sorted({environment.role_arn for environment in environments if environment.role_arn}):
        account, path = arn.split(":")[4], arn.split(":role", 1)[1]
        variables = client_environment(cloud.url, cloud.folder.ca, account=account, region="us-east-1")
        iam = boto3.client(
            "iam",
            endpoint_url=cloud.url,
            verify=variables["AWS_CA_BUNDLE"],
            aws_access_key_id=account,
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        folder, _, name = path.rpartition("/")
        try:
            iam.create_role(RoleName=name, Path=f"{folder}/", AssumeRolePolicyDocument=json.dumps(trust))
        except iam.exceptions.EntityAlreadyExistsException:
            continue
        iam.attach_role_policy(RoleName=name, PolicyArn=_ADMINISTRATOR)
