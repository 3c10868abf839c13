"""The emulator as one ASGI application: its start and stop, which requests reach it, and when an answer is sent.

The emulator's administration (reset, configuration, code download, queue contents) asks for no credentials and is not
served.

An answer is sent when what it says is on the disk, or says that it is not: an acknowledged change outlives a kill.
All requests that wait at a time share one save. Reads wait too: what a client has seen (a stack that is complete) is
so after a restart. Only what cannot change a record waits for nothing: invocations of a model, GET and HEAD.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localcloud.ministack.door.core import emulator, iam_actions
from localcloud.ministack.door.services import eventbridge
from localcloud.ministack.requests.authentication import OPEN_PATH, Authentication
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


_WORKERS = 32


class Application:
    """Serves the emulator; sends an answer when what it says is saved.

    when_saved: calls back, from any thread, once what is so by now is on the disk, with the reason where it is not.
    own: answers `/_kickstand/…` paths: path and headers in, status and JSON out; None is 404.
    """

    def __init__(
        self,
        *,
        on_start: Callable[[], None],
        when_saved: WhenSaved,
        own: Callable[[str, dict[str, str]], tuple[int, Any] | None],
    ) -> None:
        self._on_start, self._when_saved, self._own = on_start, when_saved, own
        self._door = Authentication(self._emulate)
        self._serving = 0
        self._draining = False

    async def drain(self, seconds: float) -> None:
        """Take no further request, and give those in flight some time to be answered."""
        self._draining = True
        deadline = asyncio.get_running_loop().time() + seconds
        while self._serving and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/_") and not scope["path"].startswith(OPEN_PATH):
            await self._inside(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            # WebSockets belong to API Gateway, AppSync and IoT, which are not served.
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _live(self, receive: Receive, send: Send) -> None:
        """The emulator's own start also runs scripts, sweeps Docker and opens ports; this is what is left of it."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                loop = asyncio.get_running_loop()
                loop.set_default_executor(ThreadPoolExecutor(_WORKERS, thread_name_prefix="emulator"))
                emulator.MAIN_LOOP = loop
                self._on_start()
                eventbridge.start_scheduler()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._draining:
            await _answer(send, 503, {"message": "The local cloud is being stopped."})
            return
        self._serving += 1
        try:
            await self._door(scope, receive, send)
        finally:
            self._serving -= 1

    async def _emulate(self, scope: Scope, receive: Receive, send: Send) -> None:
        if Acknowledgement.is_needed(scope):
            held = Acknowledgement(scope, receive, send, self._when_saved)
            receive, send = held.receive, held.send
        await emulator.app(scope, receive, send)

    async def _inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """No S3 bucket begins with `_`, so these paths are the emulator's administration and ours.

        The emulator's (reset, configuration, code download, queue contents) ask for no credentials: they are shut.
        """
        path = scope["path"]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status, answer = self._own(path, headers) or (404, {"message": f"There is nothing at {path}."})
        await _answer(send, status, answer)


async def _answer(send: Send, status: int, answer: Any) -> None:
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
