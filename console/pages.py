"""The pages of the console: whole ones for an address, and the parts of a view for a page that is open.

Whatever they print is made plain and escaped, as in a review: names, reasons and log lines of AWS are text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from console.charts import HEIGHT, WIDTH
from console.reading import Reading, View
from console.views.releases import change_text
from review.pages.html import TEMPLATES as REVIEW_TEMPLATES
from review.pages.html import escaping_environment
from review.pages.values import NOTHING, figure, money, shortened

if TYPE_CHECKING:
    from jinja2 import Environment

    from kickstand.workspace import Workspace

TEMPLATES = Path(__file__).parent / "templates"


def moment(time: datetime | None) -> str:
    """`2026-11-30 12:00:03 UTC`; NOTHING for None."""
    return NOTHING if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def size(count: int) -> str:
    """Bytes as a person reads them: `812 bytes`, `1.4 MB`."""
    number = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


class Pages:
    """Draws the views of one environment. base: what the paths of all pages begin with. views: of the navigation."""

    def __init__(self, base: str, views: Sequence[View]) -> None:
        self._base, self._views = base, tuple(views)

    def page(self, view: View, reading: Reading, workspace: Workspace, *, live: str) -> str:
        """A whole page. live: where the parts of it come from while it is open."""
        return self._templates.get_template("page.html").render(
            view=view, environment=workspace.environment, live=live, body=self.parts(view, reading, workspace)
        )

    def parts(self, view: View, reading: Reading, workspace: Workspace) -> str:
        """The sections of a view, each with an id: what a page that is open replaces."""
        return self._templates.get_template("view.html").render(
            view=view, part=reading.value, problems=reading.problems, at=reading.at, workspace=workspace
        )

    @cached_property
    def sheet(self) -> str:
        """The style sheet: a review's, and what the console adds."""
        return "".join((folder / name).read_text("utf-8") for folder, name in _SHEETS)

    @cached_property
    def script(self) -> str:
        """The one script, for the live parts."""
        return (TEMPLATES / "console.js").read_text("utf-8")

    @cached_property
    def icon(self) -> str:
        """The icon of the browser's tab, as SVG."""
        return (TEMPLATES / "icon.svg").read_text("utf-8")

    @cached_property
    def _templates(self) -> Environment:
        made = escaping_environment(TEMPLATES, REVIEW_TEMPLATES)
        names: Mapping[str, object] = {
            "NOTHING": NOTHING,
            "WIDTH": WIDTH,
            "HEIGHT": HEIGHT,
            "base": self._base,
            "change_text": change_text,
            "views": self._views,
            "figure": figure,
            "moment": moment,
            "money": money,
            "shortened": shortened,
            "size": size,
        }
        made.globals |= names
        return made


_SHEETS = ((REVIEW_TEMPLATES, "page.css"), (TEMPLATES, "console.css"))
