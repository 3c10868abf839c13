"""A picture of the bundle, held to what a picture may be before it is put into a page.

A bundle is read back from a file before its change sets are made, so a picture may be anybody's. Only shapes and text
pass; what is refused is said. Style attributes become attributes of their own, so that the page's policy can forbid
all style but its own sheet.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from kickstand.text import plain
from promotion.review.reports import Plot

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
