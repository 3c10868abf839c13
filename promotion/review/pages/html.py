"""`index.html`: the whole review as one page that needs nothing else and runs nothing.

Its policy forbids scripts, requests and any style but its own sheet, by that sheet's digest:
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kickstand.text import plain
from promotion.review.bundle import Bundle
from promotion.review.changes.words import listed
from promotion.review.pages.facts import facts
from promotion.review.pages.metric_row import metric_row, slice_row
from promotion.review.pages.missing import missing
from promotion.review.pages.picture import picture
from promotion.review.pages.resource_words import action, because, property_row, tally
from promotion.review.pages.values import NOTHING, figure, money, shortened
from promotion.review.pages.verdict import counted, verdict, worst
from promotion.review.reports import Plot

TEMPLATES = Path(__file__).parent / "templates"


def review_html(bundle: Bundle) -> str:
    """The page; the same bundle gives the same text."""
    sheet = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    pictures = tuple(_pictures(bundle))
    refused = tuple(
        f"The picture {plot.title}: it is none that a page may hold." for plot, drawn in pictures if drawn is None
    )
    return (
        _environment()
        .get_template("page.html")
        .render(
            bundle=bundle,
            policy=_policy(sheet),
            sheet=Markup(sheet),  # noqa: S704  the project's own file
            verdict=verdict(bundle),
            worst=worst(bundle),
            facts=facts(bundle),
            pictures=[(plot, drawn) for plot, drawn in pictures if drawn is not None],
            missing=(*missing(bundle), *refused),
        )
    )


def _pictures(bundle: Bundle) -> Iterator[tuple[Plot, Markup | None]]:
    names = set[str]()
    for plot in bundle.model.plots if bundle.model is not None else ():
        drawn = picture(plot) if plot.name not in names else None
        names.add(plot.name)
        yield plot, None if drawn is None else Markup(drawn)  # noqa: S704  picture() lets only shapes and text pass


def _policy(sheet: str) -> str:
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    """Templates of the repository's folder; whatever they print is made plain and escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printed,
    )
    made.globals |= {
        "NOTHING": NOTHING,
        "action": action,
        "because": because,
        "counted": counted,
        "figure": figure,
        "listed": listed,
        "metric_row": metric_row,
        "money": money,
        "property_row": property_row,
        "shortened": shortened,
        "slice_row": slice_row,
        "tally": tally,
    }
    return made


def _printed(value: object) -> object:
    """Control and direction characters of text that came from others are shown, not obeyed."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
