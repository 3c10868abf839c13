"""Environments as a promotion meets them, opened for commands that have to do with more than one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kickstand.commands.context import Root
    from kickstand.config.model import Project
    from promotion.place import Place


def open_place(root: Root, project: Project, name: str) -> Place:
    """An environment with a session of its own credentials; they stay its own when another is opened after it.

    Raises InputError for an unknown environment or another account, and KickstandError where credentials or the
    cloud cannot be reached.
    """
    from kickstand.commands.context import choose, enter_local_cloud
    from kickstand.names import Names
    from kickstand.session import open_session
    from promotion.place import Place

    environment = choose(project, name)
    releases = project.releases
    if root.local:
        releases = enter_local_cloud(project, environment).releases_folder(project.name)
    # open_session has looked the credentials up: the session keeps them, whatever the process's variables say later.
    return Place(environment, Names(environment), open_session(environment), releases)
