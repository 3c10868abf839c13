"""An opened environment: settings, names, release, a session of its own account, how a user reaches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.config.model import Environment
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names
from kickstand.release.file import read_release, release_path
from kickstand.release.model import Release

if TYPE_CHECKING:
    import boto3

    from kickstand.config.model import Project


def command_line(options: Sequence[str], words: str) -> str:
    """A command as the user types it: `kickstand [OPTIONS] WORDS`. options: quoted already."""
    return " ".join(["kickstand", *options, words])


@dataclass(frozen=True, slots=True)
class Workspace:
    """One environment of a project, opened: every command works in one, a promotion in two."""

    project: Project
    environment: Environment
    session: boto3.Session
    """Opened with the environment's own profile or role; its account has been compared."""
    releases: Path
    """The folder of the release files."""
    options: tuple[str, ...] = ()
    """The options with which `kickstand` reaches this project: `("--local", "--config", "x.toml")`, quoted."""
    opener: Callable[[str], Workspace] | None = field(default=None, repr=False, compare=False)
    """Opens another environment of the project by its name."""

    @property
    def names(self) -> Names:
        """The physical names of the environment."""
        return Names(self.environment)

    @property
    def release_file(self) -> Path:
        """Where the environment's release is, or would be."""
        return release_path(self.releases, self.environment.name)

    def release(self) -> Release:
        """The environment's release. InputError: there is none, or it does not pass its checks."""
        return read_release(self.release_file, self.environment)

    def release_or_none(self) -> Release | None:
        """The environment's release; None where it has no file. InputError: it does not pass its checks."""
        return self.release() if self.release_file.exists() else None

    def command(self, verb: str, *words: str) -> str:
        """A command about this environment, as the user types it: `kickstand --local deploy dev --training`."""
        return self.typed(" ".join([verb, self.environment.name, *words]))

    def typed(self, words: str) -> str:
        """Any other command, as the user types it to reach the same project: `adopt JOB dev`."""
        return command_line(self.options, words)

    def open(self, name: str) -> Workspace:
        """An environment of the project; itself for its own name.

        Raises KickstandError where it cannot be opened, and InputError where the project has none of that name.
        """
        if name == self.environment.name:
            return self
        if self.opener is None:
            raise KickstandError(Problem(f"There is no session for {name} here."))
        return self.opener(name)

    @property
    def aws_options(self) -> str:
        """The options with which the `aws` command reaches the environment."""
        profile = f" --profile {self.environment.profile}" if self.environment.profile else ""
        return f"--region {self.environment.region}{profile}"
