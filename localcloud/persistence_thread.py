"""Saves what changed, soon after it changed and without being asked."""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

from localcloud.persistence import Moment, StateFiles

_log = logging.getLogger("kickstand.persistence")

SETTLE = 0.2
"""Seconds from a change to its save: a burst of requests is one save, and the promise of 1 s has room."""

IDLE = 2.0
"""Seconds between looks when nobody asks anything: timers and running jobs change records too."""


class Capture(Protocol):
    """Takes the records of all services."""

    def __call__(self) -> Moment | None:
        """The records as documents, all of one moment; None where nothing changed since the last call."""

    def forget(self) -> None:
        """Hold everything to be changed: what was captured last is not on disk."""


class PersistenceThread:
    """A thread that captures and saves. `wake` is cheap and may be called from anywhere."""

    def __init__(self, files: StateFiles, capture: Capture) -> None:
        self._files, self._capture = files, capture
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._saving = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="persistence", daemon=True)
        self.failure = ""
        """Why the last save failed; empty when it did not."""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something may have changed."""
        self._wanted.set()

    def stop(self) -> None:
        """Save for the last time and end the thread."""
        self._ended.set()
        self._wanted.set()
        self._thread.join()
        self.save_now()

    def save_now(self) -> None:
        """Save in the caller's thread. A failure is logged and kept in `failure`; it does not end the server."""
        with self._saving:
            started = time.perf_counter()
            try:
                moment = self._capture()
                written = self._files.save(moment.changed, moment.present) if moment is not None else []
            except Exception as error:
                self.failure = f"{type(error).__name__}: {error}"
                _log.exception("the state could not be saved")
                self._capture.forget()
                return
            self.failure = ""
            if written:
                _log.debug("saved %s in %.0f ms", ", ".join(written), (time.perf_counter() - started) * 1000)

    def _run(self) -> None:
        while not self._ended.is_set():
            asked = self._wanted.wait(IDLE)
            if asked and self._ended.wait(SETTLE):
                return
            self._wanted.clear()
            self.save_now()
