"""The picture of a run: latencies and errors over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kickstand.atomic_file import atomic_file
from kickstand.text import plain
from training.traffic.figures import Figures

_ANSWERED, _FAILED = "#2a7f62", "#c0392b"
_MOST_POINTS = 20_000
"""Requests that are drawn as points; of more, every n-th, and all that failed."""
_BINS = 120


def draw_traffic(figures: Figures, *, title: str, file: Path) -> None:
    """Draw two panels over the seconds of the run: each request's latency, with p50 and p99; and requests that failed.

    Raises ValueError where no request was sent.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not figures.sent:
        raise ValueError("no request was sent: there is nothing to draw")
    planned, latencies = np.array(figures.planned), np.array(figures.latencies) * 1000
    failed = np.array(figures.failed, dtype=bool)
    canvas = Figure(figsize=(11, 5.5), dpi=110, layout="constrained")
    FigureCanvasAgg(canvas)
    above, below = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1))

    fine = np.flatnonzero(~failed)[:: max(1, len(planned) // _MOST_POINTS)]
    above.plot(planned[fine], latencies[fine], ".", color=_ANSWERED, markersize=2, alpha=0.35, label="answered")
    above.plot(planned[failed], latencies[failed], "x", color=_FAILED, markersize=4, label="failed")
    edges = np.linspace(0, max(figures.plan.seconds, float(planned.max()) + 1e-9), _bins(figures) + 1)
    for percentile, style in ((50, "-"), (99, "--")):
        middles, heights = _over_time(planned, latencies, edges, percentile)
        above.plot(middles, heights, style, color="black", linewidth=1, label=f"p{percentile}")
    above.set_yscale("log")
    above.set_ylabel("latency from the planned instant, ms")
    above.set_title(plain(title).replace("$", r"\$"), fontsize=10, loc="left")  # a dollar would begin a formula
    above.legend(loc="upper left", frameon=False, ncols=4, fontsize=8)

    below.hist([planned[~failed], planned[failed]], bins=edges, stacked=True, color=[_ANSWERED, _FAILED])
    below.set(xlabel="seconds", ylabel="requests\n(failed: red)")
    with atomic_file(file) as stream:
        canvas.savefig(stream, format="png", metadata={"Software": None})


def _bins(figures: Figures) -> int:
    """A bin a second, or so many that each has ten requests."""
    return int(max(1, min(_BINS, figures.plan.seconds, figures.sent / 10)))


def _over_time(
    planned: NDArray[np.float64], latencies: NDArray[np.float64], edges: NDArray[np.float64], percentile: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The percentile of each bin that has requests, at the bin's middle."""
    places = np.clip(np.digitize(planned, edges) - 1, 0, len(edges) - 2)
    filled = np.unique(places)
    heights = np.array([np.percentile(latencies[places == place], percentile) for place in filled])
    return (edges[filled] + edges[filled + 1]) / 2, heights
