"""Buckets of other accounts: whom a bucket policy is evaluated for, and copies that read their source there.

A bucket policy is evaluated for the user or role that calls from another account, not for that account's root.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from localcloud.ministack.door.core import iam_evaluator
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import s3
from localcloud.ministack.iam import acting
from localcloud.ministack.registry import account_id, region, request_scope

_caller: contextvars.ContextVar[Any] = contextvars.ContextVar("kickstand_foreign_caller", default=None)


def install_foreign_buckets() -> None:
    """Name the caller wherever another account's bucket policy decides."""
    correct(s3.foreign_bucket_allows, _with_caller)
    correct(iam_evaluator.evaluate_resource_policy, _about_caller)


def _with_caller(
    original: Callable[..., bool],
    owner_account: str,
    bucket_name: str,
    key: str,
    method: str,
    query_params: dict[str, Any],
    caller: str,
    headers: dict[str, str] | None = None,
) -> bool:
    access_key = acting.access_key() if caller else None
    principal = iam_evaluator.resolve_principal.original()(access_key, caller) if access_key else None
    token = _caller.set(principal if hasattr(principal, "arn") else None)
    try:
        return original(owner_account, bucket_name, key, method, query_params, caller, headers)
    finally:
        _caller.reset(token)


def _about_caller(
    original: Callable[..., Any],
    doc: Any,
    ctx: Any,
    service: str | None = None,
    named_only: bool = False,
    direct_only: bool = False,
) -> Any:
    caller = _caller.get()
    if caller is not None and ctx.principal_type == "Root":
        ctx = replace(ctx, principal_arn=caller.arn, principal_type=caller.type, principal_keys=caller.keys)
    return original(doc, ctx, service, named_only, direct_only)


_source: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("kickstand_copy_source", default=None)
"""Bucket and owner of the foreign source that is being copied."""


def install_foreign_copies() -> None:
    """Look a copy's source up with its owner. After the other corrections of copies: it goes around them."""
    correct(s3.copy_object, _from_its_owner)
    correct(s3.upload_part_copy, _from_its_owner)
    correct(s3.ensure_bucket, _found)
    correct(s3.read_body, _read)


def _from_its_owner(original: Callable[..., Any], bucket_name: str, dest_key: str, *rest: Any) -> Any:
    path = unquote(rest[-1].get("x-amz-copy-source", "").lstrip("/").partition("?")[0])
    name = path.partition("/")[0]
    owner = s3.bucket_owner_account.original()(name)
    token = _source.set((name, owner) if owner and owner != account_id() else None)
    try:
        return original(bucket_name, dest_key, *rest)
    finally:
        _source.reset(token)


def _owner_of(bucket_name: str) -> str | None:
    source = _source.get()
    return source[1] if source is not None and source[0] == bucket_name else None


def _found(original: Callable[..., Any], name: str) -> Any:
    owner = _owner_of(name)
    if owner is None:
        return original(name)
    with request_scope(owner, region()):
        return original(name)


def _read(original: Callable[..., bytes], bucket_name: str, key: str, obj: dict[str, Any]) -> bytes:
    owner = _owner_of(bucket_name)
    if owner is None:
        return original(bucket_name, key, obj)
    with request_scope(owner, region()):
        return original(bucket_name, key, obj)
