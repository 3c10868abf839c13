"""What is known without an account: this machine's tools against the pinned versions, and what the region offers.

A region may lack the image, or CloudFormation's types of the stacks.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from deployment.cdk import CLI, REPOSITORY, node
from deployment.doctor.finding import Finding
from kickstand.json_text import parse_json

if TYPE_CHECKING:
    from kickstand.config.model import Environment


PYTHON = (3, 11)
NODE = 22
"""The oldest Node.js that the pinned CDK CLI is tested with: https://docs.aws.amazon.com/cdk/v2/guide/node-versions.html"""

PACKAGES = ("aws-cdk-lib", "constructs", "boto3", "numpy", "pyarrow")
_XGBOOST = ("xgboost-cpu", "xgboost")
_SET_UP = "Run: make setup"


def tool_findings() -> Iterator[Finding]:
    """Python, Node.js, the CDK CLI, and the packages whose version changes what is trained, sent or synthesised."""
    yield python_verdict(sys.version_info[:3])
    yield node_verdict(_node_version())
    wanted = parse_json((REPOSITORY / "package.json").read_text(encoding="utf-8"))["devDependencies"]["aws-cdk"]
    yield pinned_verdict("CDK CLI", [wanted], _cdk_version())
    pins = read_pins(REPOSITORY / "requirements.lock")
    # One of the two is XGBoost on this platform; both are the same library.
    boosting = next((name for name in _XGBOOST if installed(name)), _XGBOOST[0])
    for name in (*PACKAGES, boosting):
        yield pinned_verdict(name, pins.get(name, ()), installed(name))


def python_verdict(found: tuple[int, ...]) -> Finding:
    shown = ".".join(map(str, found))
    if tuple(found[:2]) < PYTHON:
        return Finding("Python", "problem", f"{shown}; 3.11 is the oldest that works.", "Install Python 3.11 or later.")
    return Finding("Python", "ok", f"{shown}.")


def node_verdict(found: str) -> Finding:
    """found: what `node --version` prints; empty where there is none."""
    match = re.match(r"v(\d+)\.", found)
    if match is None:
        return Finding("Node.js", "problem", "Not found; the CDK runs on it.", _SET_UP)
    if int(match[1]) < NODE:
        return Finding("Node.js", "warning", f"{found[1:]}; the CDK is tested from {NODE} on.", _SET_UP)
    return Finding("Node.js", "ok", f"{found[1:]}.")


def pinned_verdict(name: str, pins: Sequence[str], found: str) -> Finding:
    """pins: more than one where the lock differs by Python version or system. found: empty for not installed."""
    wanted = " or ".join(pins)
    if not found:
        return Finding(name, "problem", f"Not installed; {wanted} is pinned.", _SET_UP)
    if found not in pins:
        return Finding(name, "problem", f"{found} is installed, {wanted} is pinned.", _SET_UP)
    return Finding(name, "ok", f"{found}, as pinned.")


def read_pins(lock: Path) -> Mapping[str, Sequence[str]]:
    """The versions of a requirements lock, by package name."""
    pins: dict[str, list[str]] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z0-9._-]+)==([^\s;\\]+)", line):
            pins.setdefault(match[1], []).append(match[2])
    return pins


def installed(name: str) -> str:
    """The installed version of a package; empty for none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _cdk_version() -> str:
    manifest = CLI.parents[1] / "package.json"
    return str(parse_json(manifest.read_text(encoding="utf-8"))["version"]) if manifest.exists() else ""


def _node_version() -> str:
    try:
        done = subprocess.run(
            [node(), "--version"], capture_output=True, encoding="utf-8", errors="replace", timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def image_finding(environment: Environment) -> Finding:
    """Look the image up in the table; InputError where AWS has none.

    The registry itself is not asked: it belongs to AWS, and grants a pull to execution roles but no description.
    """
    from kickstand.images import image_uri

    uri = image_uri(environment.region, environment.algorithm.version)
    return Finding("image", "ok", f"{uri}, by the repository's table; AWS's registry itself cannot be queried.")


def resource_type_finding(region: str) -> Finding:
    """Whether CloudFormation has every resource type of the stacks in a region, by the repository's table."""
    from kickstand.images import image_table, region_fault

    if fault := region_fault(region):
        return Finding("resource types", "problem", f"The project file {fault[0]}.", fault[1])
    if region in image_table().unlisted_regions:
        found = (
            f"cfn-lint's schemas know nothing of {region}: whether CloudFormation has the stacks' types is not known."
        )
        kind = "AWS::SageMaker::ModelPackageGroup"
        look = f"aws cloudformation describe-type --type RESOURCE --type-name {kind} --region {region}"
        return Finding("resource types", "warning", found, f"Look it up: {look}")
    return Finding("resource types", "ok", f"CloudFormation has all that the stacks need in {region}.")
