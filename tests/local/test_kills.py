"""A few of the sixty kills of scripts/kill_local_cloud.py, one on a disk that is just full."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "kill_local_cloud.py"


def test_nothing_acknowledged_is_lost_and_no_process_left(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "3", "--full", "1", "--seed", "3"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith("seed 3: 3 kills, ") or "SKIPPED" in run.stdout
    assert re.search(r"^lost or left     0$", run.stdout, re.MULTILINE)
    written = re.search(r"^acknowledged     (\d+) writes; (\d+) refused", run.stdout, re.MULTILINE)
    assert written is not None and int(written[1]) >= 15, run.stdout
    if "SKIPPED" in run.stdout:
        pytest.skip("no tmpfs can be mounted here: the kill on a full disk was left out")
    assert shutil.which("unshare")
