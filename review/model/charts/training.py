"""Charts of a training: the learning curve, round by round, and what the model gained from each feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from review.model.charts.svg import BLUE, GREY, ORANGE, draw, tidy
from review.reports import Plot
from training.evaluation.metrics import lower_is_better
from training.model.learning_curve import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_MOST_POINTS = 300
_LOG_FROM = 10.0
"""A metric that spans more than this factor is drawn on a logarithmic scale."""

Points = tuple[Sequence[int], Sequence[float]]


def draw_learning_curve(
    curve: Curve, live: Curve | None = None, *, released: int | None = None, live_released: int | None = None
) -> Plot | None:
    """The curve of the released model, and validation of the live one. None where it holds no number.

    Of several metrics the last is drawn: the one that stops training early.

    released, live_released: the rounds that each model has, whose figure is its own; None where that is not known.
    """
    bases = list(dict.fromkeys(name.partition(":")[2] for name in curve.metrics))
    lines = {name: _points(curve, name) for name in curve.metrics if name.partition(":")[2] == bases[-1]}
    lines = {name: points for name, points in lines.items() if points[0]}
    if not lines:
        return None
    channel = "validation" if f"validation:{bases[-1]}" in lines else "train"
    main = f"{channel}:{bases[-1]}" if f"{channel}:{bases[-1]}" in lines else next(iter(lines))
    rounds, values = lines[main]
    best = (min if lower_is_better(main) else max)(range(len(values)), key=values.__getitem__)
    earlier = _points(live, main) if live is not None and main in live.metrics else None
    own = next((point for point in zip(rounds, values, strict=True) if point[0] == released), None)
    title = f"Learning curve: {bases[-1]} by round"
    alt = (
        "; ".join(_text(name, points, curve.logged_rounds) for name, points in lines.items())
        + f". Best {main}: {values[best]:.4g} in round {rounds[best]}."
        + (f" The released model has {own[0]:,} round{'' if own[0] == 1 else 's'}: {own[1]:.4g}." if own else "")
        + (_live_sentence(earlier, live_released) if earlier and earlier[0] else "")
    )

    def paint(figure: Figure) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.add_subplot()
        if earlier and earlier[0]:
            axes.plot(*_thinned(earlier), color=GREY, linewidth=1.4, linestyle=(0, (4, 2)), label=f"live {main}")
        for name, points in lines.items():
            colour, style = (ORANGE, "-") if name == main else (BLUE, (0, (6, 1.5)))
            axes.plot(*_thinned(points), color=colour, linewidth=1.8, linestyle=style, label=name)
        axes.plot([rounds[best]], [values[best]], marker="o", markersize=5, color=ORANGE)
        axes.annotate(
            f"best {values[best]:.4g}, round {rounds[best]}",
            (rounds[best], values[best]),
            xytext=(0, 20),
            textcoords="offset points",
            ha="right" if best > len(values) / 2 else "left",
            bbox={"facecolor": "white", "linewidth": 0, "pad": 1},
        )
        if own is not None and own[0] < curve.logged_rounds:
            axes.axvline(own[0], color=GREY, linewidth=1, linestyle=":", label=f"released: {own[0]:,} rounds")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if _spans_decades(lines):
            _logarithmic(axes)
        axes.set(xlabel="round")
        axes.legend(loc="upper right" if lower_is_better(main) else "lower right")
        tidy(axes)

    return draw("learning-curve", title, alt, paint)


def _live_sentence(points: Points, released: int | None) -> str:
    own = next((value for number, value in zip(*points, strict=True) if number == released), None)
    if own is None:
        return f" The live model's job ended at {points[1][-1]:.4g}."
    return f" The live model has {released:,} round{'' if released == 1 else 's'}: {own:.4g}."


def _logarithmic(axes: object) -> None:
    """A logarithmic scale with its numbers written out."""
    from matplotlib.axes import Axes
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    assert isinstance(axes, Axes)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _points(curve: Curve, name: str) -> Points:
    """Rounds, counted from 1 as people do, and the values that are numbers."""
    known = [
        (number + 1, value)
        for number, value in zip(curve.rounds, curve.metrics[name], strict=True)
        if value is not None
    ]
    return [number for number, _ in known], [value for _, value in known]


def _thinned(points: Points) -> Points:
    numbers, values = points
    if len(numbers) <= _MOST_POINTS:
        return points
    chosen = [round(step * (len(numbers) - 1) / (_MOST_POINTS - 1)) for step in range(_MOST_POINTS)]
    return [numbers[place] for place in chosen], [values[place] for place in chosen]


def _spans_decades(lines: Mapping[str, Points]) -> bool:
    values = [value for _, found in lines.values() for value in found]
    return min(values) > 0 and max(values) / min(values) > _LOG_FROM


def _text(name: str, points: Points, rounds: int) -> str:
    first, last = points[1][0], points[1][-1]
    moves = "falls" if last < first else "rises" if last > first else "stays"
    return f"{name} {moves} from {first:.4g} to {last:.4g} in {rounds:,} rounds"


_MOST = 12
_LONGEST_NAME = 22


def draw_importance(gain: Mapping[str, float], live: Mapping[str, float] | None) -> Plot | None:
    """Each feature's share of the total gain, the largest first. None where nothing has any.

    gain, live: by the feature's name, summed over its splits.
    """
    share, was = _shares(gain), _shares(live or {})
    if not share:
        return None
    first = sorted(share, key=lambda name: (-share[name], name))[:_MOST]
    more = len(share) - len(first)
    shown = [*first, *([f"{more} other{'s' * (more > 1)}"] if more else [])]
    values = [share.get(name, sum(share[one] for one in share if one not in first)) for name in shown]
    title = "Feature importance: share of the gain"
    alt = "Share of the total gain: " + ", ".join(
        f"{name} {value:.1%}{f' (live {was.get(name, 0):.1%})' if was and name in share else ''}"
        for name, value in zip(shown, values, strict=True)
    )

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        places = range(len(shown))
        axes.barh(places, [100 * value for value in values], color=BLUE, height=0.68, label="released")
        for place, (name, value) in enumerate(zip(shown, values, strict=True)):
            end = max(value, was.get(name, 0))
            axes.annotate(f"{value:.1%}", (100 * end, place), xytext=(7, 0), textcoords="offset points", va="center")
        if was:
            known = [place for place in places if shown[place] in share]
            axes.plot(
                [100 * was.get(shown[place], 0) for place in known],
                known,
                linestyle="none",
                marker="D",
                markersize=5.5,
                markerfacecolor="white",
                markeredgecolor=ORANGE,
                markeredgewidth=1.6,
                clip_on=False,
                label="live",
            )
            axes.legend(loc="lower right")
        axes.set_yticks(places, [_short(name) for name in shown])
        axes.set(xlabel="% of the total gain")
        axes.set_xlim(0, 100 * max(*values, *was.values(), 0.0) * 1.16)
        axes.invert_yaxis()
        tidy(axes, grid="x")

    return draw("importance", title, f"{alt}.", paint, height=105.0 + 21.0 * len(shown))


def _shares(gain: Mapping[str, float]) -> dict[str, float]:
    total = sum(gain.values())
    return {name: value / total for name, value in gain.items()} if total > 0 else {}


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
