"""The page of a review in a browser: at a desk and on a telephone, whatever stands in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kit"))

from browser import MEASURE, NEEDS_CHROMIUM, SMALLEST, served
from devtools import Page
from sample_bundle import PUBLIC, calm, dangerous
from sample_trouble import first_deployment, hostile

from review.pages import review_html

pytestmark = NEEDS_CHROMIUM
REVIEWS = {"calm": calm, "dangerous": dangerous, "hostile": hostile, "first": first_deployment}
SIZES = ((1280, 900), (400, 800))


def measured(page: Page, folder: Path, html: str, *, width: int, height: int) -> dict[str, Any]:
    """What a reader has of a page at a size."""
    (folder / "index.html").write_text(html, encoding="utf-8")
    page.show(width=width, height=height)
    with served(folder) as place:
        assert page.open(f"{place}index.html") == 200
    found: dict[str, Any] = page.run(f"{MEASURE.read_text('utf-8')}; measured(window, document)")
    return found


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}px")
@pytest.mark.parametrize("name", REVIEWS)
def test_a_page_is_legible(name: str, size: tuple[int, int], tmp_path: Path, page: Page) -> None:
    width, height = size
    bundle = REVIEWS[name]()
    found = measured(page, tmp_path, review_html(bundle), width=width, height=height)
    assert page.console == []
    assert found["innerWidth"] == width
    assert found["scrollWidth"] <= width, found["wide"]
    assert found["smallest"][0] >= SMALLEST, found["smallest"]
    assert len(found["pictures"]) == (len(bundle.model.plots) if bundle.model else 0)
    assert all(wide > 300 and high > 100 for wide, high in found["pictures"])
    assert found["headline"][1] <= height


def test_the_sheet_is_in_force_and_the_worst_stands_on_the_first_screen(tmp_path: Path, page: Page) -> None:
    found = measured(page, tmp_path, review_html(dangerous()), width=400, height=800)
    assert found["verdict"] == "7 dangers, 2 warnings: read them before you approve."
    assert found["headline"][0] == PUBLIC
    assert found["colour"] == "rgb(226, 160, 155)"


def test_what_the_policy_of_the_page_forbids_is_told_by_the_console(tmp_path: Path, page: Page) -> None:
    added = '<p style="color: red">x</p><script>document.title = "run"</script></main>'
    measured(page, tmp_path, review_html(calm()).replace("</main>", added), width=400, height=800)
    assert page.run("document.title") != "run"
    assert [" ".join(one.split(" ")[:4]) for one in page.console] == [
        "Applying inline style violates",
        "Executing inline script violates",
    ]
