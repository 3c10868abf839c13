"""The CDK app run by itself, without the CDK command line: a cloud assembly in a folder, offline, nothing deployed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.json_text import parse_json
from promotion.cdk import BIN, REPOSITORY, node

if TYPE_CHECKING:
    from kickstand.config.model import Environment, Project

_SECONDS = 300


def run_app(
    project: Project, environment: Environment, releases: Path, folder: Path, **context: str
) -> subprocess.CompletedProcess[str]:
    """Synthesise one environment into a folder; how it ended, and what it said.

    releases: the folder of the release files. context: further context values, `policy="on"`.
    """
    settings = {
        **parse_json((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"],
        "config": str(project.file),
        "releases": str(releases),
        "environment": environment.name,
        **context,
    }
    # jsii starts the `node` that it finds.
    tools = [str(Path(node()).parent), str(BIN), os.environ.get("PATH", "")]
    variables = {
        **os.environ,
        "CDK_CONTEXT_JSON": json.dumps(settings),
        "CDK_OUTDIR": str(folder),
        "PATH": os.pathsep.join(tool for tool in tools if tool != "."),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "app.py")],
        cwd=REPOSITORY,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
