"""Run a module that opens a model which nobody vouches for, within limits of memory, time, output and network.

`python -m training.model.inspection.limits MEGABYTES SECONDS FILE_MEGABYTES MODULE [ARGUMENT...]` limits this process,
and all that it starts, to so much memory (its data: heap, stacks, anonymous maps), processor time (0: no limit; a
server runs for months) and bytes of a file; to 4,096 open files; to no core file; and, where Linux lets a user make
namespaces, to a network with nothing in it. Then it runs the module. Its environment is `bare_environment`: nothing of
the user's.

macOS and Windows know no bound of memory for a process, and no such network: there the other limits hold.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_INHERITED = (
    *("LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    "OMP_WAIT_POLICY",
)
"""What a process needs from the machine; whether its waiting threads spin is a matter of the machine too, and of no
answer. AWS_*, HOME, PATH and everything else of the user stays behind."""
_ROOT = str(Path(__file__).resolve().parents[3])
_MEGABYTE = 1 << 20
_LEAST_MEMORY = 640
"""Megabytes for Python, NumPy, xgboost and a batch of rows."""
_FOLD = {b"{L": 8}
_FOLD_OF_OTHERS = 20
"""Memory over the size of a model. Measured with xgboost 3.2.0: 4 for UBJSON, 12 for JSON."""
_FILES = 4096
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of <sched.h>


@dataclass(frozen=True, slots=True)
class Limits:
    """megabytes: of memory. seconds: of processor time, 0 for no bound. file_megabytes: the largest file written."""

    megabytes: int
    seconds: int = 0
    file_megabytes: int = 64

    def command(self, python: str | Path, module: str, *arguments: str) -> list[str]:
        """The command line that runs a module within these limits."""
        bounds = map(str, (self.megabytes, self.seconds, self.file_megabytes))
        # -P: the current folder holds a user's files, which must never be taken for modules.
        return [str(python), "-P", "-m", "training.model.inspection.limits", *bounds, module, *arguments]


def memory_for(models: Sequence[Path], *, more: int = 0) -> int:
    """Megabytes that a process may use which opens these models: 640, and 8 (UBJSON) or 20 times their size.

    more: megabytes for what else it does.
    """
    needed = 0
    for model in models:
        with model.open("rb") as opened:
            needed += model.stat().st_size * _FOLD.get(opened.read(2), _FOLD_OF_OTHERS)
    return _LEAST_MEMORY + more + needed // _MEGABYTE


def bare_environment() -> dict[str, str]:
    """The environment that such a process begins with."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "PATH": os.defpath, "PYTHONPATH": _ROOT}


def leave_network() -> None:
    """Give this process, which must have one thread, a network of its own without any address. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_USER | _NEW_NET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "unshare")
    # The same user and group inside: files that the programs write stay the user's own.
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def confine(limits: Limits) -> None:
    """Bound this process, for good."""
    if sys.platform == "win32":
        return
    import resource

    bounds = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, _FILES)]
    bounds.append((resource.RLIMIT_DATA, limits.megabytes * _MEGABYTE))
    bounds.append((resource.RLIMIT_FSIZE, limits.file_megabytes * _MEGABYTE))
    if limits.seconds:
        bounds.append((resource.RLIMIT_CPU, limits.seconds))
    for which, bound in bounds:
        _, hard = resource.getrlimit(which)
        least = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(which, (least, least))
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):  # where a machine gives users no namespaces the other bounds hold
            leave_network()


def main() -> None:
    """Confine this process, then be the module."""
    if len(sys.argv) < 5:
        sys.exit(
            "usage: python -m training.model.inspection.limits MEGABYTES SECONDS FILE_MEGABYTES MODULE [ARGUMENT...]"
        )
    confine(Limits(*map(int, sys.argv[1:4])))
    del sys.argv[:4]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
