"""What captures take, written to S3 off the request path: by one thread, in objects of a minute or some megabytes.

A request costs its answer an append to a list. The rest is this thread's: it makes lines of what was taken, and puts
them into S3 as the execution role, so that a role which may not write there writes nothing. What is taken is written
when its minute is over, when it is large, when instances of the fleet end, and before the server stops.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from localcloud.clock import Clock
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.capture.configuration import CaptureRules
from localcloud.sagemaker.capture.records import Exchange, Recorder, hour_of, object_key
from localcloud.sagemaker.image import Roles

_LOG = logging.getLogger(__name__)
FLUSH_SECONDS = 60.0
"""Of AWS: an object is written at the latest so long after its first request. AWS says "a couple of minutes"."""
OBJECT_BYTES = 4 << 20
"""From here on an object is written at once."""
HELD_BYTES = 256 << 20
"""Requests and answers that wait in memory, at most: AWS stops capturing on a full disk, this on a full memory."""
_TURN_SECONDS = 0.5
_SHORTEST_SECONDS = 1.0
"""Of a minute, whatever the time factor."""
_SHARE = 200
"""Lines that are made between two looks at whether somebody else wants to work."""


@dataclass(slots=True)
class _Batch:
    """Lines of one object. began: by `time.monotonic`."""

    first: float
    began: float
    lines: list[bytes] = field(default_factory=list)
    size: int = 0


class Capture:
    """What the fleet of one deployment captures.

    roles: the execution role of each variant. writer: what writes it.
    """

    def __init__(
        self,
        rules: CaptureRules,
        scope: Scope,
        endpoint: str,
        roles: Mapping[str, str],
        writer: CaptureWriter,
        chance: Callable[[], float],
    ) -> None:
        self.rules, self.scope, self.endpoint, self.roles = rules, scope, endpoint, roles
        self._writer, self._chance = writer, chance
        self.recorder = Recorder(rules)
        self.taken: deque[tuple[str, Exchange]] = deque()
        self.batches: dict[tuple[str, str], _Batch] = {}
        """By variant and hour; the writer's alone."""

    def take(self, variant: str, exchange: Exchange) -> None:
        """Capture an exchange, if chance says so and there is room. From any thread; does not wait."""
        percent = self.rules.percent
        if percent < 100 and self._chance() * 100 >= percent:
            return
        if self._writer.admit(exchange.size):
            self.taken.append((variant, exchange))

    def flush(self) -> None:
        """Write all that was taken so far, and wait until it is written."""
        self._writer.flush(self)

    def close(self) -> None:
        """The same at the end of the fleet, which takes nothing more."""
        self._writer.close(self)


class CaptureWriter:
    """Writes the captures of all fleets.

    roles:     give S3 as a role writes to it.
    durations: how long a minute of AWS is here.
    chance:    a number from 0 up to 1 at each call, for samples.
    """

    def __init__(self, roles: Roles, durations: Clock, chance: Callable[[], float] = random.random) -> None:
        self._roles, self._chance = roles, chance
        self._period = max(durations.real(FLUSH_SECONDS), _SHORTEST_SECONDS)
        self._lock = threading.Lock()
        self._captures: list[Capture] = []
        self._waiting = 0
        self._lost = 0
        self._turn = threading.Lock()
        self._woken, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._refused: set[tuple[str, str]] = set()

    def open(self, rules: CaptureRules | None, scope: Scope, endpoint: str, roles: Mapping[str, str]) -> Capture | None:
        """A capture for one more fleet; None for rules that capture nothing."""
        if rules is None:
            return None
        capture = Capture(rules, scope, endpoint, roles, self, self._chance)
        with self._lock:
            self._captures.append(capture)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
                self._thread.start()
        return capture

    def admit(self, size: int) -> bool:
        """Whether so many more bytes may wait; counts those that may not."""
        with self._lock:
            if self._waiting + size > HELD_BYTES:
                self._lost += 1
                return False
            self._waiting += size
            if self._waiting > OBJECT_BYTES:
                self._woken.set()
            return True

    def flush(self, capture: Capture) -> None:
        """Write all that a capture has taken so far, and wait until it is written."""
        with self._turn:
            self._write(capture, everything=True)

    def close(self, capture: Capture) -> None:
        """The same at the end of a capture's fleet, which takes nothing more."""
        self.flush(capture)
        with self._lock:
            if capture in self._captures:
                self._captures.remove(capture)

    def flush_all(self) -> None:
        """Write all that was taken, before the server stops."""
        self._stopped.set()
        self._woken.set()
        for capture in self._open():
            self.flush(capture)

    def _open(self) -> list[Capture]:
        with self._lock:
            return list(self._captures)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.wait(_TURN_SECONDS)
            self._woken.clear()
            for capture in self._open():
                with self._turn:
                    self._write(capture, everything=False)
            with self._lock:
                lost, self._lost = self._lost, 0
            if lost:
                _LOG.error("%d requests were not captured: more than %d bytes wait to be written", lost, HELD_BYTES)

    def _write(self, capture: Capture, *, everything: bool) -> None:
        """Make lines of what was taken, and objects of the lines whose time has come."""
        taken = [capture.taken.popleft() for _ in range(len(capture.taken))]
        if taken:
            try:
                self._make_lines(capture, taken)
            finally:
                with self._lock:
                    self._waiting -= sum(exchange.size for _, exchange in taken)
        now = time.monotonic()
        for (variant, hour), batch in list(capture.batches.items()):
            if everything or batch.size >= OBJECT_BYTES or now - batch.began >= self._period:
                del capture.batches[variant, hour]
                self._put(capture, variant, batch)

    def _make_lines(self, capture: Capture, taken: list[tuple[str, Exchange]]) -> None:
        for number, (variant, exchange) in enumerate(taken):
            if number % _SHARE == _SHARE - 1:
                time.sleep(0)  # gives way to a thread that answers requests
            made = capture.recorder.line(exchange)
            key = (variant, hour_of(exchange.at))
            batch = capture.batches.get(key)
            if batch is None:
                batch = capture.batches[key] = _Batch(exchange.at, time.monotonic())
            batch.lines.append(made)
            batch.size += len(made)
            if batch.size >= OBJECT_BYTES:
                del capture.batches[key]
                self._put(capture, variant, batch)

    def _put(self, capture: Capture, variant: str, batch: _Batch) -> None:
        """Write one object as the variant's role. What it may not write is lost, as on AWS, and said once."""
        rules, role = capture.rules, capture.roles[variant]
        key = object_key(rules.prefix, capture.endpoint, variant, batch.first)
        try:
            self._roles.writing(capture.scope, role).put(rules.bucket, key, b"".join(batch.lines), rules.kms_key)
        except Exception as error:  # whatever it is, the endpoint answers
            said = (capture.endpoint, str(error))
            if said not in self._refused:
                self._refused.add(said)
                _LOG.warning(
                    "endpoint %s: %d captured requests are lost: %s cannot write s3://%s/%s: %s",
                    *(capture.endpoint, len(batch.lines), role, rules.bucket, key, error),
                )
