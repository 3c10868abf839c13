"""One server per state folder: a lock that the kernel takes back from a process that was killed."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

_ATTEMPTS = 10
"""`holder` takes the lock too, for an instant: one refusal does not mean that a server has it."""


class ServerLock:
    """An exclusive lock on a file, held as long as this process lives. The file tells its holder's pid.

    `flock` belongs to the open file and not to the pid, so a stale file of a killed server locks nothing and a
    reused pid is never mistaken for a server.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False where another server has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        else:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> ServerLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(path: Path) -> int | None:
    """The pid of the process that holds the lock now; None where none does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).strip()
        return int(text) if text else None
    finally:
        os.close(descriptor)
    return None
