"""What the data check found in each channel: the files with their digests, the shape, the label's range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file as it was read.

    name: its path below the channel, with `/`. sha256: hex. size: bytes.
    """

    name: str
    path: Path
    sha256: str
    size: int
    rows: int


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """One channel. Files are sorted by name; columns count the label; grouped: its rows belong to queries."""

    name: str
    files: tuple[FileReport, ...]
    rows: int
    columns: int
    delimiter: str
    label_min: float
    label_max: float
    grouped: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class DataReport:
    """All channels by name, in SageMaker's customary order: train, validation, test.

    warnings: what the container takes, and what the user may not have meant; each with its file.
    """

    channels: Mapping[str, ChannelReport]
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all channels."""
        return sum(channel.size for channel in self.channels.values())
