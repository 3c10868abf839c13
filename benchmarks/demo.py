"""The demo from an empty local cloud to the first prediction, phase by phase, set-up done."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figure import BIN, REPOSITORY, Figure

AIM_SECONDS = 60.0
"""On two cores."""


def run() -> list[Figure]:
    """One demo in a state folder of its own; each phase's seconds, and the whole against the aim."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.json"
        variables = {**os.environ, "KICKSTAND_LOCAL_STATE": str(Path(folder) / "state")}
        try:
            subprocess.run(
                [BIN / "kickstand", "demo", "--times", times],
                cwd=REPOSITORY,
                env=variables,
                check=True,
                capture_output=True,
            )
        finally:
            subprocess.run(
                [BIN / "kickstand", "local", "stop"], cwd=REPOSITORY, env=variables, check=True, capture_output=True
            )
        seconds: dict[str, float] = json.loads(times.read_text("utf-8"))
    phases = [Figure(f"demo: {name}", spent, None, spent, "s", None) for name, spent in seconds.items()]
    whole = sum(seconds.values())
    return [*phases, Figure("demo: from nothing to predictions", whole, None, whole, "s", AIM_SECONDS)]
