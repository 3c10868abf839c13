"""Keeps the files of S3 and the records of its buckets at one: what is deleted stays deleted, also after a kill."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.core.responses import AccountScopedDict
from ministack.services import s3

from localcloud.emulator.context import account_id
from localcloud.object_files import erase_bucket, write_durably


class _Buckets(AccountScopedDict):  # type: ignore[misc] # the emulator has no types
    """The emulator's table of buckets, for which it matters whether their files are there.

    CloudFormation removes a bucket from the table and forgets its files: the bucket would be back at the next start,
    and a new bucket of the name would have the old one's objects.
    """

    __slots__ = ()

    def __setitem__(self, name: str, record: Any) -> None:
        if name not in self:
            _erase(account_id(), name)
        super().__setitem__(name, record)

    def setdefault(self, name: str, record: Any = None) -> Any:
        if name not in self:
            self[name] = record
        return self[name]

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        _erase(account_id(), name)

    def pop(self, name: str, *default: Any) -> Any:
        known = name in self
        record = super().pop(name, *default)
        if known:
            _erase(account_id(), name)
        return record


def install() -> None:
    """Put the table in place and make writes durable. Once, before the start."""
    buckets = _Buckets()
    buckets._data = s3._buckets._data
    s3._buckets = buckets
    s3._atomic_write = lambda path, data, *, text=False: write_durably(path, data)
    # ministack keeps these in memory alone; a lock that a restart takes off is none.
    s3._PERSISTED_BUCKET_DICTS.update(object_retention=s3._object_retention, object_legal_hold=s3._object_legal_hold)
    persist = s3._persist_object

    def persist_object(bucket: str, key: str, record: Any) -> None:
        persist(bucket, key, record)
        if isinstance(record, dict) and record.get("body") is None:
            _forget_bytes(bucket, key, record)

    s3._persist_object = persist_object


def drop_unknown(saved: Mapping[str, Any]) -> None:
    """Remove buckets whose files are there and whose record is not: they were made, or deleted, at the last moment.

    saved: the restored records of S3. CloudFormation's records are of the same moment and do not know them either.
    """
    known = saved.get("buckets_meta")
    names = set(known._data) if known is not None else set()
    for place in [place for place in s3._buckets._data if place not in names]:
        del s3._buckets._data[place]
        _forget_objects(*place)
    for account in _folders(Path(s3.DATA_DIR)):
        for bucket in _folders(account):
            if (account.name, bucket.name) not in names:
                _erase(account.name, bucket.name)


def _folders(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")]


def _erase(account: str, bucket: str) -> None:
    erase_bucket(Path(s3.DATA_DIR), account, bucket, uuid.uuid4().hex)


def _forget_bytes(bucket: str, key: str, record: dict[str, Any]) -> None:
    """The bytes are on disk now: the version list need not hold them in memory as well."""
    for version in s3._object_versions.get((bucket, key)) or []:
        if version["version_id"] == (record.get("version_id") or "null"):
            version["data"] = None


def _forget_objects(account: str, bucket: str) -> None:
    for store in (s3._object_versions, s3._object_tags, s3._object_acl, s3._object_annotations):
        for key in [key for key in store._data if key[0] == account and key[1][0] == bucket]:
            del store._data[key]
