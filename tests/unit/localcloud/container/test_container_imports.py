"""The programs of a container import what they need: an image's environment has few packages, and each takes time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FOREIGN = ("aws_cdk", "boto3", "botocore", "cryptography", "ministack", "pydantic", "rich", "typer", "uvicorn", "yaml")
"""Packages of the project that no program of a container needs while it is imported."""

HEAVY = ("numpy", "pyarrow", "scipy", "xgboost")

IMPORT = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"


def imported(module: str) -> set[str]:
    """The packages that a program has loaded once a module is imported."""
    line = [sys.executable, "-P", "-c", IMPORT, module]
    ended = subprocess.run(line, stdout=subprocess.PIPE, check=True, timeout=60, encoding="utf-8")
    return {name.partition(".")[0] for name in json.loads(ended.stdout)}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("localcloud.jobs.process.lifeline", set()),
        ("localcloud.jobs.process.namespace", set()),
        ("localcloud.container.train", set()),
        ("localcloud.container.serve", set()),
        ("localcloud.container.hosting.application", set()),
        ("localcloud.container.hosting.request_rows", {"numpy", "pyarrow"}),
        ("localcloud.container.training.training_data", {"numpy", "pyarrow", "scipy", "xgboost"}),
    ],
)
def test_a_program_of_a_container_imports_what_it_needs(module: str, heavy: set[str]) -> None:
    found = imported(module)
    assert found.intersection(FOREIGN) == set()
    assert found.intersection(HEAVY) == heavy


def test_the_local_clouds_server_starts_without_what_project_files_or_models_need() -> None:
    """Each takes 0.1 s and more of every start."""
    assert imported("localcloud.server.__main__").isdisjoint({"pydantic", *HEAVY})
