"""The folder that the CDK writes a cloud assembly into: one for each run, so that two at once do not meet in it.

The CDK command line locks the folder of an assembly while it synthesises and reads, and refuses a second run there.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
from pathlib import Path

_FOLDERS: dict[Path, Path] = {}
"""By the usual folder, the one that this process has."""
_LOCKS: list[int] = []
"""Open files whose locks this process holds as long as it lives; the kernel takes them back from a killed one."""


def output_folder(usual: Path) -> Path:
    """The usual folder; where another process works in it, one of this process's own, `USUAL.PID`, gone at its end.

    The same folder each time in one process. Folders that killed processes left are removed.
    """
    if usual not in _FOLDERS:
        _FOLDERS[usual] = _choose(usual)
    return _FOLDERS[usual]


def remove_output_folder(usual: Path) -> None:
    """Remove a usual folder with its lock, and what killed processes have left beside it: nobody works there again."""
    _sweep(usual)
    _remove(usual)


def _choose(usual: Path) -> Path:
    try:
        usual.parent.mkdir(parents=True, exist_ok=True)
        if _lock(_beside(usual)):
            _sweep(usual)
            return usual
        own = usual.with_name(f"{usual.name}.{os.getpid()}")
        _lock(_beside(own))
    except OSError:
        return usual  # the CDK says what it cannot write
    atexit.register(_remove, own)
    return own


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _lock(file: Path) -> bool:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _LOCKS.append(descriptor)
    return True


def _sweep(usual: Path) -> None:
    """Remove the own folders of processes that are no more: nobody holds their locks."""
    for lock in usual.parent.glob(f"{usual.name}.*.lock"):
        if lock.name.removeprefix(f"{usual.name}.").removesuffix(".lock").isdigit() and _lock(lock):
            os.close(_LOCKS.pop())
            _remove(lock.with_name(lock.name.removesuffix(".lock")))


def _remove(own: Path) -> None:
    shutil.rmtree(own, ignore_errors=True)
    _beside(own).unlink(missing_ok=True)
