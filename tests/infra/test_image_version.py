"""`[algorithm] version`: another image in both templates, and nothing else."""

from __future__ import annotations

import json

import pytest
from synthesis import image_version, synthesised

from kickstand.xgboost_container import XGBOOST

REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost"


@pytest.mark.parametrize("version", [version for version in XGBOOST if version != "3.2-0"])
@pytest.mark.parametrize("stack", ["training", "hosting"])
def test_another_version_changes_the_image_and_nothing_else(version: str, stack: str) -> None:
    plain, other = (json.dumps(getattr(synthesised(variant), stack)) for variant in ("plain", image_version(version)))
    assert plain.count(f"{REGISTRY}:3.2-0") == 1
    assert plain != other
    assert plain.replace(f"{REGISTRY}:3.2-0", f"{REGISTRY}:{version}") == other
