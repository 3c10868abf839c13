"""What a verified signature stands for, as a person reads it: lines of text. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kickstand.release import Release
from kickstand.text import plain
from promotion.signing.signed_by import SignedBy
from promotion.signing.statement import PREDICATE_TYPE

_WIDTH = 16


def account(release: Release, release_file: Path, signed: SignedBy) -> list[str]:
    """What is signed and by whom, a label and a value a line."""
    return [plain(f"  {label:<{_WIDTH}} {value}".rstrip(" ")) for label, value in _rows(release, release_file, signed)]


def _rows(release: Release, release_file: Path, signed: SignedBy) -> Iterator[tuple[str, str]]:
    yield "release", f"{release.sha256}, of {release.project} {release.environment} ({release_file.name})"
    yield "model", release.artifact.sha256
    for channel in release.channels:
        yield channel.name, f"{channel.sha256}, {channel.rows:,} rows"
    yield "image", release.algorithm.image_uri
    yield "training job", release.training_job.arn
    yield "source commit", release.source_commit or "none: trained outside git"
    yield "signed by", signed.name
    if signed.issuer:
        yield "vouched for by", signed.issuer
    yield "key", f"{signed.key_id}{f', {signed.algorithm}' if signed.algorithm else ''}"
    yield "predicate", PREDICATE_TYPE
