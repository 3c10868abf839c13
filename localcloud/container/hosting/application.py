"""The container's HTTP face: /ping, /execution-parameters, /invocations, as an ASGI application."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localcloud.container.hosting.invocation import Invocation
from localcloud.container.hosting.selected_output import Reply
from localcloud.container.hosting.served_model import ServedModel
from localcloud.container.hosting.settings import ServingSettings
from localcloud.container.hosting.small_requests import SMALL, MicroBatch, packed_csv

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger("container")
_DRAINED = 16
"""An oversized body is read to its end up to so many times the limit, so that its sender hears the 413."""
_MOST_AT_WORK = 2048
"""Invocations taken at once; what comes beyond is told to come again. The length of the container's own queue."""
_MOST_BYTES = 256 << 20
"""Bytes of the bodies of those."""
_PLAIN_CSV = frozenset({b"text/csv", b"csv", b"text/csv; charset=utf-8", b"text/csv;charset=utf-8"})

_CLOSE = ((b"connection", b"close"),)
"""For answers that are given before the request's body has come to its end."""
_EMPTY = Reply(204)
_TOO_LARGE = Reply(413, b"Request Entity Too Large", more=_CLOSE)
_BUSY = Reply(503, b"Service Unavailable", more=_CLOSE)
_TIMED_OUT = Reply(504, b"Gateway Time-out", more=_CLOSE)
"""The image's nginx waits for its server no longer than SAGEMAKER_MODEL_SERVER_TIMEOUT."""
_HALF = Reply(400, b"The request ended before its body")


class ServingApplication:
    """Answers SageMaker's three paths. Every answer is the container's own: status, body, content type.

    Raises UserError where the settings ask for what the model cannot give.
    """

    def __init__(self, model: ServedModel, settings: ServingSettings) -> None:
        self._settings = settings
        self._features = model.features
        self._small = min(SMALL, settings.max_body_bytes)
        self._invocation = Invocation(model, settings)
        self._pool = ThreadPoolExecutor(settings.workers, "invocation")
        self._batch = MicroBatch(model.predict, self._pool)
        self._at_work = self._bytes = 0
        parameters = {
            "MaxConcurrentTransforms": os.cpu_count() or 1,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": settings.max_body_bytes // 1024**2,
        }
        self._parameters = Reply(200, json.dumps(parameters).encode(), b"application/json")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        method, path = scope["method"], scope["path"]
        if path != "/invocations" or method != "POST":
            reply = self._without_model(method, path)
        elif self._at_work >= _MOST_AT_WORK or self._bytes > _MOST_BYTES:
            reply = _BUSY
        else:
            self._at_work += 1
            try:
                reply = await self._invoke(scope["headers"], receive)
            finally:
                self._at_work -= 1
        body = reply.body
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers()})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})

    def _without_model(self, method: str, path: str) -> Reply:
        allowed = {"/ping": "GET", "/execution-parameters": "GET", "/invocations": "POST"}.get(path)
        if allowed is None:
            return Reply(404, b"Not Found")
        if method != allowed and not (allowed == "GET" and method == "HEAD"):
            return Reply(405, b"Method Not Allowed", more=((b"allow", allowed.encode()),))
        return Reply(200) if path == "/ping" else self._parameters

    async def _invoke(self, headers: Iterable[tuple[bytes, bytes]], receive: Receive) -> Reply:
        content_type = accept = b""
        for name, value in headers:
            if name == b"content-type":
                content_type = value
            elif name == b"accept":
                accept = value
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.disconnect":
            return _HALF
        if message.get("more_body", False) or len(body) > self._small:
            return await self._invoke_large(body, message, content_type, accept, receive)
        if not body:
            return _EMPTY
        if content_type in _PLAIN_CSV and (packed := packed_csv(body, self._features)) is not None:
            try:
                values, columns = await self._batch.predict(*packed)
            except Exception as error:
                return self._invocation.unpredictable(error)
            return self._invocation.encoded(values, columns, accept)
        return self._invocation.answer(body, content_type, accept)

    async def _invoke_large(
        self, body: bytes, message: Message, content_type: bytes, accept: bytes, receive: Receive
    ) -> Reply:
        """A body that is read in parts, or whose rows take longer than the way to another thread."""
        held = 0
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                parts, size = [body], len(body)
                self._bytes, held = self._bytes + size, size
                while message.get("more_body", False) and size <= self._settings.max_body_bytes * _DRAINED:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return _HALF
                    part = message.get("body", b"")
                    size += len(part)
                    if size <= self._settings.max_body_bytes:
                        parts.append(part)
                        self._bytes, held = self._bytes + len(part), held + len(part)
                if size > self._settings.max_body_bytes:
                    return _TOO_LARGE
                body = b"".join(parts)
                if not body:
                    return _EMPTY
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool, self._invocation.answer, body, content_type, accept)
        except TimeoutError:
            _log.error("An invocation took longer than %g s.", self._settings.timeout_seconds)
            return _TIMED_OUT
        finally:
            self._bytes -= held
