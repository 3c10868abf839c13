"""Line charts as values that a template draws as SVG: coordinates, ticks, and the figures in words.

No style is in them: colours come from the style sheet, so that a chart is light or dark as its page, and a page whose
policy forbids inline styles can show it. Made in well under a millisecond, since live charts are made again and again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 400.0, 230.0
"""Units of the picture: about one CSS pixel each on a telephone."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 10.0, 10.0, 30.0
_BUCKETS = 300
"""Of the width: in each, the lowest and the highest point of a series are drawn."""
_FEW = 40
"""Points that are drawn as dots too: a line of a single one would not be seen."""
_TICKS = 4

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one label, by their x."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A series as it is drawn. points: of a polyline. last, lowest, highest: as text; empty without a point."""

    label: str
    points: str
    dots: tuple[tuple[str, str], ...]
    last: str
    lowest: str
    highest: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in the picture's units, and its text."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A horizontal line that is named."""

    at: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart. alt: the figures in a sentence. lines: none where there is nothing to draw."""

    title: str
    alt: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    limits: tuple[Limit, ...]


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_text: Callable[[float], str],
    unit: str = "",
    x_range: tuple[float, float] | None = None,
    from_zero: bool = False,
    limits: Sequence[tuple[str, float]] = (),
) -> Chart:
    """A chart of some series, which have one scale.

    x_text: what a tick of the x axis says. unit: behind figures. x_range: default: that of the points.
    from_zero: whether the y axis begins at 0. limits: lines with their labels; one far above all points is named only.
    """
    kept = [Series(one.label, tuple(p for p in one.points if math.isfinite(p[0] + p[1]))) for one in series]
    kept = [one for one in kept if one.points]
    if not kept:
        return Chart(title, f"{title}: nothing yet.", (), (), (), ())
    xs = [x for one in kept for x, _ in one.points]
    ys = [y for one in kept for _, y in one.points]
    left, right = x_range or (min(xs), max(xs))
    near = [value for _, value in limits if value <= 3 * max(ys)]
    low, high = _span(0.0 if from_zero else min(ys), max([*ys, *near]))
    across = _scale(left, right, _LEFT, WIDTH - _RIGHT)
    up = _scale(low, high, HEIGHT - _BOTTOM, _TOP)
    lines = tuple(_line(one, across, up, unit) for one in kept)
    said = "; ".join(f"{one.label} {one.last} last, {one.lowest} to {one.highest}" for one in lines)
    return Chart(
        title,
        f"{title}: {said}.",
        lines,
        tuple(Tick(_unit(across(x)), x_text(x)) for x in _ends(left, right)),
        tuple(Tick(_unit(up(y)), figure(y)) for y in _ticks(low, high)),
        tuple(
            Limit(_unit(up(value)) if low <= value <= high else "", label, f"{figure(value)}{unit}")
            for label, value in limits
        ),
    )


def figure(value: float) -> str:
    """Four digits, as a person reads them."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _line(series: Series, across: Callable[[float], float], up: Callable[[float], float], unit: str) -> Line:
    values = [y for _, y in series.points]
    places = [(_unit(across(x)), _unit(up(y))) for x, y in _thinned(series.points)]
    return Line(
        series.label,
        " ".join(f"{x},{y}" for x, y in places),
        tuple(places) if len(places) <= _FEW else (),
        f"{figure(values[-1])}{unit}",
        f"{figure(min(values))}{unit}",
        f"{figure(max(values))}{unit}",
    )


def _thinned(points: Sequence[Point]) -> list[Point]:
    """The points, or the lowest and the highest of each part of the width: what the eye would see of all."""
    if len(points) <= 2 * _BUCKETS:
        return list(points)
    size = math.ceil(len(points) / _BUCKETS)
    found: list[Point] = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        ends = {min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])}
        found += sorted(ends)
    if found[-1] != points[-1]:
        found.append(points[-1])
    return found


def _span(low: float, high: float) -> tuple[float, float]:
    """A range that is not empty."""
    if high > low:
        return low, high
    room = abs(high) * 0.1 or 1.0
    return low - (room if low else 0.0), high + room


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    width = (high - low) or 1.0
    return lambda value: start + (value - low) / width * (end - start)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers in a range, about `_TICKS` of them."""
    raw = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _ends(left: float, right: float) -> list[float]:
    return [left, (left + right) / 2, right] if right > left else [left]


def _unit(value: float) -> str:
    return f"{value:.1f}"
