"""Synthesis of the whole app against an app with one empty stack, through the same CLI."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.figure import BIN, REPOSITORY, Figure, ratio, wall_seconds

EMPTY = """\
import aws_cdk as cdk

app = cdk.App(analytics_reporting=False)
cdk.CfnWaitConditionHandle(cdk.Stack(app, "empty"), "Nothing")  # a stack without any resource is refused
app.synth()
"""

CLI = REPOSITORY / "node_modules" / "aws-cdk" / "bin" / "cdk"


def run() -> list[Figure]:
    """`cdk synth -q` of every environment of the example, against the empty app; limit 1.8."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(EMPTY, "utf-8")
        settings = json.loads((REPOSITORY / "cdk.json").read_text("utf-8"))
        (folder / "cdk.json").write_text(json.dumps({**settings, "app": f"{BIN / 'python'} app.py"}), "utf-8")

        def synth(project: Path, out: str) -> float:
            return wall_seconds([BIN / "node", CLI, "synth", "-q", "--output", folder / out], cwd=project)

        return [
            ratio(
                "synth of the whole app, against one empty stack",
                lambda: synth(REPOSITORY, "ours"),
                lambda: synth(folder, "empty"),
                limit=1.8,
            )
        ]
