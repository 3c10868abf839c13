"""What all processes of a test run share: made by the first that asks, read by the others."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

FOLDER = "KICKSTAND_TEST_FOLDER"
"""A variable that names the folder of what a run's processes make once for all of them."""


def once_a_run(key: str, make: Callable[[], bytes]) -> bytes:
    """What `make` makes of all that the key says. Other processes that ask for it wait.

    Outside a run it is made each time.
    """
    if FOLDER not in os.environ:
        return make()
    file = Path(os.environ[FOLDER], hashlib.sha256(key.encode()).hexdigest())
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            made = file.with_suffix(".new")
            made.write_bytes(make())
            made.rename(file)
    return file.read_bytes()
