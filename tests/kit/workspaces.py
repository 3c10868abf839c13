"""An opened environment for tests: `environment()` of samples, with the session and the folders that a test wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samples import environment

from kickstand.config.model import Environment, Project
from kickstand.workspace import Workspace


def workspace(
    session: Any = None,
    releases: Path = Path("releases"),
    *,
    of: Environment | None = None,
    others: tuple[Environment, ...] = (),
    **more: Any,
) -> Workspace:
    """dev's, or that of another environment (`of`); its project has `others` too.

    session: anything that has the clients that are used. more: further fields of Workspace.
    """
    chosen = of or environment()
    environments = {each.name: each for each in (chosen, *others)}
    project = Project(name=chosen.project, file=Path("kickstand.toml"), environments=environments)
    return Workspace(**{"project": project, "environment": chosen, "session": session, "releases": releases, **more})
