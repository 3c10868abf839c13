"""Repairs the files of S3 objects after a kill: each object is what it was before a write, or what it is after.

The emulator keeps an object as two files, the bytes and a `.meta.json` beside them, and replaces one after the other;
a version that is displaced is copied to `.versions` first. Layout: ACCOUNT/BUCKET/KEY and
.versions/ACCOUNT/BUCKET/VERSION/KEY; keys that no path can hold lie under `.ministack-keys`, by an encoded name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

VERSIONS = ".versions"
ERASED = ".erased-"
"""Folders that begin so are of deleted buckets and about to be removed."""

_SIDECAR = ".meta.json"


failed_writes: ContextVar[list[str] | None] = ContextVar("failed_writes", default=None)
"""Where the request at hand hears why the bytes of its objects are not on the disk: the emulator goes on without."""


def repair_objects(root: Path) -> list[str]:
    """Undo or complete what a killed server was writing. Before the emulator reads the files.

    Returns the objects that were repaired, as ACCOUNT/BUCKET/KEY.
    """
    repaired = []
    for folder in root.glob(f"{ERASED}*"):
        shutil.rmtree(folder)
    for path in [*root.rglob("*.tmp")]:
        if path.is_file():
            path.unlink()
    for data in _data_files(root):
        if _repair(root, data):
            repaired.append(str(data.relative_to(root)))
    return repaired


def erase_bucket(root: Path, account: str, bucket: str, unique: str) -> None:
    """Remove all bytes of a bucket, those of old versions too. A kill in the middle leaves nothing to be found.

    unique: a name that no other removal has.
    """
    for number, folder in enumerate((root / account / bucket, root / VERSIONS / account / bucket)):
        grave = root / f"{ERASED}{unique}-{number}"
        try:
            folder.rename(grave)
        except FileNotFoundError:
            continue
        shutil.rmtree(grave)


def write_durably(path: str, data: bytes | str) -> None:
    """Replace a file by one that is on the disk, readable by its user alone."""
    staging = f"{path}.tmp"
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        Path(staging).replace(path)
    except BaseException as error:
        Path(staging).unlink(missing_ok=True)
        if isinstance(error, OSError) and (failed := failed_writes.get()) is not None:
            failed.append(error.strerror or str(error))
        raise


def _data_files(root: Path) -> Iterator[Path]:
    for account in root.iterdir():
        if account.is_dir() and not account.name.startswith("."):
            for path in account.rglob("*"):
                if path.is_file() and not path.name.endswith(_SIDECAR):
                    yield path


def _repair(root: Path, data: Path) -> bool:
    sidecar = data.with_name(data.name + _SIDECAR)
    try:
        meta: dict[str, Any] = json.loads(sidecar.read_bytes())
    except (FileNotFoundError, ValueError):
        # A first write that was never answered: the bytes without their description are no object.
        data.unlink()
        sidecar.unlink(missing_ok=True)
        return True
    if meta.get("is_delete_marker") or not _torn(data, sidecar, meta):
        return False
    account, bucket, *key = data.relative_to(root).parts
    before = root.joinpath(VERSIONS, account, bucket, str(meta.get("version_id") or "null"), *key)
    if before.is_file():
        write_durably(str(data), before.read_bytes())
        return True
    content = data.read_bytes()
    meta.update(size=len(content), etag=f'"{_md5(content)}"', checksums={})
    meta.pop("version_id", None)
    meta.pop("versions", None)
    write_durably(str(sidecar), json.dumps(meta))
    return True


def _torn(data: Path, sidecar: Path, meta: dict[str, Any]) -> bool:
    """Whether the description is of other bytes. The bytes are read only where their file is the younger one."""
    is_of, told_at = data.stat(), sidecar.stat().st_mtime_ns
    if is_of.st_size != meta.get("size"):
        return True
    etag = str(meta.get("etag", "")).strip('"')
    # The ETag of a multipart upload, HASH-PARTS, is not the digest of the bytes.
    return is_of.st_mtime_ns > told_at and "-" not in etag and _md5(data.read_bytes()) != etag


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
