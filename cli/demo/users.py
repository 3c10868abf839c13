"""The people of `kickstand demo-promotion`: users of the local cloud's accounts, each with keys of their own."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kickstand.names import Names, partition

if TYPE_CHECKING:
    from kickstand.config.model import Environment, Project
    from localcloud.cloud import LocalCloud


ADMINISTRATOR: Final = "arn:aws:iam::aws:policy/AdministratorAccess"


class DemoUsers:
    """Makes users, and keeps the credentials file of each: the profiles of the project, with that person's keys.

    folder: where the files go.
    """

    def __init__(self, cloud: LocalCloud, project: Project, folder: Path) -> None:
        self._cloud, self._project, self._folder = cloud, project, folder

    def variables(self, name: str) -> dict[str, str]:
        """What makes a process that person's."""
        return {"AWS_SHARED_CREDENTIALS_FILE": str(self._folder / name)}

    def create(self, name: str, environment: str, policy_arn: str) -> str:
        """A user with one policy in an environment's account, and its keys in the person's file; the user's ARN."""
        chosen = self._environment(environment)
        iam = self._cloud.client("iam", chosen.account, chosen.region)
        user = iam.create_user(UserName=name)["User"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=policy_arn)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self._keep(name, chosen, key)
        return str(user)

    def create_with_policy(self, name: str, environment: str, job: str) -> str:
        """The same with one of the environment's managed policies, by its job; what was done, in words."""

        chosen = self._environment(environment)
        policy = Names(chosen).managed_policy(job)
        arn = f"arn:{partition(chosen.region)}:iam::{chosen.account}:policy/{policy}"
        return f"{self.create(name, environment, arn)}, with the policy {policy} alone."

    def _environment(self, name: str) -> Environment:
        return next(one for one in self._project.environments.values() if one.name == name)

    def _keep(self, name: str, environment: Environment, key: dict[str, str]) -> None:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / name
        file = configparser.RawConfigParser(default_section="")
        file.read(path)
        file[str(environment.profile)] = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        path.touch(mode=0o600)
        with path.open("w") as writer:
            file.write(writer)
