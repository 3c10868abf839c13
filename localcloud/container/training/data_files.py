"""The data files of one channel."""

from __future__ import annotations

import os
from pathlib import Path

from localcloud.container.errors import UserError

_DEEPEST = 2
"""Folders below the channel's own, which is the first of the container's three."""


def data_files(folder: Path) -> list[Path]:
    """All files of a channel, nested folders included, by their names: the container lays them all in one folder.

    None where they hold nothing at all. Raises UserError for a file whose name begins with "." and for folders nested
    more than 3 deep, the channel's own counted: the container leaves what lies deeper out of the training data with no
    more than a warning.
    """
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        here = Path(root)
        depth = len(here.relative_to(folder).parts)
        if depth > _DEEPEST:
            raise UserError(
                f"Folder depth exceed the limit: {_DEEPEST + 1}. Found {here.relative_to(folder).as_posix()}."
            )
        for name in sorted(names):
            if name.startswith("."):
                raise UserError(f"Hidden file found in the data path! Remove that before training. ({name})")
            found.append(here / name)
    if not any(path.stat().st_size for path in found):
        return []
    return sorted(found, key=lambda path: (path.name, path))
