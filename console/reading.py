"""Views as they were read last: one read at a time of each, shared by all who look, with a card for what AWS refuses.

AWS is asked only while somebody looks, and never for the same thing twice within a view's seconds. A session whose
credentials have expired is opened anew before the next read, so that a page goes on once they are back.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from botocore import exceptions as botocore
from botocore.config import Config

from kickstand.aws.errors import AWS_FAILURES, EXPIRED, UNKNOWN_KEY, aws_error, error_code
from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    import boto3

    from kickstand.workspace import Workspace

T = TypeVar("T")

_IMPATIENT = Config(
    connect_timeout=5, read_timeout=15, max_pool_connections=4, retries={"total_max_attempts": 2, "mode": "standard"}
)
_AT_ONCE = 3
"""Views that are read at the same time."""
_REOPEN_SECONDS = 10.0
_KEPT_VIEWS, _KEPT_MEMORIES = 32, 64
_SIGN_IN = (
    botocore.NoCredentialsError,
    botocore.CredentialRetrievalError,
    botocore.SSOError,
    botocore.TokenRetrievalError,
    botocore.NoAuthTokenError,
    botocore.LoginError,
)


class SharedClients:
    """A session's clients, each made once: boto3's session may not be used by several threads, its clients may.

    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
    """

    def __init__(self, session: boto3.Session) -> None:
        self._session, self._lock = session, threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, service: str, **_: Any) -> Any:
        """The client of a service, with short timeouts."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(service, config=_IMPATIENT)
            return self._clients[service]


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A part of a view: its value, or why it could not be read."""

    value: T | None
    problems: tuple[Problem, ...] = ()


class Memory:
    """What reads of a view keep for the next one (a log's position, what never changes), the oldest forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """What is kept under a key; made where nothing is."""
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            found = make()
        with self._lock:
            found = self._kept.setdefault(key, found)
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT_MEMORIES:
                self._kept.popitem(last=False)
        return cast(T, found)


@dataclass(slots=True)
class Reads:
    """One read of one view.

    reviews: the folder of the environment's review. query: what the address adds to the view: a job's name, where a
    list goes on. now: aware. expired: AWS refused the credentials themselves.
    """

    workspace: Workspace
    reviews: Path
    query: Mapping[str, str]
    memory: Memory
    now: datetime
    expired: bool = False

    def client(self, service: str) -> Any:
        return self.workspace.session.client(service)

    def part(self, doing: str, read: Callable[[], T]) -> Part[T]:
        """A part of the view; what AWS refuses, or a file of the user's that is wrong, becomes its problems."""
        try:
            return Part(read())
        except AWS_FAILURES as error:
            return Part(None, self._explained(aws_error(error, doing), error))
        except KickstandError as error:
            return Part(None, self._explained(error, error.__cause__))

    def _explained(self, error: KickstandError, cause: BaseException | None) -> tuple[Problem, ...]:
        refused = isinstance(cause, _SIGN_IN) or (cause is not None and error_code(cause) in EXPIRED | UNKNOWN_KEY)
        if not refused:
            return error.problems
        self.expired = True
        return tuple(replace(problem, fix=self._sign_in()) for problem in error.problems)

    def _sign_in(self) -> str:
        environment = self.workspace.environment
        if "AWS_ACCESS_KEY_ID" in os.environ and not environment.profile:
            return "The credentials are those of this console's environment variables: start it again with new ones."
        profile = f" --profile {environment.profile}" if environment.profile else ""
        return f"Sign in again (aws sso login{profile}, or renew the profile's keys); this page then goes on by itself."


@dataclass(frozen=True, slots=True)
class View:
    """One view of the console.

    name: in the address, and of its template. read: makes what the template prints. seconds: between two reads while
    somebody looks, of what was read.
    """

    name: str
    title: str
    read: Callable[[Reads], Any]
    seconds: Callable[[Any], float]


@dataclass(frozen=True, slots=True)
class Reading:
    """A view as it was read. value: None where nothing could be. seconds: until it is read again."""

    value: Any
    problems: tuple[Problem, ...]
    at: datetime
    seconds: float


_FAILED_SECONDS = 5.0


class Source:
    """Reads the views of one environment.

    reopen: opens the environment anew, with the credentials of that moment. reviews: the folder of its review.
    """

    def __init__(self, workspace: Workspace, reopen: Callable[[], Workspace], reviews: Path) -> None:
        self._workspace = _shared(workspace)
        self.reviews = reviews
        self._reopen = reopen
        self._memory = Memory()
        self._lock = threading.Lock()
        self._reopened = -_REOPEN_SECONDS
        self._expired = False
        self._at_once: asyncio.Semaphore | None = None
        self._running: dict[tuple[str, ...], asyncio.Task[Reading]] = {}
        self._last: OrderedDict[tuple[str, ...], tuple[float, Reading]] = OrderedDict()

    @property
    def workspace(self) -> Workspace:
        """The environment as it was opened last."""
        return self._workspace

    async def read(self, view: View, query: Mapping[str, str]) -> Reading:
        """The view; as it was read last where that is younger than its seconds."""
        key = (view.name, *(f"{name}={value}" for name, value in sorted(query.items())))
        found = self._last.get(key)
        if found is not None and time.monotonic() - found[0] < found[1].seconds * 0.9:
            return found[1]
        if key not in self._running:
            task = self._running[key] = asyncio.create_task(self._read(view, query, key))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(self._running[key])

    async def _read(self, view: View, query: Mapping[str, str], key: tuple[str, ...]) -> Reading:
        self._at_once = self._at_once or asyncio.Semaphore(_AT_ONCE)
        async with self._at_once:
            reading = await in_thread(lambda: self.read_now(view, query))
        self._last[key] = (time.monotonic(), reading)
        self._last.move_to_end(key)
        while len(self._last) > _KEPT_VIEWS:
            self._last.popitem(last=False)
        return reading

    def read_now(self, view: View, query: Mapping[str, str]) -> Reading:
        """Read a view in this thread, whenever it was read last."""
        self._open_again()
        reads = Reads(self._workspace, self.reviews, query, self._memory, datetime.now(UTC))
        try:
            part: Part[Any] = reads.part(f"reading {view.title.lower()}", lambda: view.read(reads))
        except Exception as error:  # a page goes on whatever an answer holds; its card says what happened
            message = f"The view cannot be made of what was answered: {type(error).__name__}: {error}."
            part = Part(None, (Problem(message, fix="The other views are not affected."),))
        with self._lock:
            self._expired = self._expired or reads.expired
        seconds = _FAILED_SECONDS if part.value is None else view.seconds(part.value)
        return Reading(part.value, part.problems, reads.now, seconds)

    def _open_again(self) -> None:
        """After credentials were refused, open the environment anew; what was open stays where that fails."""
        with self._lock:
            if not self._expired or time.monotonic() - self._reopened < _REOPEN_SECONDS:
                return
            self._reopened = time.monotonic()
            try:
                self._workspace = _shared(self._reopen())
            except KickstandError:
                return  # the cards say why nothing is read
            self._memory = Memory()  # logs are read on by clients of the session that has expired
            self._expired = False


def _shared(workspace: Workspace) -> Workspace:
    return replace(workspace, session=cast("boto3.Session", SharedClients(workspace.session)))


async def in_thread(work: Callable[[], T]) -> T:
    """Run in a thread that the end of the program does not wait for: a request to AWS takes up to its timeout."""
    done: Future[T] = Future()

    def run() -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name="console-read", daemon=True).start()
    return await asyncio.wrap_future(done)
