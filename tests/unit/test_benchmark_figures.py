"""What the benchmarks say of a figure, and that they can be drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figure import Figure, number
from benchmarks.picture import draw

RATE = Figure("answers", 7500.0, None, 7500.0, "/s", 5000.0, at_most=False, aws=(920.0,))
RATIO = Figure("wall", 1.5, 1.0, 1.5, "x", 1.2)
LATENCY = Figure("p99", 4.0, None, 4.0, "ms", 5.0, aws=(12.0, 16.0))
FREE = Figure("demo", 31.0, None, 31.0, "s", None)


@pytest.mark.parametrize(("figure", "good", "kept"), [(RATE, True, 1.5), (RATIO, False, 0.8), (LATENCY, True, 1.25)])
def test_a_figure_is_good_where_it_keeps_its_limit(figure: Figure, good: bool, kept: float) -> None:
    assert figure.good() is good
    assert figure.kept() == pytest.approx(kept)


def test_a_limit_that_is_just_met_is_kept() -> None:
    assert Figure("wall", 1.15, 1.0, 1.15, "x", 1.15).good()
    assert Figure("rate", 300.0, None, 300.0, "/s", 300.0, at_most=False).good()


def test_limits_and_figures_of_aws_are_words() -> None:
    assert [figure.bound() for figure in (RATE, RATIO, LATENCY, FREE)] == ["≥ 5,000 /s", "≤ 1.2 x", "≤ 5 ms", ""]
    assert [figure.of_aws() for figure in (RATE, RATIO, LATENCY)] == ["920 /s", "", "12 to 16 ms"]
    assert [number(value) for value in (0.6123, 14.52, 7069.6)] == ["0.612", "14.5", "7,070"]


def test_figures_with_a_limit_are_drawn(tmp_path: Path) -> None:
    draw([RATE, RATIO, LATENCY, FREE], tmp_path / "all.png")
    draw([RATE], tmp_path / "one.png")
    sizes = [(tmp_path / name).read_bytes()[16:24] for name in ("all.png", "one.png")]  # width and height of a PNG
    heights = [int.from_bytes(size[4:]) for size in sizes]
    assert heights == [int((1.6 + 0.42 * bars) * 110) for bars in (3, 1)]


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no figure has a limit"):
        draw([FREE], tmp_path / "none.png")
