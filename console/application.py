"""The console as an ASGI application: pages, their live parts as server-sent events, a style sheet and a script.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from console.guard import HEADERS, Guard
from console.pages import Pages, moment
from console.reading import Source, View, in_thread
from console.views.jobs import JOB
from console.views.releases import review_page

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_HTML, _TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
_LONGEST_QUERY = 4096
_KNOWN = ("after", "hours", "prefix", "from")
"""What an address may add to a view."""
_MOST_STREAMS = 24
"""Pages that are live at the same time."""


class Application:
    """Answers the browser. views: in the order of the navigation; the first is the start page.

    ended: set when the console ends, so that live pages do not hold it.
    """

    def __init__(self, guard: Guard, source: Source, views: Sequence[View]) -> None:
        self._guard, self._source = guard, source
        self._views = {view.name: view for view in views}
        self._first = next(iter(self._views))
        self._pages = Pages(guard.base, views)
        self._streams = 0
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        answer = _Answer(send, scope["method"] == "HEAD")
        refusal = self._guard.refusal(scope["method"], scope["path"], headers)
        if refusal is not None:
            await answer.text(refusal.status, refusal.sentence)
            return
        path = scope["path"].removeprefix(self._guard.base)
        query = _query(scope.get("query_string", b""))
        if path in ("", self._guard.base.rstrip("/")):
            await answer.send(303, b"", _TEXT, {"Location": f"{self._guard.base}{self._first}"})
        elif path == "console.css":
            await answer.send(200, self._pages.sheet.encode(), "text/css; charset=utf-8")
        elif path == "console.js":
            await answer.send(200, self._pages.script.encode(), "text/javascript; charset=utf-8")
        elif path == "icon.svg":
            await answer.send(200, self._pages.icon.encode(), "image/svg+xml")
        elif path == "review":
            await self._review(answer)
        else:
            await self._view(path, query, answer, receive)

    async def _view(self, path: str, query: dict[str, str], answer: _Answer, receive: Receive) -> None:
        live = path.startswith("live/")
        name, _, item = path.removeprefix("live/").partition("/")
        view = self._views.get(name)
        if name == "jobs" and item:
            view, query = JOB, {"job": item}
        elif item:
            view = None
        if view is None:
            await answer.text(404, "The console has no such page.")
        elif not live:
            reading = await self._source.read(view, query)
            at = f"{self._guard.base}live/{quote(path)}{f'?{urlencode(query)}' if query and view is not JOB else ''}"
            page = self._pages.page(view, reading, self._source.workspace, live=at)
            await answer.send(200, page.encode("utf-8", "replace"), _HTML)
        elif self._streams >= _MOST_STREAMS:
            await answer.text(503, f"{_MOST_STREAMS} pages are live already: close some.")
        else:
            self._streams += 1
            try:
                await self._stream(view, query, answer, receive)
            finally:
                self._streams -= 1

    async def _stream(self, view: View, query: dict[str, str], answer: _Answer, receive: Receive) -> None:
        """Send the parts of a view, and again whenever they differ, until nobody looks or the console ends."""
        await answer.begin("text/event-stream; charset=utf-8")
        gone = asyncio.create_task(_gone(receive))
        ended = asyncio.create_task(self.ended.wait())
        shown = ""
        try:
            while not answer.bare:
                reading = await self._source.read(view, query)
                parts = self._pages.parts(view, reading, self._source.workspace)
                changed = [_event("view", parts)] if parts != shown else []
                await answer.more("".join([*changed, _event("read", moment(reading.at))]).encode("utf-8", "replace"))
                shown = parts
                done, _ = await asyncio.wait(
                    {gone, ended}, timeout=reading.seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    break
        finally:
            gone.cancel()
            ended.cancel()
        with suppress(OSError):
            await answer.end()

    async def _review(self, answer: _Answer) -> None:
        """The last review of the environment, with the policy of its own page."""
        shown = await in_thread(lambda: review_page(self._source.workspace, self._source.reviews))
        if shown is None:
            await answer.text(404, "There is no review that can be shown; the releases view says how to make one.")
            return
        page, policy = shown
        await answer.send(200, page.encode("utf-8", "replace"), _HTML, {"Content-Security-Policy": policy})


def _query(raw: bytes) -> dict[str, str]:
    """The parts of a query that views know; nothing of one that is too long or no text."""
    if len(raw) > _LONGEST_QUERY:
        return {}
    return {name: value for name, value in parse_qsl(raw.decode("latin-1")) if name in _KNOWN}


def _event(name: str, text: str) -> str:
    lines = text.replace("\r", "").split("\n")
    return f"event: {name}\n{''.join(f'data: {line}{chr(10)}' for line in lines)}\n"


async def _gone(receive: Receive) -> None:
    """Return when the browser has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Answer:
    """One answer. bare: to HEAD, which has no body."""

    def __init__(self, send: Send, bare: bool) -> None:
        self._send, self.bare = send, bare

    async def text(self, status: int, sentence: str) -> None:
        """A plain sentence."""
        await self.send(status, f"{HTTPStatus(status).phrase}. {sentence}\n".encode(), _TEXT)

    async def send(self, status: int, body: bytes, kind: str, more: Mapping[str, str] | None = None) -> None:
        """A whole answer. more: headers that are added, or take the place of one of every answer."""
        await self._begin(status, kind, {"Content-Length": str(len(body)), **(more or {})})
        await self._send({"type": "http.response.body", "body": b"" if self.bare else body})

    async def begin(self, kind: str) -> None:
        """The beginning of an answer that goes on."""
        await self._begin(200, kind, {})

    async def more(self, part: bytes) -> None:
        """A part of an answer that goes on."""
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def end(self) -> None:
        """The end of an answer that went on."""
        await self._send({"type": "http.response.body", "body": b""})

    async def _begin(self, status: int, kind: str, more: Mapping[str, str]) -> None:
        headers = {**HEADERS, "Content-Type": kind, **more}
        pairs = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})
