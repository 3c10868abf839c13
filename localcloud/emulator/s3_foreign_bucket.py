"""A bucket policy is asked about who really calls from another account: its user or role, not its root.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html: the principal is the
caller; across accounts the bucket's policy and the caller's own must both allow. ministack asks about the root.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from localcloud.emulator import acting
from localcloud.emulator.seam import Seam, wrap

EVALUATOR = "ministack.core.iam_evaluator"
ALLOWS = Seam(
    "ministack.services.s3",
    "_foreign_bucket_allows",
    ("owner_account", "bucket_name", "key", "method", "query_params", "caller", "headers"),
)
POLICY = Seam(EVALUATOR, "evaluate_resource_policy", ("doc", "ctx", "service", "named_only", "direct_only"))
PRINCIPAL = Seam(EVALUATOR, "resolve_principal", ("access_key_id", "account_id", "credential"))

_caller: contextvars.ContextVar[Any] = contextvars.ContextVar("kickstand_foreign_caller", default=None)


def install() -> None:
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
