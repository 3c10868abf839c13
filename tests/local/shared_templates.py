"""Templates of projects that differ in their names alone: synthesised once a test run, by `app.py` as the CDK runs it.

`tests/infra` holds that a template has a project's name only where it is the name, so that it can be replaced.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from once_a_run import once_a_run

from kickstand.config.load import load_project

REPOSITORY = Path(__file__).resolve().parents[2]
_STAND_IN = "standin00"


def synthesise(toml: Path, assembly: Path, **context: str) -> None:
    """Run `app.py` for a project file; context: `environment="dev"`."""
    settings = {**json.loads((REPOSITORY / "cdk.json").read_text())["context"], "config": str(toml), **context}
    variables = {**os.environ, "CDK_CONTEXT_JSON": json.dumps(settings), "CDK_OUTDIR": str(assembly)}
    subprocess.run([sys.executable, REPOSITORY / "app.py"], env=variables, check=True, timeout=120)


def training_templates(toml: Path) -> dict[str, str]:
    """The training stack's template of each environment of a project file, whose project's name is as long as ours."""
    name, text = load_project(toml).name, toml.read_text()
    assert len(name) == len(_STAND_IN), name  # names that are too long are shortened, with a digest
    made = _synthesised(text.replace(name, _STAND_IN))
    return {environment: template.replace(_STAND_IN, name) for environment, template in made.items()}


@cache
def _synthesised(text: str) -> Mapping[str, str]:
    made: Mapping[str, str] = json.loads(once_a_run(text, lambda: json.dumps(_synthesise(text)).encode()))
    return made


def _synthesise(text: str) -> Mapping[str, str]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        toml, assembly = folder / "kickstand.toml", folder / "cdk.out"
        toml.write_text(text)
        synthesise(toml, assembly)
        found = assembly.glob("assembly-*/*training*.template.json")
        return {one.parent.name.removeprefix("assembly-"): one.read_text() for one in found}
