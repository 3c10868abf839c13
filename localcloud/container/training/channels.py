"""Which channels a training job may have, and what may be said of them.

Source: `algorithm_mode/channel_validation.py` and `algorithm_toolkit/channel_validation.py` of the container.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kickstand.content_types import CONTENT_TYPES
from localcloud.container.errors import UserError

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
