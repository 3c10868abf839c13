"""Which features the model's answers come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from promotion.review.model.pictures.svg import BLUE, ORANGE, draw, tidy
from promotion.review.reports import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
