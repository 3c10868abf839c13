"""A matplotlib figure as an SVG that stands in a page among others: the same figure gives the same bytes.

No script, no style sheet, no metadata, nothing outside itself; ids are the picture's own.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kickstand.text import plain
from review.reports import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, INK = "#0072b2", "#d55e00", "#8a8f98", "#1f2430"
"""Okabe and Ito's blue and vermillion, which all kinds of colour vision tell apart; on white."""
LIGHT_TO_DARK = ("#deebf7", "#b3cfe6", "#7fb1d6", "#4a90c2", "#1f6ea8", "#084a80", "#05294a")
WIDTH = 403.0
"""Width of a picture: about one CSS pixel a unit on a telephone."""

FONT = 12.75
"""Height of all text: 12 CSS pixels still where a telephone shows the picture somewhat narrower than WIDTH."""

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_URL = re.compile(r"url\(#([^)]+)\)")
_ROUNDED = ("d", "points", "transform", "x", "y", "width", "height", "x1", "x2", "y1", "y2", "r", "cx", "cy")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that the layout is the same everywhere
    "font.size": FONT,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "figure.constrained_layout.w_pad": 0.09,
    "figure.constrained_layout.h_pad": 0.07,
    "legend.frameon": False,
    "legend.fontsize": FONT,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a column may have a dollar in its name
}


def draw(name: str, title: str, alt: str, paint: Callable[[Figure], None], *, height: float = 300.0) -> Plot:
    """A picture without its title, which the page writes. paint: draws on an empty figure of WIDTH x height units.

    name: begins the ids of its parts.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(), warnings.catch_warnings():
        # Only the layout needs matplotlib's font; the page is shown in the reader's.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        mpl.rcdefaults()  # whatever the user's own matplotlibrc says
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": name})
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return Plot(name=name, title=title, alt=alt, svg=_cleaned(drawn.getvalue(), name, alt))


def _cleaned(drawn: bytes, name: str, alt: str) -> str:
    # A name of others may hold a control character, which XML cannot and matplotlib writes as it is.
    visible = _CONTROL.sub(lambda one: rb"\x%02x" % one[0][0], drawn)
    root = ET.fromstring(visible)  # noqa: S314  matplotlib's own
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}defs" and len(child) == 0:
                parent.remove(child)
    _rename(root, name)
    for element in root.iter():
        for attribute in _ROUNDED:
            if attribute in element.attrib:
                element.set(attribute, _NUMBER.sub(_shorter, element.attrib[attribute]))
        style = element.get("style")
        if style is not None:
            element.set("style", style.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, Arial, sans-serif"))
        element.tail = None if element.tail is None or not element.tail.strip() else element.tail
        element.text = None if element.text is None or not element.text.strip() else plain(element.text)
    _, _, width, height = root.attrib["viewBox"].split()
    for attribute, value in {
        "width": width,
        "height": height,
        "role": "img",
        "aria-label": plain(alt),
        # what matplotlib's style sheet says of everything, which in a page would be everything of the page
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }.items():
        root.set(attribute, value)
    ET.register_namespace("", _SVG)
    return ET.tostring(root, encoding="unicode")


def _rename(root: ET.Element, name: str) -> None:
    """Take away the ids that nothing refers to; the others begin with the picture's name."""
    used: dict[str, str] = {}
    link = f"{{{_LINK}}}href"
    for element in root.iter():
        target = element.attrib.pop(link, "").removeprefix("#")
        if target:
            element.set("href", f"#{used.setdefault(target, f'{name}-{len(used)}')}")
        for attribute, value in element.attrib.items():
            found = _URL.search(value)
            if found:
                own = used.setdefault(found[1], f"{name}-{len(used)}")
                element.set(attribute, _URL.sub(f"url(#{own})", value))
    for element in root.iter():
        own_id = element.attrib.pop("id", "")
        if own_id in used:
            element.set("id", used[own_id])


def _shorter(number: re.Match[str]) -> str:
    text = f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def tidy(axes: Any, *, grid: str = "y") -> None:
    """Faint lines behind the data, ticks without strokes."""
    axes.grid(visible=True, axis=grid)
    axes.tick_params(length=0)
