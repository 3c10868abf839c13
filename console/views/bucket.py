"""The artifact bucket: data and models by their digests, and the other prefixes; names, sizes and dates alone.

What is in an object is not read: rows may be more confidential than what was made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from console.reading import Part, Reads, View
from kickstand.aws.errors import error_code
from kickstand.bucket import DATA, MODELS, PREFIXES, Prefix, layout

if TYPE_CHECKING:
    from kickstand.release.model import Release

PAGE = 200
"""Objects of a list."""
_SECONDS = 15.0
_BY_DIGEST = ("data", "models", "capture")
"""Prefixes whose next folder is a digest."""
_WHAT: Mapping[str, str] = {
    "data": "channels by the digest of their files",
    "models": "model artifacts by their digest, with their learning curves",
    "training": "what training jobs write: outputs and checkpoints",
    "manifests": "one for each upload",
    "latest": "the manifest of the data that was uploaded last",
    "metrics": "metrics of models, by their own digest",
    "golden": "golden rows that are kept out of git",
    "transform": "rows to be transformed, and the predictions",
    "capture": "requests to the endpoint and its answers, by the digest of the model",
    "locks": "who is promoting right now",
}


@dataclass(frozen=True, slots=True)
class Stored:
    """One object."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """Objects of one folder: of a digest, or (empty) of the prefix itself. uses: what of the release it is."""

    digest: str
    objects: tuple[Stored, ...]
    uses: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(one.size for one in self.objects)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a prefix, in the order of its keys. more: the key after which it goes on; empty at its end."""

    prefix: str
    groups: tuple[Group, ...]
    after: str
    more: str


@dataclass(frozen=True, slots=True)
class BucketView:
    """What the template prints. prefixes: with what they hold and how long. released: what of the release is where:
    its name, its prefix, and the key after which it is listed."""

    name: str
    sentence: str
    tone: str
    exists: bool
    prefixes: tuple[tuple[str, str, str], ...]
    released: tuple[tuple[str, str, str], ...]
    listings: tuple[Part[Listing], ...]


def read_bucket(reads: Reads) -> BucketView:
    """Data and models, or the prefix that is asked for. query: `prefix`, `after`."""
    workspace, asked = reads.workspace, reads.query.get("prefix", "").rstrip("/")
    bucket = workspace.names.bucket
    chosen = [prefix for prefix in PREFIXES if prefix.name == asked] or [DATA, MODELS]
    after = reads.query.get("after", "") if len(chosen) == 1 else ""
    release = reads.part("reading the release", workspace.release_or_none).value
    uses = _uses(release)
    try:
        first = reads.part(f"listing {chosen[0].key}", lambda: read_listing(reads, chosen[0], after, uses))
    except _NoBucketError:
        return _absent(reads, bucket)
    rest = [
        reads.part(f"listing {prefix.key}", lambda prefix=prefix: read_listing(reads, prefix, "", uses))  # type: ignore[misc]
        for prefix in chosen[1:]
    ]
    listings = (first, *rest)
    shown = sum(len(one.value.groups) for one in listings if one.value is not None)
    what = " and ".join(prefix.key for prefix in chosen)
    return BucketView(
        name=bucket,
        sentence=f"{shown:,} folder{'' if shown == 1 else 's'} of {what} on this page.",
        tone="note",
        exists=True,
        prefixes=tuple(_described(prefix) for prefix in layout(capture_days=_capture_days(workspace.environment))),
        released=_released(release),
        listings=listings,
    )


class _NoBucketError(Exception):
    """There is no such bucket."""


def _absent(reads: Reads, bucket: str) -> BucketView:
    deploy = reads.workspace.command("deploy")
    sentence = (
        f"There is no bucket {bucket}: {reads.workspace.environment.name} was never deployed. Deploy it: {deploy}"
    )
    return BucketView(bucket, sentence, "warning", False, (), (), ())


def _capture_days(environment: Any) -> int:
    return int(environment.hosting.capture.days)


def _described(prefix: Prefix) -> tuple[str, str, str]:
    if prefix.days is not None:
        kept = f"deleted after {prefix.days} days"
    elif prefix.old_version_days is not None:
        kept = f"older versions are deleted after {prefix.old_version_days} days"
    else:
        kept = "nothing expires"
    return prefix.key, _WHAT.get(prefix.name, ""), kept


def _uses(release: Release | None) -> dict[str, tuple[str, ...]]:
    """What of the release has a digest: `model`, `train`."""
    if release is None:
        return {}
    found: dict[str, tuple[str, ...]] = {release.artifact.sha256: ("model",)}
    for channel in release.channels:
        found[channel.sha256] = (*found.get(channel.sha256, ()), channel.name)
    return found


def _released(release: Release | None) -> tuple[tuple[str, str, str], ...]:
    """A listing that begins after the digest begins with what is below it. Of a promoted release the data are in the
    bucket of the environment that trained it."""
    if release is None:
        return ()
    own = (one for one in release.channels if one.s3_uri.startswith(f"s3://{release.bucket}/"))
    channels = ((one.name, DATA.key, f"{DATA.key}{one.sha256}") for one in own)
    return (("model", MODELS.key, f"{MODELS.key}{release.artifact.sha256}"), *channels)


def read_listing(reads: Reads, prefix: Prefix, after: str, uses: Mapping[str, tuple[str, ...]]) -> Listing:
    """A page of a prefix. after: a key of it. Raises what S3 refuses; _NoBucketError: there is no bucket."""
    begin = {"StartAfter": after} if after.startswith(prefix.key) else {}
    try:
        answer = reads.client("s3").list_objects_v2(
            Bucket=reads.workspace.names.bucket, Prefix=prefix.key, MaxKeys=PAGE, **begin
        )
    except ClientError as error:
        if error_code(error) == "NoSuchBucket":
            raise _NoBucketError from None
        raise
    found = [Stored(one["Key"], one["Size"], one["LastModified"]) for one in answer.get("Contents", ())]
    more = found[-1].key if answer.get("IsTruncated") and found else ""
    return Listing(prefix.key, tuple(_grouped(found, prefix, uses)), after if begin else "", more)


def _grouped(found: Sequence[Stored], prefix: Prefix, uses: Mapping[str, tuple[str, ...]]) -> list[Group]:
    by_digest: dict[str, list[Stored]] = {}
    for one in found:
        folder = one.key.removeprefix(prefix.key).split("/")[0] if prefix.name in _BY_DIGEST else ""
        by_digest.setdefault(folder, []).append(one)
    groups = [Group(digest, tuple(objects), uses.get(digest, ())) for digest, objects in by_digest.items()]
    return sorted(groups, key=lambda group: not group.uses)


BUCKET = View("bucket", "Bucket", read_bucket, lambda _: _SECONDS)
