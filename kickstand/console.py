"""How Kickstand speaks to a person: one console, and one form for everything that went wrong."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    from rich.console import Console


def make_console(stream: IO[str]) -> Console:
    """A console that writes to a stream; plain text where the stream is not a terminal."""
    from rich.console import Console

    return Console(file=stream, highlight=False, soft_wrap=True)


def show_error(error: KickstandError) -> None:
    """Print every problem of an error to standard error: place, message, and what to do."""
    from rich.text import Text

    console = make_console(sys.stderr)
    count = len(error.problems)
    if count > 1:
        console.print(Text(f"{count} problems:", style="bold red"))
    for problem in error.problems:
        console.print(_lines(problem, alone=count == 1))


def _lines(problem: Problem, *, alone: bool) -> object:
    from rich.text import Text

    text = Text()
    text.append("error: " if alone else "  - ", style="bold red")
    if problem.where:
        text.append(f"{problem.where}: ", style="bold")
    text.append(problem.message)
    if problem.fix:
        indent = "       " if alone else "    "
        text.append(f"\n{indent}{problem.fix}", style="cyan")
    return text
