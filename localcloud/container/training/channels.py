"""The channels of a job: which may be declared, what may be said of them, and the data files of each.

Does not import xgboost: what is refused here need not wait for it. Source: `algorithm_mode/channel_validation.py` and
`algorithm_toolkit/channel_validation.py` of the container.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kickstand.xgboost_container import CONTENT_TYPES
from localcloud.container.contract import UserError

_DISTRIBUTIONS = ("FullyReplicated", "ShardedByS3Key")


def check_channels(channels: Mapping[str, Mapping[str, Any]]) -> str:
    """Refuse what the container refuses and what is not supported here; return the content type of all channels.

    channels: inputdataconfig.json: name to `ContentType`, `TrainingInputMode`, `S3DistributionType`.
    Raises UserError, in the container's words where they are the container's rules.
    """
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    for name, settings in channels.items():
        if name not in ("train", "validation"):
            raise UserError(f"Extraneous channel found: {name}")
        described = {**settings, "ContentType": settings.get("ContentType", "text/libsvm")}
        supported = (
            described["ContentType"] in CONTENT_TYPES
            and described.get("TrainingInputMode", "File") == "File"
            and described.get("S3DistributionType", "FullyReplicated") in _DISTRIBUTIONS
        )
        if not supported:
            raise UserError(f"Channel configuration for '{name}' channel is not supported: {described}")
    # the container reads both channels as the train channel says
    return CONTENT_TYPES[channels["train"].get("ContentType", "text/libsvm")]


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
