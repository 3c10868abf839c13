"""The one way to a person's screen: a console, plain lines, data, a question, and one form for what went wrong.

Nothing else prints (a test holds that), so that no text of others reaches a terminal as it came: see `text.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import cache
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

    alone = len(error.problems) == 1
    shown = [list(_lines(problem, alone=alone)) for problem in error.problems]
    left = MOST_LINES
    if not alone:
        yield Text(f"{len(shown)} problems:", style="bold red")
        left -= 2
    for number, lines in enumerate(shown):
        if number and len(lines) > left:
            yield Text(f"  … and {len(shown) - number} more; these first.", style="bold red")
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
