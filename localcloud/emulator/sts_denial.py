"""The refusal to assume a role that is not there names the caller, as every refusal of IAM does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.seam import Seam, wrap

STS = "ministack.services.sts"
HANDLE = Seam(STS, "handle_request", ("method", "path", "headers", "body", "query_params"))
IDENTITY = Seam(STS, "_caller_identity", ("headers", "query_params"))

_NOBODY = b"User: is not authorized"


def install() -> None:
    """Put the caller's ARN into the message."""
    IDENTITY.original()
    wrap(HANDLE, _named)


def _named(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any) -> Any:
        status, answer, told = await original(method, path, headers, body, query_params)
        text = told.encode() if isinstance(told, str) else told
        if status == 403 and _NOBODY in text:
            caller = IDENTITY.original()(headers, query_params)
            if isinstance(caller, dict) and caller.get("userArn"):
                text = text.replace(_NOBODY, f"User: {caller['userArn']} is not authorized".encode())
            return status, {name: value for name, value in answer.items() if name.lower() != "content-length"}, text
        return status, answer, told

    return handle_request
