"""What a command opens: the project, an environment of it or several, a console, files of rows, standard streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast, get_args

import typer

from cli.options import Root, options_of, root_of
from kickstand.atomic_file import atomic_file
from kickstand.console import make_console
from kickstand.errors import InputError, KickstandError, Problem
from training.data.checks.objectives import label_columns

if TYPE_CHECKING:
    from rich.console import Console

    from kickstand.config.model import Environment, EnvironmentName, Project
    from kickstand.release.model import Release
    from kickstand.workspace import Workspace
    from localcloud.cloud import LocalCloud
    from training.prediction.batches import Expected


def expected_features(workspace: Workspace) -> Expected | None:
    """How many features the released model takes; None without a readable release (`deploy` says why)."""
    from training.prediction.batches import Expected

    try:
        release = workspace.release()
    except InputError:
        return None
    trained = next((channel for channel in release.channels if channel.name == "train"), release.channels[0])
    features = trained.columns - label_columns(release.hyperparameters, trained.content_type)
    return Expected(features, f"as the model of {workspace.release_file} takes")


def rows_file_problems(source: str | None, output: str | None) -> Iterator[Problem]:
    """What is wrong with input and output as files, said before anything is opened.

    source: a file, `-` for stdin, `s3://…`, or None. output: a file, `-` for stdout, or None.
    """
    local = source is not None and source != "-" and not source.startswith("s3://")
    file = Path(source or "")
    # A pipe with a name (`<(cut …)`) is as good as a file.
    if local and (not file.exists() or file.is_dir()):
        yield Problem("Expected a CSV file of rows, found none.", str(source))
    if output is None or output == "-":
        return
    if Path(output).is_dir():
        yield Problem("Expected the name of a file for the answers, found a folder.", output, "Name a file in it.")
    elif local and Path(output).exists() and file.exists() and Path(output).samefile(file):
        yield Problem("The answers would take the place of the rows.", output, "Name another file.")


def accept_problems(accept: str, *, csv_only: Mapping[str, bool]) -> Iterator[Problem]:
    """What is wrong with --accept: an unknown form, or an option that works on csv alone.

    csv_only: those options, and whether each was given.
    """
    if accept not in ("csv", "json"):
        yield Problem(f"Expected csv or json, found {accept!r}.", "--accept")
        return
    for option in (name for name, given in csv_only.items() if given and accept != "csv"):
        yield Problem(f"{option} works on the csv form.", "--accept", "Leave --accept away.")


@contextmanager
def reading(source: str) -> Iterator[BinaryIO]:
    """The rows of a file, or of standard input for `-`."""
    if source != "-":
        with Path(source).open("rb") as stream:
            yield stream
    elif sys.stdin is None:
        raise InputError(Problem("Expected rows, found standard input closed.", "stdin"))
    else:
        yield sys.stdin.buffer


@contextmanager
def writing(output: str) -> Iterator[Any]:
    """Where answers go: a file, whole or not at all, or standard output for `-`."""
    if output != "-":
        with atomic_file(Path(output)) as stream:
            yield stream
    elif sys.stdout is None:
        raise InputError(Problem("The answers have nowhere to go: standard output is closed.", "stdout", "Give -o."))
    else:
        yield _StandardOutput(sys.stdout.buffer)


@dataclass(frozen=True, slots=True)
class _StandardOutput:
    """Standard output, each batch of answers sent on at once; it may be a pipe whose reader has enough."""

    stream: BinaryIO

    def write(self, answers: bytes) -> None:
        try:
            self.stream.write(answers)
            self.stream.flush()
        except OSError as error:
            # What is left in the buffer would fail again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            raise KickstandError(
                Problem(f"The answers could not be written: {error.strerror}.", "stdout", "Make room, or give -o.")
            ) from error


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
    from kickstand.config.model import EnvironmentName

    if name in get_args(EnvironmentName):
        return f"Name one of them, or give the project a table [environments.{name}]."
    near = get_close_matches(name, project.environments, n=1)
    return f"Did you mean {near[0]}?" if near else "Name one of them."


def open_workspace(ctx: typer.Context, environment: str, *, data_on_stdout: bool = False) -> tuple[Workspace, Console]:
    """The environment that a command names, opened in AWS or, under `--local`, on the laptop, and a console.

    data_on_stdout: what a person reads goes to standard error.
    Raises InputError for a wrong project file, environment or account, and KickstandError where the
    credentials or the cloud cannot be reached.
    """
    workspace = workspace_of(root_of(ctx), load(ctx), environment)
    return workspace, make_console(sys.stderr if data_on_stdout else sys.stdout)


def workspace_of(root: Root, project: Project, name: str) -> Workspace:
    """An environment with a session of its own credentials; they stay its own when another is opened after it.

    Raises InputError for an unknown environment or another account, and KickstandError where credentials or the
    cloud cannot be reached.
    """
    from kickstand.aws.session import open_session
    from kickstand.workspace import Workspace

    environment = choose(project, name)
    releases = project.releases
    if root.local:
        releases = enter_local_cloud(project, environment).releases_folder(project.name)
    # open_session has looked the credentials up: the session keeps them, whatever the process's variables say later.
    session = open_session(environment)
    return Workspace(
        project, environment, session, releases, options_of(root), lambda other: workspace_of(root, project, other)
    )


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """An environment's release as a file, for what opens no session and starts nothing."""

    project: Project
    environment: Environment
    path: Path

    def release(self) -> Release:
        """The release. InputError: there is none, or it does not pass its checks."""
        from kickstand.release.file import read_release

        return read_release(self.path, self.environment)


def release_file(ctx: typer.Context, environment: str) -> ReleaseFile:
    """The release file of an environment; under `--local` that of the local cloud, which is not started."""
    from kickstand.release.file import release_path
    from localcloud.cloud import LocalCloud

    project = load(ctx)
    chosen = choose(project, environment)
    local = root_of(ctx).local
    folder = LocalCloud.default().releases_folder(project.name) if local else project.releases
    return ReleaseFile(project, chosen, release_path(folder, chosen.name))


def enter_local_cloud(project: Project, environment: Environment) -> LocalCloud:
    """Start the local cloud where it does not run yet, and point this process at it."""
    from localcloud.cloud import LocalCloud

    cloud = LocalCloud.default()
    cloud.start(project=project)
    cloud.enter(environment.account, environment.region)
    return cloud


def short(path: Path) -> str:
    """A path as it is typed from here."""
    return below(path, Path.cwd())


def below(path: Path, folder: Path) -> str:
    """A path as it is named from a folder, where it is below it."""
    whole, top = path.resolve(), folder.resolve()
    return whole.relative_to(top).as_posix() if whole.is_relative_to(top) else str(path)
