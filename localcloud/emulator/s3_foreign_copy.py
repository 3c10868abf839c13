"""A copy reads its source where it is: also in a bucket of another account, once that account's policy has allowed it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html. ministack asks the policy and then looks the
bucket up among the caller's own. A source by its version id stays the caller's own: what reads another account's
versions is another permission, s3:GetObjectVersion.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from localcloud.emulator.context import account_id, region, request_scope
from localcloud.emulator.seam import Seam, wrap

S3 = "ministack.services.s3"
COPY = Seam(S3, "_copy_object", ("bucket_name", "dest_key", "headers"))
COPY_PART = Seam(S3, "_upload_part_copy", ("bucket_name", "dest_key", "query_params", "headers"))
BUCKET = Seam(S3, "_ensure_bucket", ("name",))
BODY = Seam(S3, "_read_body", ("bucket_name", "key", "obj"))
OWNER = Seam(S3, "_bucket_owner_account", ("name",))

_source: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("kickstand_copy_source", default=None)
"""Bucket and owner of the foreign source that is being copied."""


def install() -> None:
    """Look a copy's source up with its owner. After the other corrections of copies: it goes around them."""
    OWNER.original()
    wrap(COPY, _from_its_owner)
    wrap(COPY_PART, _from_its_owner)
    wrap(BUCKET, _found)
    wrap(BODY, _read)


def _from_its_owner(original: Callable[..., Any]) -> Callable[..., Any]:
    def copy(bucket_name: str, dest_key: str, *rest: Any) -> Any:
        path = unquote(rest[-1].get("x-amz-copy-source", "").lstrip("/").partition("?")[0])
        name = path.partition("/")[0]
        owner = OWNER.original()(name)
        token = _source.set((name, owner) if owner and owner != account_id() else None)
        try:
            return original(bucket_name, dest_key, *rest)
        finally:
            _source.reset(token)

    return copy


def _owner_of(bucket_name: str) -> str | None:
    source = _source.get()
    return source[1] if source is not None and source[0] == bucket_name else None


def _found(original: Callable[..., Any]) -> Callable[..., Any]:
    def ensure_bucket(name: str) -> Any:
        owner = _owner_of(name)
        if owner is None:
            return original(name)
        with request_scope(owner, region()):
            return original(name)

    return ensure_bucket


def _read(original: Callable[..., bytes]) -> Callable[..., bytes]:
    def read_body(bucket_name: str, key: str, obj: dict[str, Any]) -> bytes:
        owner = _owner_of(bucket_name)
        if owner is None:
            return original(bucket_name, key, obj)
        with request_scope(owner, region()):
            return original(bucket_name, key, obj)

    return read_body
