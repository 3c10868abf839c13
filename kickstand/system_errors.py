"""What this machine refuses (no permission, a full disk, too many open files), and what to do next."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from kickstand.console import echo_text, show_error
from kickstand.errors import KickstandError, Problem

_FIX = {
    errno.EACCES: "Check the permissions of the file and of its folders: ls -ld.",
    errno.EPERM: "Check the owner of the file and of its folders: ls -ld.",
    errno.EROFS: "Choose a place that can be written.",
    errno.EMFILE: "Raise the limit of open files: ulimit -n 4096.",
    errno.ENFILE: "The machine has too many open files: close other programs.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.EISDIR: "Name a file, not a folder.",
    errno.ENOTDIR: "Name a folder, not a file.",
    errno.ELOOP: "The links lead in a circle: name the file itself.",
    errno.ENOMEM: "Close other programs, or take a machine with more memory.",
}
_FULL = 1 << 20
"""A folder with less free than this is named as full."""
_OF_NODE = re.compile(r"(E[A-Z]{3,}): (.+)")
"""How Node.js begins an error of the system, which jsii hands on as a text."""


def system_explanation(error: OSError) -> tuple[str, str]:
    """What was refused, and what to do about it (empty: nothing is known)."""
    message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return message, _fix(error.errno or 0)


def end_without_traceback() -> None:
    """For a program that a command runs: Ctrl-C ends it as it ends the CDK CLI, and what the machine refuses is one
    message, whether Python or Node.js met it. A fault of the program keeps its traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.excepthook = _show_unhandled


def _show_unhandled(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    found = _OF_NODE.match(str(error))
    number = getattr(errno, found[1], 0) if found else 0
    if isinstance(error, OSError) and error.errno is not None:
        message, fix = system_explanation(error)
    elif found and number:
        message, fix = found[2], _fix(number)
    else:
        import traceback

        echo_text("".join(traceback.format_exception(kind, error, trace)), err=True)
        return
    show_error(KickstandError(Problem(f"{message}.", fix=fix)), to_program=True)


def full_folders() -> str:
    """Where a full disk is, as it follows "make room": the system names no folder with a failed write."""
    full = []
    for folder in (_temporary(), Path.cwd(), Path.home()):
        with suppress(OSError):
            if folder not in full and shutil.disk_usage(folder).free < _FULL:
                full.append(folder)
    return f"in {' and '.join(map(str, full))}" if full else "on the disk"


def _fix(number: int) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return f"Make room {full_folders()}, then run the same command."
    return _FIX.get(number, "")


def _temporary() -> Path:
    """The folder for temporary files, also where it is full (tempfile then takes another one)."""
    with suppress(OSError):
        return Path(os.environ.get("TMPDIR") or tempfile.gettempdir())
    return Path.cwd()
