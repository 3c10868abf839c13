"""An answer is sent when what it says is on the disk, or says that it is not: an acknowledged change outlives a kill.

All requests that wait at a time share one save. Reads wait too: what a client has seen (a stack that is complete) is
so after a restart. Only what cannot change a record waits for nothing: invocations of a model, GET and HEAD.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from localcloud.ministack.door.core import iam_actions
from localcloud.server.object_files import failed_writes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
WhenSaved = Callable[[Callable[[str], None]], None]

_READS = re.compile(r"(BatchGet|Describe|Detect|Estimate|Filter|Get|Head|List|Lookup|Search|Simulate|Validate)[A-Z]")
"""Operations by name that are answered although nothing can be saved: a person must be able to look."""
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_CREDENTIAL = re.compile(r"Credential=[^/\s]*/[^/\s]*/[^/\s]*/([\w-]+)/aws4_request")
_CODE = "InsufficientStorage"
_STATUS = 507
"""Not one of those that the SDKs try again: a full disk stays full for the next second."""


class Acknowledgement:
    """The answer to one request, held back until what it says is saved.

    Stands between the client and the emulator: `receive` and `send` take the place of the client's own.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, when_saved: WhenSaved) -> None:
        self._scope, self._receive, self._send, self._when_saved = scope, receive, send, when_saved
        self._beginning = b""
        self._refused = False
        self._failed: list[str] = []
        failed_writes.set(self._failed)

    @staticmethod
    def is_needed(scope: Scope) -> bool:
        """Whether a request may change a record, or show one that was changed."""
        return scope["method"] not in ("GET", "HEAD") and not scope["path"].endswith("/invocations")

    async def receive(self) -> Message:
        """The next part of the request."""
        message = await self._receive()
        if not self._beginning:
            self._beginning = bytes(message.get("body", b"")[:4096])
        return message

    async def send(self, message: Message) -> None:
        """Send the next part of the answer: the first one waits for the save, and becomes a refusal where it failed."""
        if message["type"] == "http.response.start":
            reason = await self._save() or next(iter(self._failed), "")
            if reason and message["status"] < 400 and not _READS.match(self._operation()):
                self._refused = True
                await self._refuse(reason)
        if not self._refused:
            await self._send(message)

    async def _save(self) -> str:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[str] = loop.create_future()

        def settle(reason: str) -> None:
            if not answered.done():
                answered.set_result(reason)

        def saved(reason: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(settle, reason)

        self._when_saved(saved)
        return await answered

    async def _refuse(self, reason: str) -> None:
        headers = self._headers()
        found = _CREDENTIAL.search(headers.get("authorization", ""))
        message = (
            f"The local cloud made this change but cannot save it ({reason}): it may be gone after a restart. Make "
            "room on the disk of its state folder, then send the request again; kickstand local status says whether "
            "everything is saved."
        )
        service = found[1] if found else "s3"
        _, given, body = iam_actions.access_denied_response(
            service, "", "", "", error_code=_CODE, message=message, headers=headers
        )
        sent = {**given, "Content-Length": str(len(body))}
        pairs = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
        await self._send({"type": "http.response.start", "status": _STATUS, "headers": pairs})
        await self._send({"type": "http.response.body", "body": body})

    def _operation(self) -> str:
        """The name of the operation, by whichever protocol it came; empty for S3's."""
        if target := self._headers().get("x-amz-target", ""):
            return target.rpartition(".")[2]
        if "/operation/" in self._scope["path"]:
            return str(self._scope["path"]).rpartition("/")[2]
        found = _ACTION.search(self._scope.get("query_string", b"")) or _ACTION.search(self._beginning)
        return found[1].decode() if found else ""

    def _headers(self) -> dict[str, str]:
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._scope["headers"]}
