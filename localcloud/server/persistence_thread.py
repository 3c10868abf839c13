"""Saves what changed, before the answer that says so is sent, and now and then without being asked."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from localcloud.server.persistence import Moment, StateFiles

_log = logging.getLogger("kickstand.persistence")

IDLE = 1.0
"""Seconds between looks when nobody waits for an answer: timers and running jobs change records too. And the seconds
after which what was saved, and outlives a kill of the server, also outlives a loss of power."""

REMIND = 60.0
"""Seconds between reminders in the log of a save that goes on failing."""

Saved = Callable[[str], None]
"""Is called with why the save failed; empty where it did not."""


class Capture(Protocol):
    """Takes the records of all services."""

    def __call__(self) -> Moment:
        """What changed since the last call, as documents, all of one moment."""

    def forget(self) -> None:
        """Hold everything to be changed: what was captured last is not on disk."""


class PersistenceThread:
    """A thread that captures and saves. `wake` and `when_saved` are cheap and may be called from anywhere."""

    def __init__(self, files: StateFiles, capture: Capture) -> None:
        self._files, self._capture = files, capture
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._saving, self._asking = threading.Lock(), threading.Lock()
        self._waiting: list[Saved] = []
        self._thread = threading.Thread(target=self._run, name="persistence", daemon=True)
        self._disk = ""
        self._services: dict[str, str] = {}
        self._reported = ("", 0.0)

    @property
    def failure(self) -> str:
        """Why something is not on disk; empty when everything is. Services that cannot be saved are named."""
        if self._disk:
            return self._disk
        named = [f"{service} ({reason})" for service, reason in sorted(self._services.items())]
        return f"the records of {', '.join(named)}; the last good copy stays, the rest is saved" if named else ""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something may have changed."""
        self._wanted.set()

    def when_saved(self, saved: Saved) -> None:
        """Save what is so by now, and then call `saved`, from the thread; all that wait at a time share one save."""
        with self._asking:
            self._waiting.append(saved)
        self._wanted.set()

    def stop(self) -> None:
        """Save for the last time and end the thread."""
        self._ended.set()
        self._wanted.set()
        self._thread.join()
        self.save_now()
        self._flush()

    def save_now(self) -> None:
        """Save in the caller's thread. A failure is logged and kept in `failure`; it does not end the server."""
        with self._asking:
            waiting, self._waiting = self._waiting, []
        try:
            self._save()
        finally:
            for saved in waiting:
                saved(self._disk)

    def _save(self) -> None:
        with self._saving:
            started = time.perf_counter()
            written: list[str] = []
            try:
                moment = self._capture()
                self._services = dict(moment.failures)
                written = self._files.save(moment)
                self._disk = ""
            except Exception as error:
                self._disk = (
                    error.strerror if isinstance(error, OSError) else ""
                ) or f"{type(error).__name__}: {error}"
                self._capture.forget()
                self._tell(error)
            else:
                self._tell(None)
            if written:
                _log.debug("saved %s in %.0f ms", ", ".join(written), (time.perf_counter() - started) * 1000)

    def _tell(self, error: Exception | None) -> None:
        """Log a failure when it begins, when it changes and now and then, and its end."""
        reported, at = self._reported
        if self.failure == reported and (not reported or time.monotonic() - at < REMIND):
            return
        if self.failure:
            unknown = error if not isinstance(error, OSError) else None
            _log.error("the state is not saved: %s", self.failure, exc_info=unknown)
        else:
            _log.info("the state is saved again")
        self._reported = (self.failure, time.monotonic())

    def _flush(self) -> None:
        try:
            self._files.flush()
        except OSError as error:
            self._disk = error.strerror or str(error)
            self._tell(error)

    def _run(self) -> None:
        flushed = time.monotonic()
        while not self._ended.is_set():
            self._wanted.wait(IDLE)
            self._wanted.clear()
            try:
                self.save_now()
                if time.monotonic() - flushed >= IDLE:
                    self._flush()
                    flushed = time.monotonic()
            except Exception:  # a thread that ends would keep every answer back for ever
                _log.exception("the thread that saves goes on after an error")
