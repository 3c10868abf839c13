"""How model packages are named: `group/version`, or a full ARN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_package_key(record: Mapping[str, Any]) -> str:
    """`bikes/3`: what a version is kept by, and what Search calls it."""
    return f"{record['ModelPackageGroupName']}/{record['ModelPackageVersion']}"


def package_key(name_or_arn: str) -> str:
    """`bikes/3` of `arn:aws:sagemaker:us-east-1:123456789012:model-package/bikes/3` or of itself."""
    return last_part(name_or_arn, "model-package")


def group_name(name_or_arn: str) -> str:
    """`bikes` of `arn:…:model-package-group/bikes` or of itself."""
    return last_part(name_or_arn, "model-package-group")


def last_part(name_or_arn: str, kind: str) -> str:
    if not name_or_arn.startswith("arn:"):
        return name_or_arn
    return name_or_arn.split(":", 5)[5].removeprefix(f"{kind}/")
