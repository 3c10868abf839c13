"""One environment as a promotion meets it: its settings, its names, and a session of its own account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.config.model import Environment
from kickstand.names import Names
from kickstand.release import Release
from kickstand.release_file import read_release, release_path

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True, slots=True)
class Place:
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
