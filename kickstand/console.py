"""What a command prints: a console, plain lines, JSON, a question, and one form for every error.

Errors of this machine (no permission, a full disk, too many open files) are explained here too: `system_explanation`
for a command, `end_without_traceback` for a program that a command runs.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from kickstand.errors import KickstandError, Problem
from kickstand.text import cut, one_line, plain, plain_json, plain_lines

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text


MOST_LINES = 40
"""Lines of an error. Of more problems than that, those that fit are shown, and the rest is counted."""
_MOST_BELOW = MOST_LINES - 6
"""Lines below one problem: of a message of several lines, marked by a bar, and its details."""
_LONGEST_PLACE = 300


def make_console(stream: IO[str]) -> Console:
    """A console that writes to a stream; plain text where the stream is not a terminal.

    Whatever is printed, in a table or a progress bar too, is made plain and cut. A string is one line of text, never
    rich's markup.
    """
    return _plain_console()(file=stream, highlight=False, soft_wrap=True, markup=False, emoji=False)


@cache
def _plain_console() -> type[Console]:
    """The class, made when the first console is: rich takes a twentieth of a second to import."""
    from rich.console import Console
    from rich.segment import Segment

    class PlainConsole(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control:
                    yield segment
                else:
                    yield Segment(cut(plain_lines(segment.text)), segment.style)

        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*(one_line(one) if isinstance(one, str) else one for one in objects), **options)

    return PlainConsole


def echo(line: str, *, err: bool = False) -> None:
    """Print one line for a person, on standard output or standard error."""
    import typer

    typer.echo(one_line(line), err=err)


def echo_text(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text of several lines, which are not cut: a key, a log, the variables of a shell, a traceback.

    nl: False prints it as a part of a text that goes on; else a newline ends it.
    """
    import typer

    shown = plain_lines(text)
    typer.echo(shown.rstrip("\n") if nl else shown, err=err, nl=nl)


def echo_json(text: str) -> None:
    """Print a JSON text on standard output, whole; where it is all visible, byte for byte."""
    import typer

    typer.echo(plain_json(text).rstrip("\n"))


def confirm(question: str) -> None:
    """Ask before something is done; typer.Abort where the answer is no."""
    import typer

    typer.confirm(cut(plain(question)), abort=True)


def show_error(error: KickstandError, *, to_program: bool = False) -> int:
    """Print the problems of an error to standard error: place, message, and what to do, each on a line of its own.

    to_program: a line a problem without colours, for a program that hands it on. Returns the exit code.
    """
    if to_program:
        echo_text(str(error), err=True)
        return error.exit_code
    console = make_console(sys.stderr)
    for text in error_lines(error):
        console.print(text)
    return error.exit_code


def error_lines(error: KickstandError) -> Iterator[Text]:
    """What show_error prints: at most MOST_LINES lines, and no value of others can begin one.

    The lines of a fix (a statement to paste) stand below one another, each behind blanks.
    """
    from rich.text import Text

    count = len(error.problems)
    left = MOST_LINES
    if count != 1:
        yield Text(f"{count} problems:", style="bold red")
        left -= 2
    for number, problem in enumerate(error.problems):
        lines = list(_lines(problem, alone=count == 1))
        if number and len(lines) > left:
            yield Text(f"  … and {count - number} more; these first.", style="bold red")
            return
        yield from lines
        left -= len(lines)


def _lines(problem: Problem, *, alone: bool) -> Iterator[Text]:
    from rich.text import Text

    text = Text("error: " if alone else "  - ", style="bold red")
    if problem.where:
        text.append(f"{cut(plain(problem.where), _LONGEST_PLACE)}: ", style="bold")
    first, *more = problem.message.rstrip().splitlines() or [""]
    text.append(cut(plain(first)), style="none")
    yield text
    indent = " " * (7 if alone else 4)
    below = [*(f"| {line}" for line in more), *problem.details]
    if len(below) > _MOST_BELOW:
        below = [*below[: _MOST_BELOW - 1], f"… and {len(below) - _MOST_BELOW + 1} more lines."]
    for line in below:
        yield Text(f"{indent}{cut(plain(line))}")
    for line in (*problem.fix.split("\n"), problem.then):
        if line:
            yield Text(f"{indent}{cut(plain(line))}", style="cyan")


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
