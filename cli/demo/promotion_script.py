"""What `kickstand demo-promotion` does, as values: the people, and the commands that each would type in each step.

The people are users of the local cloud's accounts, each with keys of their own.
"""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kickstand.config.model import Environment, Project
    from localcloud.cloud import LocalCloud


ENVIRONMENTS: Final = ("dev", "staging", "prod")
SECOND_TRY: Final = (("num_round = 150", "num_round = 20"), ("max_depth = 5", "max_depth = 2"))
"""What makes the second model: quicker to train, and worse."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line.

    ends: its exit code, and the story stops where it is another. by: whose credentials it has.
    """

    line: str
    ends: int = 0
    by: str = "ana"


@dataclass(frozen=True, slots=True)
class CreateUser:
    """What an account's owner does outside Kickstand: somebody gets a user there, with one policy.

    policy: the job of one of the environment's managed policies.
    """

    name: str
    environment: str
    policy: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the project file, as a person would make it in an editor."""

    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the story: its name, why it is there, what is typed."""

    name: str
    why: str
    acts: tuple[Command | Edit | CreateUser, ...]


def promotion_steps(bootstraps: tuple[str, ...]) -> tuple[Step, ...]:
    """The whole story. bootstraps: the command that bootstraps each account."""
    return (
        Step(
            "A signing key",
            "every release says who vouches for it; the private half stays out of git",
            (
                Command("kickstand release key keys/rentals.pem"),
                *_commit("keys/rentals.pub", "Trust the key of the rentals team"),
            ),
        ),
        Step(
            "Three accounts",
            "each gets the CDK's own bucket and roles, once",
            tuple(map(Command, bootstraps)),
        ),
        Step(
            "Training stacks for dev and staging",
            "buckets, roles, the role that pulls a promoted model",
            (Command("kickstand deploy dev --yes"), Command("kickstand deploy staging --yes")),
        ),
        Step(
            "prod is reviewed from its first stack on",
            "the change set that was reviewed is the one that is executed",
            _reviewed_deployment(),
        ),
        Step(
            "A model",
            "trained and served in dev; its release is signed and committed",
            (
                Command("kickstand fit dev"),
                *_commit("releases", "dev: the first model"),
                Command("kickstand deploy dev --yes"),
            ),
        ),
        Step(
            "From dev to staging",
            "gates, then the same artifact under the same digest in another account",
            (
                Command("kickstand promote dev staging --yes"),
                *_commit("releases", "staging: the first model, from dev"),
                Command("kickstand deploy staging --yes"),
            ),
        ),
        Step(
            "Somebody else looks at it",
            "prod demands an approval, by another person than who promotes",
            (
                Command("kickstand promote staging prod --yes", ends=1),
                CreateUser("ben", "staging", "approver"),
                Command('kickstand approve staging --reason "Errors on rainy days are as before."', by="ben"),
            ),
        ),
        Step(
            "From staging to prod",
            "promoted, reviewed, and deployed by the change set of the review",
            (
                Command("kickstand promote staging prod --yes"),
                *_commit("releases", "prod: the first model, from staging"),
                *_reviewed_deployment(),
            ),
        ),
        Step(
            "A second, worse model",
            "fewer rounds, shallower trees; dev serves it",
            (
                Edit(SECOND_TRY),
                *_commit("kickstand.toml", "Try a quicker model"),
                Command("kickstand fit dev"),
                *_commit("releases", "dev: a quicker model"),
                Command("kickstand deploy dev --yes"),
            ),
        ),
        Step(
            "staging refuses it",
            "a gate compares both models on the same rows; nothing is written",
            (Command("kickstand promote dev staging --yes", ends=1), Command("git status --short")),
        ),
        Step(
            "Back to the first model",
            "dev's release of before, byte for byte, in one deployment",
            (
                Command('kickstand rollback dev --reason "The quicker model is worse." --yes'),
                *_commit("releases", "dev: back to the first model"),
            ),
        ),
        Step(
            "What an auditor sees",
            "who approved what, from git alone; what it may read, what it cost, whether anyone swapped it",
            (
                Command("kickstand release history prod"),
                Command("kickstand access prod"),
                Command("kickstand cost prod"),
                Command("kickstand verify prod"),
                Command("git log --oneline"),
            ),
        ),
    )


def _commit(paths: str, subject: str) -> tuple[Command, Command]:
    return Command(f"git add {paths}"), Command(f'git commit --quiet -m "{subject}"')


def _reviewed_deployment() -> tuple[Command, ...]:
    return (
        Command("kickstand review prod"),
        Command("kickstand review prod --prepare"),
        Command("kickstand deploy prod --reviewed review/prod/review.json"),
    )


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
        from kickstand.names import Names, partition

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
