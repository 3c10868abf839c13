"""The emulator as one ASGI application: its start and stop, which requests reach it, and which paths are refused.

The emulator's administration (reset, configuration, code download, queue contents) asks for no credentials and is not
served.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localcloud.ministack.acknowledgement import Acknowledgement, Receive, Scope, Send, WhenSaved
from localcloud.ministack.door.core import emulator
from localcloud.ministack.door.services import eventbridge, scheduler
from localcloud.ministack.requests.authentication import OPEN_PATH, Authentication

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
                scheduler.start_scheduler()
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
