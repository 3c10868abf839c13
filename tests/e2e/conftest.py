"""What the stories share: all but the main job start the local cloud's programs from a process that has loaded them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from warm_programs import warm_programs


@pytest.fixture(autouse=True, scope="module")
def _programs_are_forked(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.path.name == "test_main_job.py":
        yield
    else:
        with warm_programs():
            yield
