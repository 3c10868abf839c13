"""What the gates are asked about: one model on its way from one environment to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kickstand.config.model import EnvironmentName, Gates, Project
from kickstand.errors import KickstandError, Problem
from kickstand.names import Names
from kickstand.release import Release
from promotion.place import Place


def _typed(command: str) -> str:
    return f"kickstand {command}"


def _closed(name: EnvironmentName) -> Place:
    raise KickstandError(Problem(f"There is no session for {name} here."))


@dataclass(frozen=True, slots=True)
class Contest:
    """One model, where it is served, and where it would be.

    source and target may be the same environment: its own release is then judged by its own gates.
    """

    project: Project
    source: Place
    target: Place
    """Its `[gates]`, `[signing]` and stacks are what the model is held to."""
    release: Release
    """The source's release."""
    candidate: Release
    """The release as it would be written for the target."""
    now: datetime
    """UTC, with its time zone."""
    newer: bool = True
    """False for a way back: what compares with the served model or measures the source live is not asked."""
    open_place: Callable[[EnvironmentName], Place] = _closed
    """Opens a further environment: the one whose bucket holds the test rows. KickstandError: it cannot be."""
    way_back: str = ""
    """What asks these gates again where `newer` is False: `rollback prod --to 2`. Empty: `rollback ENV`."""
    typed: Callable[[str], str] = _typed
    """A `kickstand` command as the user must type it to reach the same project in the same place."""

    @property
    def gates(self) -> Gates:
        """What the target demands."""
        return self.target.environment.gates

    @property
    def moves(self) -> bool:
        """Whether the model goes to another environment."""
        return self.source.environment.name != self.target.environment.name

    def s3_of(self, bucket: str) -> Any | None:
        """A client of S3 for a bucket of the project; None where the bucket is of no environment."""
        environments = self.project.environments.items()
        owner = next((name for name, environment in environments if Names(environment).bucket == bucket), None)
        if owner is None:
            return None
        known = {each.environment.name: each for each in (self.source, self.target)}
        return (known.get(owner) or self.open_place(owner)).session.client("s3")

    def see(self, *commands: str) -> str:
        """Commands as they are typed, one after another."""
        return "; ".join(self.typed(command) for command in commands)

    def again(self, gate: str) -> str:
        """How one gate is asked again. A way back is asked as a whole, by the command that changes nothing unasked."""
        name = self.target.environment.name
        if not self.newer:
            return self.typed(self.way_back or f"rollback {name}")
        origin = f" --from {self.source.environment.name}" if self._unusual else ""
        return self.typed(f"gate {name}{origin} --only {gate}")

    @property
    def _unusual(self) -> bool:
        environment = self.target.environment
        return self.source.environment.name != (environment.promotes_from or environment.name)
