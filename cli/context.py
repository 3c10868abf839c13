"""What a command opens: the project, one environment of it or several, a checked AWS session, a console."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import typer

from kickstand.errors import InputError, Problem

if TYPE_CHECKING:
    import boto3
    from rich.console import Console

    from kickstand.config.model import Environment, EnvironmentName, Project
    from kickstand.names import Names
    from kickstand.workspace import Workspace
    from localcloud.cloud import LocalCloud
    from training.prediction.batches import Expected


REPOSITORY = Path(__file__).resolve().parents[1]
"""The folder of `app.py` and `cdk.json`."""

DEFAULT_CONFIG = "kickstand.toml"


@dataclass(frozen=True, slots=True)
class Root:
    """The options before the command's name."""

    config: Path
    local: bool


@dataclass(frozen=True, slots=True)
class CommandContext:
    """One command's world, opened once at its start."""

    root: Root
    project: Project
    environment: Environment
    names: Names
    session: boto3.Session
    """Of the environment's own profile or role, in its region; its account has been compared."""
    console: Console
    """For what a person reads. Standard error where standard output carries data."""
    releases: Path
    """The folder of the release files."""

    def expected_features(self) -> Expected | None:
        """How many features the released model takes; None without a readable release (`deploy` says why)."""
        from kickstand.release.file import read_release, release_path
        from training.data.checks.objectives import label_columns
        from training.prediction.batches import Expected

        path = release_path(self.releases, self.environment.name)
        try:
            release = read_release(path, self.environment)
        except InputError:
            return None
        trained = next((channel for channel in release.channels if channel.name == "train"), release.channels[0])
        features = trained.columns - label_columns(release.hyperparameters, trained.content_type)
        return Expected(features, f"as the model of {path} takes")

    def typed(self, command: str) -> str:
        """A command as the user must type it to reach the same project in the same place."""
        return typed(self.root, command)


def typed(root: Root, command: str) -> str:
    """`kickstand [--local] [--config FILE] COMMAND`, for messages that say what to do next."""
    options = ["--local"] if root.local else []
    if root.config != default_config():
        options += ["--config", shlex.quote(str(root.config))]
    return " ".join(["kickstand", *options, command])


def default_config() -> Path:
    """The project file in this folder, else the one of the repository."""
    here = Path(DEFAULT_CONFIG)
    return here if here.exists() else REPOSITORY / DEFAULT_CONFIG


def root_of(ctx: typer.Context) -> Root:
    return cast(Root, ctx.obj)


def load(ctx: typer.Context) -> Project:
    """The project file that the command line names."""
    from kickstand.config.load import load_project

    return load_project(root_of(ctx).config)


def choose(project: Project, name: str) -> Environment:
    """An environment by name.

    Raises InputError that lists the project's environments.
    """
    found = project.environments.get(cast("EnvironmentName", name))
    if found is None:
        known = ", ".join(project.environments)
        message = f"There is no environment {name!r}; the project has {known}."
        raise InputError(Problem(message, str(project.file), _environment_fix(name, project)))
    return found


def _environment_fix(name: str, project: Project) -> str:
    from difflib import get_close_matches

    from kickstand.config.model import EnvironmentName

    if name in get_args(EnvironmentName):
        return f"Name one of them, or give the project a table [environments.{name}]."
    near = get_close_matches(name, project.environments, n=1)
    return f"Did you mean {near[0]}?" if near else "Name one of them."


def open_context(ctx: typer.Context, environment: str, *, data_on_stdout: bool = False) -> CommandContext:
    """Open the world of a command for one environment, in AWS or, under `--local`, on the laptop.

    Raises InputError for a wrong project file, environment or account, and KickstandError where the
    credentials or the cloud cannot be reached.
    """
    from kickstand.console import make_console
    from kickstand.names import Names

    root, project = root_of(ctx), load(ctx)
    chosen = choose(project, environment)
    releases = project.releases
    if root.local:
        cloud = enter_local_cloud(project, chosen)
        releases = cloud.releases_folder(project.name)

    from kickstand.aws.session import open_session

    return CommandContext(
        root=root,
        project=project,
        environment=chosen,
        names=Names(chosen),
        session=open_session(chosen),
        console=make_console(sys.stderr if data_on_stdout else sys.stdout),
        releases=releases,
    )


def enter_local_cloud(project: Project, environment: Environment) -> LocalCloud:
    """Start the local cloud where it does not run yet, and point this process at it."""
    from localcloud.cloud import LocalCloud

    cloud = LocalCloud.default()
    cloud.start(project=project)
    cloud.enter(environment.account, environment.region)
    return cloud


def open_workspace(root: Root, project: Project, name: str) -> Workspace:
    """An environment with a session of its own credentials; they stay its own when another is opened after it.

    Raises InputError for an unknown environment or another account, and KickstandError where credentials or the
    cloud cannot be reached.
    """
    from kickstand.aws.session import open_session
    from kickstand.names import Names
    from kickstand.workspace import Workspace

    environment = choose(project, name)
    releases = project.releases
    if root.local:
        releases = enter_local_cloud(project, environment).releases_folder(project.name)
    # open_session has looked the credentials up: the session keeps them, whatever the process's variables say later.
    return Workspace(environment, Names(environment), open_session(environment), releases)
