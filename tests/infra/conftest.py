"""What synthesising needs: jsii runs node, which is beside the interpreter."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _node(_own_environment: None) -> None:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "1"


@pytest.fixture(scope="module", autouse=True)
def _templates_are_validated() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CDK_VALIDATION")
        yield
