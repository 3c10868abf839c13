"""The `kickstand` command: runs the command line and ends with its exit code, without a traceback for a user's mistake.

Exit codes: 0 done; 1 an operation failed or was interrupted; 2 what the user gave is wrong.
Imports almost nothing, so that Ctrl-C is understood from the first moment on.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False  # typing's own would cost its import, a hundredth of a second deaf to Ctrl-C
if TYPE_CHECKING:
    from typing import NoReturn

    from kickstand.errors import KickstandError

INTERRUPTED = "Interrupted. What was begun and not finished can be run again."
DECLINED = "Stopped: nothing was changed. Without a terminal to answer on, add --yes."

_INTERRUPTED_BY_TYPER = 130


def main() -> NoReturn:
    """Run the command line; end the process with its exit code."""
    _end(run())


def run() -> int:
    """Run the command line, say what went wrong, and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a character that the locale's encoding lacks is written as its escape
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run()
    except KeyboardInterrupt:
        _say(f"\n{INTERRUPTED}")
        return 1


def _run() -> int:
    import typer

    from cli.commands import app
    from kickstand.errors import KickstandError

    try:
        code = app(standalone_mode=False)
    except KickstandError as error:
        return _show(error)
    except typer.Exit as wanted:
        return wanted.exit_code
    except typer.Abort as aborted:
        if isinstance(aborted.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        _say(f"\n{DECLINED}")
        return 1
    except Exception as error:
        return _show_other(error)
    if code == _INTERRUPTED_BY_TYPER:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _is_usage(error: Exception) -> bool:
    """Whether click refused the words of the command line (its class moves between click and typer)."""
    return any(kind.__name__ == "ClickException" for kind in type(error).__mro__)


def _show_other(error: Exception) -> int:
    """Words that click refuses, a failure of AWS or of this machine; for a fault of this program its traceback."""
    from kickstand.console import echo_text

    if _is_usage(error):
        import io

        said = io.StringIO()
        error.show(said)  # type: ignore[attr-defined]
        echo_text(said.getvalue(), err=True)
        return 2
    outside = _from_outside(error)
    if outside is None:
        import traceback

        echo_text("".join(traceback.format_exception(error)), err=True)
        return 1
    return _show(outside)


def _from_outside(error: Exception) -> KickstandError | None:
    """A failure of AWS or of this machine that no command explained better; None for a fault of this program."""
    from kickstand.errors import KickstandError, Problem

    if any(kind.__module__.startswith(("botocore.", "boto3.")) for kind in type(error).__mro__) or (
        isinstance(error, OSError) and error.errno is not None
    ):
        from kickstand.aws.errors import aws_error

        return aws_error(error, "running this command")
    if isinstance(error, MemoryError):
        fix = "Close other programs, take a machine with more memory, or name smaller files."
        return KickstandError(Problem("There is not enough memory for this command.", fix=fix))
    if isinstance(error, RecursionError):
        return KickstandError(Problem("A file or an answer of AWS is nested too deeply to be read."))
    from kickstand.json_text import JsonError

    if isinstance(error, JsonError):
        return KickstandError(Problem(f"A file or an answer of AWS is not JSON that can be used: {error}."))
    if isinstance(error, UnicodeError):
        fix = "Save files as UTF-8, and use a UTF-8 locale: export LC_ALL=C.UTF-8"
        return KickstandError(Problem(f"A text cannot be read or written: {error}.", fix=fix))
    return None


def _show(error: KickstandError) -> int:
    from kickstand.console import show_error

    return show_error(error)


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


def _end(code: int) -> NoReturn:
    """End at once: a request still in flight in a thread would hold the process until its timeout."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and said; only Python's own end is left
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError) as error:
            # The reader is gone, there never was one, or the disk behind it is full: Python's own end would fail at
            # it once more, and end with a code of its own.
            if code == 0 and isinstance(error, OSError) and error.errno == errno.ENOSPC:
                _say(f"error: What was printed could not be written: {error.strerror}.")
                code = 1
            os._exit(code)
    if code == 0 or threading.active_count() == 1:
        sys.exit(code)
    os._exit(code)
