"""The one door to ministack: each name of it that the local cloud touches, declared once, by the module it is in.

Nothing else imports ministack or names a module of it. A release of ministack that moves a name fails by that name, in
the contract test and at the start of the server. ministack is imported when a name is first used, and no name is used
before `localcloud.ministack.served` has put the settings into the environment, which is read while it is imported.
A package and not a module: the names and their parameters are more than 300 lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localcloud.ministack.door import cloudformation, core, services
from localcloud.ministack.door.names import Names, Seam, Value


def declared() -> Iterator[Value[Any] | Seam]:
    """Every name that the local cloud touches."""
    for module in (core, cloudformation, services):
        for names in vars(module).values():
            if isinstance(names, Names):
                yield from names.touches()


def check() -> None:
    """Raises SeamMovedError for a name that is not as it is declared. Once, before the server starts."""
    for touch in declared():
        touch.check()
