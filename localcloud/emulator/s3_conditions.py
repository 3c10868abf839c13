"""The condition keys of conditional writes: s3:if-match, s3:if-none-match, s3:ObjectCreationOperation.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.seam import Seam, wrap

CONTEXT = Seam("ministack.core.iam_actions", "s3_service_context", ("iam_action", "query_params", "path", "headers"))


def install() -> None:
    """Tell IAM whether a write is conditional, and whether it makes an object."""
    wrap(CONTEXT, _conditional)


def _conditional(original: Callable[..., Any]) -> Callable[..., Any]:
    def s3_service_context(
        iam_action: str,
        query_params: dict[str, Any] | None,
        path: str = "",
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        found: dict[str, Any] = original(iam_action, query_params, path, headers)
        if iam_action != "s3:PutObject":
            return found
        given, asked = headers or {}, query_params or {}
        for name in ("if-match", "if-none-match"):
            if given.get(name):
                found = {**found, f"s3:{name}": given[name]}
        # Beginning a multipart upload and sending its parts make no object; its completion does.
        part = "uploads" in asked or "partNumber" in asked
        return {**found, "s3:ObjectCreationOperation": "false" if part else "true"}

    return s3_service_context
