"""A console over answers of AWS that a test gives, asked without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError
from workspaces import workspace

from console.application import Application
from console.guard import Guard
from console.reading import Memory, Reads, Source, View
from kickstand.workspace import Workspace

TOKEN, PORT = "t" * 43, 14000
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def refused(operation: str, code: str, message: str = "no", status: int = 400) -> ClientError:
    """What boto3 raises where AWS refuses."""
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@dataclass
class Clients:
    """A session whose clients answer what stands in `answers`: `{"sagemaker.describe_endpoint": …}`.

    A value is given to every call, an exception is raised, a function is called with the call's parameters.
    """

    answers: dict[str, Any]
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def client(self, service: str, **_: Any) -> Any:
        return _Client(self, service)


@dataclass
class _Client:
    clients: Clients
    service: str

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        key = f"{self.service}.{operation}"
        if key not in self.clients.answers:
            raise AssertionError(f"{key} was called, and the test has no answer")

        def call(*words: Any, **parameters: Any) -> Any:
            self.clients.calls.append((key, parameters))
            answer = self.clients.answers[key]
            if isinstance(answer, Exception):
                raise answer
            return answer(*words, **parameters) if callable(answer) else answer

        return call


def reads(clients: Clients, releases: Path = Path("releases"), now: datetime = NOW, **query: str) -> Reads:
    """One read of a view, of dev of the project bikes."""
    opened = workspace(clients, releases, options=("--local",))
    return Reads(opened, releases.parent / "review" / "dev", query, Memory(), now)


def source(
    clients: Clients, releases: Path = Path("releases"), reopen: Callable[[], Workspace] | None = None
) -> Source:
    opened = workspace(clients, releases, options=("--local",))
    return Source(opened, reopen or (lambda: opened), releases.parent / "review" / "dev")


@dataclass(frozen=True)
class Response:
    """An answer of the console. headers: names in lower case."""

    status: int
    headers: dict[str, str]
    body: str


OWN = (("host", f"127.0.0.1:{PORT}"),)


def ask(
    views: Sequence[View],
    read: Source,
    path: str,
    *,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = OWN,
    query: str = "",
    events: int = 0,
) -> Response:
    """One request. events: of a live page, after so many the browser leaves."""
    sent: list[Mapping[str, Any]] = []

    async def run() -> None:
        left = asyncio.Event()

        async def receive() -> Mapping[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(message)
            if events and sum(one["type"] == "http.response.body" for one in sent) >= events:
                left.set()

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }
        application = Application(Guard(TOKEN, PORT), read, views)
        await asyncio.wait_for(application(scope, receive, cast(Any, send)), 20)

    asyncio.run(run())
    begin, *parts = sent
    pairs = {name.decode(): value.decode() for name, value in begin["headers"]}
    return Response(begin["status"], pairs, b"".join(part.get("body", b"") for part in parts).decode())
