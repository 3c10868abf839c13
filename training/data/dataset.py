"""A channel's digest and its place in the bucket: `data/<sha256>/<channel>/<file>`.

The prefix holds the digest of what is below it, so a job that read the prefix proves which data it had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from kickstand.release import Channel, DataFile
from training.data.report import ChannelReport


def channel_sha256(files: Iterable[tuple[str, str]]) -> str:
    """The digest of (name, SHA-256) pairs: of the listing `<sha256>  <name>` in the order of the names.

    `sha256sum * | sha256sum` prints it in a channel's flat folder (with LC_ALL=C, where names are not ASCII).
    """
    listing = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files))
    return hashlib.sha256(listing.encode()).hexdigest()


def channel_prefix(channel: str, sha256: str) -> str:
    """The key prefix of a channel. It ends with a slash: a job reads everything that begins with it."""
    return f"data/{sha256}/{channel}/"


def channel_of(report: ChannelReport, bucket: str, content_type: str) -> Channel:
    """The channel as a release holds it."""
    sha256 = channel_sha256((file.name, file.sha256) for file in report.files)
    return Channel(
        name=report.name,
        s3_uri=f"s3://{bucket}/{channel_prefix(report.name, sha256)}",
        content_type=content_type,
        sha256=sha256,
        rows=report.rows,
        columns=report.columns,
        files=tuple(
            DataFile(name=file.name, sha256=file.sha256, size=file.size, rows=file.rows) for file in report.files
        ),
    )
