"""Buckets of other accounts: whom a bucket policy is evaluated for, and copies that read their source there.

A bucket policy is evaluated for the user or role that calls from another account, not for that account's root.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from localcloud.ministack.iam import acting
from localcloud.ministack.registry import account_id, region, request_scope
from localcloud.ministack.seam import Seam, wrap

EVALUATOR = "ministack.core.iam_evaluator"
ALLOWS = Seam(
    "ministack.services.s3",
    "_foreign_bucket_allows",
    ("owner_account", "bucket_name", "key", "method", "query_params", "caller", "headers"),
)
POLICY = Seam(EVALUATOR, "evaluate_resource_policy", ("doc", "ctx", "service", "named_only", "direct_only"))
PRINCIPAL = Seam(EVALUATOR, "resolve_principal", ("access_key_id", "account_id", "credential"))

_caller: contextvars.ContextVar[Any] = contextvars.ContextVar("kickstand_foreign_caller", default=None)


def install_foreign_buckets() -> None:
    """Name the caller wherever another account's bucket policy decides."""
    PRINCIPAL.original()
    wrap(ALLOWS, _with_caller)
    wrap(POLICY, _about_caller)


def _with_caller(original: Callable[..., bool]) -> Callable[..., bool]:
    def foreign_bucket_allows(
        owner_account: str,
        bucket_name: str,
        key: str,
        method: str,
        query_params: dict[str, Any],
        caller: str,
        headers: dict[str, str] | None = None,
    ) -> bool:
        access_key = acting.access_key() if caller else None
        principal = PRINCIPAL.original()(access_key, caller) if access_key else None
        token = _caller.set(principal if hasattr(principal, "arn") else None)
        try:
            return original(owner_account, bucket_name, key, method, query_params, caller, headers)
        finally:
            _caller.reset(token)

    return foreign_bucket_allows


def _about_caller(original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate_resource_policy(
        doc: Any, ctx: Any, service: str | None = None, named_only: bool = False, direct_only: bool = False
    ) -> Any:
        caller = _caller.get()
        if caller is not None and ctx.principal_type == "Root":
            ctx = replace(ctx, principal_arn=caller.arn, principal_type=caller.type, principal_keys=caller.keys)
        return original(doc, ctx, service, named_only, direct_only)

    return evaluate_resource_policy


S3 = "ministack.services.s3"
COPY = Seam(S3, "_copy_object", ("bucket_name", "dest_key", "headers"))
COPY_PART = Seam(S3, "_upload_part_copy", ("bucket_name", "dest_key", "query_params", "headers"))
BUCKET = Seam(S3, "_ensure_bucket", ("name",))
BODY = Seam(S3, "_read_body", ("bucket_name", "key", "obj"))
OWNER = Seam(S3, "_bucket_owner_account", ("name",))

_source: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("kickstand_copy_source", default=None)
"""Bucket and owner of the foreign source that is being copied."""


def install_foreign_copies() -> None:
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
