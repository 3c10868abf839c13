"""`index.html`: the whole review as one page that needs nothing else and runs nothing.

Everything that comes from elsewhere is escaped. A chart is put in as SVG only after it was checked against a list of
the elements, attributes and styles that a chart may have.
"""

from __future__ import annotations

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kickstand.text import plain
from review.bundle import Bundle
from review.changes.properties import listed
from review.pages.summary import counted, facts, missing, verdict, worst
from review.pages.values import (
    NOTHING,
    action,
    because,
    figure,
    metric_row,
    money,
    property_row,
    shortened,
    slice_row,
    tally,
)
from review.reports import Plot

_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset({"svg", "g", "defs", "clipPath", "path", "rect", "circle", "line", "polyline", "text", "use"})
_STYLES = frozenset(
    {
        *("fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray"),
        *("stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "opacity", "clip-path"),
        *("text-anchor", "font-size", "font-family", "font-weight", "font-style"),
    }
)
_ATTRIBUTES = _STYLES | {
    *("id", "d", "x", "y", "x1", "x2", "y1", "y2", "r", "cx", "cy", "width", "height", "points", "transform"),
    *("viewBox", "version", "role", "aria-label", "href", "preserveAspectRatio"),
}
_INSIDE = re.compile(r"#[\w-]+")
_URL = re.compile(r"url\(([^)]*)\)")


def picture(plot: Plot) -> str | None:
    """The picture as SVG that runs nothing and asks for nothing; None where it is no such picture."""
    if "<!" in plot.svg or "<?" in plot.svg:
        return None
    try:
        root = ET.fromstring(plot.svg)  # noqa: S314  without a DTD, which is refused above
    except ET.ParseError:
        return None
    if root.tag != f"{_SVG}svg" or not all(_allowed(element, f"{plot.name}-") for element in root.iter()):
        return None
    for element in root.iter():  # a label is anybody's: characters that change what is read are shown
        element.text, element.tail = (part and plain(part.strip("\n")) for part in (element.text, element.tail))
    root.set("role", "img")
    root.set("aria-label", plain(plot.alt))
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    return ET.tostring(root, encoding="unicode")


def _allowed(element: ET.Element, prefix: str) -> bool:
    """Whether a page may hold it. prefix: begins its id, so that no two pictures have the same one."""
    if not str(element.tag).startswith(_SVG) or element.tag.removeprefix(_SVG) not in _ELEMENTS:
        return False
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = declaration.partition(":")
        if name.strip():
            element.set(name.strip(), value.strip())
    return all(
        name in _ATTRIBUTES
        and (name != "id" or value.startswith(prefix))
        and (name != "href" or _INSIDE.fullmatch(value) is not None)
        and all(_INSIDE.fullmatch(one.strip("'\" ")) for one in _URL.findall(value))
        for name, value in element.attrib.items()
    )


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
            policy=sheet_policy(sheet),
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


def sheet_policy(sheet: str) -> str:
    """The content policy of a review's page: its own style sheet, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def escaping_environment(*folders: Path) -> Environment:
    """Templates of some folders, the first first; whatever they print is made plain and escaped."""
    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printed,
    )


@cache
def _environment() -> Environment:
    made = escaping_environment(TEMPLATES)
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
