"""A running Chromium, one for the tests of a file, and a page of it for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from devtools import Browser, Page, running_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """As wide as a screen, until a test says otherwise."""
    found = browser.new_page()
    found.show(width=1280, height=900)
    yield found
    found.call("Page.close")
