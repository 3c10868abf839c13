"""Objects of S3: their files and records at one, checksums, conditional writes, and 403 for an absent key.

What is deleted stays deleted, also after a kill. Only who may list a bucket learns that a key is absent; the others get
403, as on AWS.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.ministack.door.core import iam_actions, responses
from localcloud.ministack.door.names import correct, entries, share_entries
from localcloud.ministack.door.services import s3
from localcloud.ministack.iam.acting import require
from localcloud.ministack.iam.sts import AccessDenied
from localcloud.ministack.registry import account_id
from localcloud.server.object_files import erase_bucket, write_durably


def _table_of_buckets() -> Any:
    """The emulator's table of buckets, for which it matters whether their files are there.

    CloudFormation removes a bucket from the table and forgets its files: the bucket would be back at the next start,
    and a new bucket of the name would have the old one's objects.
    """

    class Buckets(responses.AccountScopedDict):  # type: ignore[misc, name-defined] # its base has no types
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

    return Buckets()


def install() -> None:
    """Put the table in place and make writes durable. Once, before the start."""
    buckets = _table_of_buckets()
    share_entries(buckets, s3.buckets)
    s3.buckets = buckets
    correct(s3.atomic_write, lambda _, path, data, *, text=False: write_durably(path, data))
    # ministack keeps these in memory alone; a lock that a restart takes off is none.
    s3.PERSISTED_BUCKET_DICTS.update(object_retention=s3.object_retention, object_legal_hold=s3.object_legal_hold)
    correct(s3.persist_object, _forgetting)


def _forgetting(persist: Callable[..., None], bucket: str, key: str, record: Any) -> None:
    persist(bucket, key, record)
    if isinstance(record, dict) and record.get("body") is None:
        _forget_bytes(bucket, key, record)


def drop_unknown(saved: Mapping[str, Any]) -> None:
    """Remove buckets whose files are there and whose record is not: they were made, or deleted, at the last moment.

    saved: the restored records of S3. CloudFormation's records are of the same moment and do not know them either.
    """
    known = saved.get("buckets_meta")
    names = set(entries(known)) if known is not None else set()
    for place in [place for place in entries(s3.buckets) if place not in names]:
        del entries(s3.buckets)[place]
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
    for version in s3.object_versions.get((bucket, key)) or []:
        if version["version_id"] == (record.get("version_id") or "null"):
            version["data"] = None


def _forget_objects(account: str, bucket: str) -> None:
    for store in (s3.object_versions, s3.object_tags, s3.object_acl, s3.object_annotations):
        for key in [key for key in list(entries(store)) if key[0] == account and key[1][0] == bucket]:
            del entries(store)[key]


def install_checksums() -> None:
    """Tell the checksum of what was written, and let a copy be conditional and take a checksum."""
    correct(s3.put_object, _put)
    correct(s3.copy_object, _copy)


def _put(original: Callable[..., Any], bucket_name: str, key: str, body: bytes, headers: dict[str, str]) -> Any:
    status, answer, content = original(bucket_name, key, body, headers)
    checksums = _checksums(bucket_name, key) if status == 200 else {}
    for algorithm, value in checksums.items():
        answer[f"x-amz-checksum-{algorithm.lower()}"] = value
        answer["x-amz-checksum-type"] = "FULL_OBJECT"
    return status, answer, content


def _copy(original: Callable[..., Any], bucket_name: str, dest_key: str, headers: dict[str, str]) -> Any:
    bucket = s3.buckets.get(bucket_name)
    if bucket is not None:
        refused = s3.check_put_preconditions(headers, bucket["objects"].get(dest_key))
        if refused:
            return refused
    algorithm = headers.get("x-amz-checksum-algorithm") or _composite_algorithm(headers)
    if algorithm:
        # The copy is one object again, whatever parts its source was sent in: its checksum is made of the whole.
        headers = {**headers, "x-amz-sdk-checksum-algorithm": algorithm}
    status, answer, content = original(bucket_name, dest_key, headers)
    if status == 200:
        content = _with_checksums(content, _checksums(bucket_name, dest_key))
    return status, answer, content


def _checksums(bucket_name: str, key: str) -> dict[str, str]:
    record = (s3.ensure_bucket(bucket_name) or {"objects": {}})["objects"].get(key) or {}
    return dict(record.get("checksums") or {})


def _composite_algorithm(headers: dict[str, str]) -> str | None:
    """The algorithm of a source whose checksum is one of parts."""
    from urllib.parse import unquote

    bucket_name, _, key = unquote(headers.get("x-amz-copy-source", "").lstrip("/").partition("?")[0]).partition("/")
    for algorithm, value in _checksums(bucket_name, key).items():
        if "-" in value:
            return algorithm
    return None


def _with_checksums(content: bytes | str, checksums: dict[str, str]) -> bytes:
    text = content.decode() if isinstance(content, bytes) else content
    members = "".join(f"<Checksum{algorithm}>{value}</Checksum{algorithm}>" for algorithm, value in checksums.items())
    if members:
        members += "<ChecksumType>FULL_OBJECT</ChecksumType>"
    return text.replace("</CopyObjectResult>", f"{members}</CopyObjectResult>").encode()


def install_conditions() -> None:
    """Tell IAM whether a write is conditional, and whether it makes an object."""
    correct(iam_actions.s3_service_context, _conditional)


def _conditional(
    original: Callable[..., Any],
    iam_action: str,
    query_params: dict[str, Any] | None,
    path: str = "",
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = original(iam_action, query_params, path, headers)
    if iam_action != "s3:PutObject":
        return found
    given, requested = headers or {}, query_params or {}
    for name in ("if-match", "if-none-match"):
        if given.get(name):
            found = {**found, f"s3:{name}": given[name]}
    # Beginning a multipart upload and sending its parts make no object; its completion does.
    part = "uploads" in requested or "partNumber" in requested
    return {**found, "s3:ObjectCreationOperation": "false" if part else "true"}


READ = ("bucket_name", "key", "headers", "query_params")

Answer = tuple[int, dict[str, str], bytes]


def install_absent_keys() -> None:
    """Ask for s3:ListBucket before a 404 of a key is told."""
    correct(s3.get_object, _discreet)
    correct(s3.head_object, _discreet)


def _discreet(
    original: Callable[..., Answer], bucket_name: str, key: str, headers: Any = None, query_params: Any = None
) -> Answer:
    answer = original(bucket_name, key, headers, query_params)
    if answer[0] != 404 or b"<Code>NoSuchKey</Code>" not in _bytes(answer[2]):
        return answer
    try:
        require("s3:ListBucket", f"arn:aws:s3:::{bucket_name}")
    except AccessDenied as refused:
        denied: Answer = s3.error.original()("AccessDenied", str(refused), 403, f"/{bucket_name}/{key}")
        return denied
    return answer


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body
