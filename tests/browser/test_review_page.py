"""The page of a review in a browser: at a desk and on a telephone, whatever stands in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kit"))

from browser import chromium, opened
from sample_bundle import PUBLIC, calm, dangerous
from sample_trouble import first_deployment, hostile

from review.pages import review_html

pytestmark = [
    pytest.mark.skipif(
        chromium() is None,
        reason="NOT LOOKED AT IN A BROWSER: Chromium is not installed (Debian: apt-get install chromium)",
    ),
]
REVIEWS = {"calm": calm, "dangerous": dangerous, "hostile": hostile, "first": first_deployment}
SIZES = ((1280, 900), (400, 800))
SMALLEST = 12.0
"""CSS pixels."""


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}px")
@pytest.mark.parametrize("name", REVIEWS)
def test_a_page_is_legible(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    bundle = REVIEWS[name]()
    page = tmp_path / "index.html"
    page.write_text(review_html(bundle), encoding="utf-8")
    shown = opened(page, width=width, height=height)
    found = shown.measured
    assert shown.console == ()
    assert found["innerWidth"] == width
    assert found["scrollWidth"] <= width, found["wide"]
    assert found["smallest"][0] >= SMALLEST, found["smallest"]
    assert len(found["pictures"]) == (len(bundle.model.plots) if bundle.model else 0)
    assert all(wide > 300 and high > 100 for wide, high in found["pictures"])
    assert found["headline"][1] <= height


def test_the_sheet_is_in_force_and_the_worst_stands_on_the_first_screen(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(review_html(dangerous()), encoding="utf-8")
    found = opened(page, width=400, height=800).measured
    assert found["verdict"] == "7 dangers, 2 warnings: read them before you approve."
    assert found["headline"][0] == PUBLIC
    assert found["colour"] == "rgb(226, 160, 155)"


def test_what_the_policy_of_the_page_forbids_is_told_by_the_console(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    added = '<p style="color: red">x</p><script>document.title = "run"</script></main>'
    page.write_text(review_html(calm()).replace("</main>", added), encoding="utf-8")
    told = opened(page, width=400, height=800).console
    assert [" ".join(one.split(" ")[:4]) for one in told] == [
        "Applying inline style violates",
        "Executing inline script violates",
    ]
