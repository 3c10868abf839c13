"""Run a module as a program that lives no longer than its parent.

`python -m localcloud.jobs.process.lifeline MODULE` watches its standard input, a pipe that the parent holds open and
never writes to. The operating system closes the pipe when the parent dies, however it dies, and the program exits at
once. This works alike on Linux, macOS and Windows, needs no polling and leaves the watched program untouched.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading

ORPHANED = 113
"""Exit code of a program whose parent went away."""


def watch(descriptor: int = 0) -> None:
    """Exit this process as soon as the pipe at `descriptor` (standard input) is closed by the other side."""
    threading.Thread(target=_exit_at_end_of, args=(descriptor,), name="lifeline", daemon=True).start()


def _exit_at_end_of(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    finally:
        os._exit(ORPHANED)  # not sys.exit: the main thread may be deep inside xgboost


def main() -> None:
    """Watch standard input and run the module named by the first argument as `__main__`."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m localcloud.jobs.process.lifeline MODULE [ARGUMENT...]")
    del sys.argv[0]
    watch()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
