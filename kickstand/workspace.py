"""An opened environment: its settings, its names, its release, and a session of its own account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.config.model import Environment
from kickstand.names import Names
from kickstand.release.file import read_release, release_path
from kickstand.release.model import Release

if TYPE_CHECKING:
    import boto3

    from kickstand.config.model import Project


@dataclass(frozen=True, slots=True)
class Workspace:
    """The source or the target of a promotion."""

    environment: Environment
    names: Names
    session: boto3.Session
    """Opened with the environment's own profile or role; its account has been compared."""
    releases: Path
    """The folder of the release files."""

    @property
    def release_file(self) -> Path:
        return release_path(self.releases, self.environment.name)

    def release(self) -> Release:
        """The environment's release. InputError: there is none, or it does not pass its checks."""
        return read_release(self.release_file, self.environment)


@dataclass(frozen=True, slots=True)
class DoctorWorkspace:
    """An environment, a session in its account, and how its owner types commands.

    releases:  the folder of the release files.
    bootstrap: how the CDK bootstrap stack is made or renewed, as a sentence.
    typed:     a `kickstand` command with the options that reach this environment.
    open_other: opens a session of another environment of the project; KickstandError where there are no credentials.
    """

    project: Project
    environment: Environment
    session: boto3.Session
    releases: Path
    bootstrap: str
    typed: Callable[[str], str]
    open_other: Callable[[Environment], boto3.Session]

    def session_of(self, environment: Environment) -> boto3.Session:
        """The session of any environment of the project."""
        return self.session if environment.name == self.environment.name else self.open_other(environment)

    @property
    def names(self) -> Names:
        return Names(self.environment)

    @property
    def place(self) -> str:
        """The options with which the `aws` command reaches the environment."""
        profile = f" --profile {self.environment.profile}" if self.environment.profile else ""
        return f"--region {self.environment.region}{profile}"
