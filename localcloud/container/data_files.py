"""The data files of one channel."""

from __future__ import annotations

import os
from pathlib import Path

from localcloud.container.errors import UserError

_DEEPEST = 3


def data_files(folder: Path) -> list[Path]:
    """All files of a channel, nested folders included, in the order of their paths; [] where there is no data.

    Raises UserError for a file whose name begins with "." and for folders nested more than 3 deep, which the
    container does not take.
    """
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        here = Path(root)
        depth = len(here.relative_to(folder).parts)
        if depth > _DEEPEST:
            raise UserError(f"Folder depth exceed the limit: {_DEEPEST}. Found {here.relative_to(folder).as_posix()}.")
        for name in sorted(names):
            if name.startswith("."):
                raise UserError(f"Hidden file found in the data path! Remove that before training: {name}")
            found.append(here / name)
    return found if any(path.stat().st_size for path in found) else []
