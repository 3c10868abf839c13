"""Commands as a user types them, run in the test's own process: exit code, standard output, standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from cli.main import run


@dataclass(frozen=True)
class Screen:
    """How a command ended, and what stood on the screen."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """Types commands and reads the screen."""

    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def type(self, *words: object) -> Screen:
        self.patch.setattr(sys, "argv", ["kickstand", *map(str, words)])
        self.capture.readouterr()
        code = run()
        out, err = self.capture.readouterr()
        assert "Traceback" not in err
        return Screen(code, out, err)
