"""The container's HTTP face: /ping, /execution-parameters, /invocations, as an ASGI application."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from localcloud.container.prediction_text import encode, negotiate
from localcloud.container.request_rows import UndecodableError, decode_csv
from localcloud.container.served_model import ServedModel, TooManyFeaturesError
from localcloud.container.serving_settings import ServingSettings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger("container")
_INLINE_BYTES = 4096
"""A body up to this size is answered faster than handed to another thread."""
_DRAINED = 16
"""An oversized body is read to its end up to so many times the limit, so that its sender hears the 413."""
_NOT_YET = ("text/libsvm", "text/x-libsvm", "application/x-recordio-protobuf")


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class ServingApplication:
    """Answers SageMaker's three paths. Every answer is the container's own: status, body, content type."""

    def __init__(self, model: ServedModel, settings: ServingSettings) -> None:
        self._model = model
        self._settings = settings
        self._pool = ThreadPoolExecutor(settings.workers, "invocation")
        self._parameters = json.dumps(
            {
                "MaxConcurrentTransforms": os.cpu_count() or 1,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": settings.max_body_bytes // 1024**2,
            }
        ).encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        method, path = scope["method"], scope["path"]
        allowed = {"/ping": "GET", "/execution-parameters": "GET", "/invocations": "POST"}.get(path)
        if allowed is None:
            reply = _Reply(404, b"Not Found")
        elif method != allowed and not (allowed == "GET" and method == "HEAD"):
            reply = _Reply(405, b"Method Not Allowed")
        elif path == "/ping":
            reply = _Reply(200)
        elif path == "/execution-parameters":
            reply = _Reply(200, self._parameters, "application/json")
        else:
            reply = await self._invocation(scope, receive)
        headers = [(b"content-type", reply.content_type.encode()), (b"content-length", b"%d" % len(reply.body))]
        if reply.status == 204:
            headers = []
        if reply.status == 405:
            headers.append((b"allow", (allowed or "").encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})

    async def _invocation(self, scope: Message, receive: Receive) -> _Reply:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                body = await self._body(receive)
                if body is None:
                    return _Reply(413, b"Request Entity Too Large")
                content_type, accept = headers.get(b"content-type", ""), headers.get(b"accept", "")
                if len(body) <= _INLINE_BYTES:
                    return self._answer(body, content_type, accept)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool, self._answer, body, content_type, accept)
        except TimeoutError:
            _log.error("An invocation took longer than %g s.", self._settings.timeout_seconds)
            return _Reply(500, b"Timed out")

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body, or None where it is over the limit."""
        limit = self._settings.max_body_bytes
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b""
            part = message.get("body", b"")
            size += len(part)
            if size <= limit:
                parts.append(part)
            if size > limit * _DRAINED or not message.get("more_body", False):
                return b"".join(parts) if size <= limit else None

    def _answer(self, body: bytes, content_type: str, accept: str) -> _Reply:
        if not body:
            return _Reply(204)
        try:
            _check_content_type(content_type)
            rows = decode_csv(body)
        except UndecodableError as error:
            return _refuse(415, str(error))
        try:
            predictions = self._model.predict(rows)
        except TooManyFeaturesError as error:
            return _refuse(400, f"Unable to evaluate payload provided: {error}")
        except Exception as error:
            return _refuse(400, f"Unable to evaluate payload provided: {str(error).split(chr(10), 1)[0]}")
        try:
            wanted = negotiate(accept, self._settings.default_accept)
        except ValueError as error:
            return _refuse(406, str(error))
        content_type = f"{wanted}; charset=utf-8" if wanted.startswith("text/") else wanted
        return _Reply(200, encode(predictions, wanted, batch=self._settings.batch), content_type)


def _check_content_type(header: str) -> None:
    content_type = header.split(";", 1)[0].strip().lower()
    if content_type in ("text/csv", "csv"):
        return
    if not content_type or content_type in _NOT_YET:
        asked = content_type or "text/libsvm (a request without a Content-Type)"
        raise UndecodableError(f"Content-type {asked} is not supported by the local cloud; send text/csv")
    raise UndecodableError(
        f"{header} is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, text/csv, text/libsvm, "
        "text/x-libsvm, application/x-parquet, application/x-recordio-protobuf."
    )


def _refuse(status: int, message: str) -> _Reply:
    _log.error("%d: %s", status, message)
    return _Reply(status, message.encode())
