"""How far a long run through an endpoint is: rows and rows a second, on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def rows_progress(console: Console | None, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts rows; draws nothing without a console that is a terminal."""
    if console is None or not console.is_terminal:
        yield lambda rows: None
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class RowsPerSecond(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:,.0f} rows/s", style="dim")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        RowsPerSecond(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("predicting", total=total)
        yield lambda rows: progress.advance(task, rows)
