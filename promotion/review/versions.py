"""The versions of everything that makes a review and an assembly."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kickstand import __version__
from kickstand.json_text import parse_json
from promotion.cdk import CLI

PACKAGES = (
    "aws-cdk-lib",
    "boto3",
    "cdk-nag",
    "cdklabs.cdk-validator-cfnguard",
    "cfn-lint",
    "constructs",
    "securesystemslib",
    "sigstore",
)


def versions() -> dict[str, str]:
    """Name to version, of what is installed."""
    found = {"kickstand": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    manifest = CLI.parents[1] / "package.json"
    if manifest.is_file():
        found["aws-cdk (command line)"] = _package_version(manifest)
    return dict(sorted(found.items()))


def _package_version(manifest: Path) -> str:
    return str(parse_json(manifest.read_bytes())["version"])
