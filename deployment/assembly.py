"""A cloud assembly: what synthesis made of one commit, its digest and its stacks; synthesised without the CDK CLI."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from deployment.cdk import BIN, REPOSITORY, node
from kickstand.config.model import Environment
from kickstand.errors import InputError, Problem
from kickstand.json_text import parse_json
from kickstand.names import Names, partition
from kickstand.release.model import Release

if TYPE_CHECKING:
    from kickstand.config.model import Project


_SECONDS = 300


def run_app(
    project: Project, environment: Environment, releases: Path, folder: Path, **context: str
) -> subprocess.CompletedProcess[str]:
    """Synthesise one environment into a folder; how it ended, and what it said.

    releases: the folder of the release files. context: further context values, `policy="on"`.
    The app is the one that the CDK command line runs: what CDK_APP names, else app.py.
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
        shlex.split(os.environ.get("CDK_APP", "")) or [sys.executable, str(REPOSITORY / "app.py")],
        cwd=REPOSITORY,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )


_NOT_OF_IT = (".cache", "synth.lock", "read.*.lock", "performance-counters.json")
"""What the CDK leaves in an assembly and is none of it. Its command line: packed assets (aws-cdk 2.1148,
FileAssetHandler: `.cache` in the folder of the asset manifest), and the locks of synthesis and of readers (RWLock),
which stay behind where it was killed. Its library: how long the parts of a slow synthesis took."""


@dataclass(frozen=True, slots=True)
class AssembledStack:
    """One stack of an assembly."""

    name: str
    """Its name in CloudFormation, `bikes-dev-training`."""
    display_name: str
    """As `cdk deploy` takes it: `dev/training`."""
    environment: str
    """`aws://ACCOUNT/REGION`."""
    template: Mapping[str, Any]
    deploy_role_arn: str
    """The role of the bootstrap stack that deploys it; empty where none is assumed."""


def assembly_digest(folder: Path) -> str:
    """SHA-256 (hex) of an assembly: of the sorted listing `<sha256>  <relative path>\\n` of all its files.

    The same by hand, in the folder: `find . -type f -printf "%P\\n" | LC_ALL=C sort | xargs sha256sum | sha256sum`.
    What the CDK leaves there and deploys not is left out. Raises InputError where there is no assembly.
    """
    _manifest(folder)
    lines = []
    for file in folder.rglob("*"):
        place = PurePosixPath(file.relative_to(folder).as_posix())
        if file.is_file() and not _not_of_it(place):
            lines.append(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {place}\n")
    lines.sort(key=lambda line: line[66:])
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def assembled_stacks(folder: Path) -> dict[str, AssembledStack]:
    """The stacks of an assembly and of its stages, by their names. Raises InputError where there is no assembly."""
    try:
        return {stack.name: stack for stack in _stacks(folder)}
    except (LookupError, TypeError, AttributeError, RecursionError):
        message = "The cloud assembly is broken: its manifests do not list stacks as the CDK writes them."
        raise InputError(Problem(message, str(folder), "Make it: cdk synth --output DIR.")) from None


def require_assembly(folder: Path, environment: Environment, release: Release | None) -> dict[str, AssembledStack]:
    """The stacks of one environment in an assembly.

    Raises InputError where it is no assembly, one of another environment, account or region, or where it was made
    of another release than the environment's release file holds now.
    """
    names = Names(environment)
    stacks = assembled_stacks(folder)
    own = {name: stacks[name] for name in (names.training_stack, names.hosting_stack) if name in stacks}
    problems = list(_problems(folder, environment, release, own, others=sorted(stacks)))
    if problems:
        raise InputError(*problems)
    return own


def _problems(
    folder: Path,
    environment: Environment,
    release: Release | None,
    own: Mapping[str, AssembledStack],
    others: list[str],
) -> Iterator[Problem]:
    names, synth = Names(environment), "Synthesise it again, or leave --assembly out."
    if names.training_stack not in own:
        message = f"The cloud assembly has no stack {names.training_stack}; it has {', '.join(others) or 'none'}."
        yield Problem(message, str(folder), synth)
        return
    place = f"aws://{environment.account}/{environment.region}"
    for stack in own.values():
        if stack.environment != place:
            message = f"The assembly deploys {stack.name} to {stack.environment}; {environment.name} is {place}."
            yield Problem(message, str(folder), synth)
    hosting = own.get(names.hosting_stack)
    file = f"releases/{environment.name}.json"
    if (hosting is None) != (release is None):
        message = (
            f"The assembly has no hosting stack, but there is a release ({file})."
            if hosting is None
            else f"The assembly hosts a model, but there is no release ({file})."
        )
        yield Problem(message, str(folder), synth)
    elif hosting is not None and release is not None and release.artifact.s3_uri not in json.dumps(hosting.template):
        message = f"The assembly hosts another model than {release.artifact.s3_uri}, which {file} names."
        yield Problem(message, str(folder), synth)


def _manifest(folder: Path) -> Mapping[str, Any]:
    try:
        found = parse_json((folder / "manifest.json").read_bytes())
        if not isinstance(found, dict) or not (folder / "cdk.out").is_file():
            raise ValueError
    except (OSError, ValueError):
        message = "This is no cloud assembly: a folder that `cdk synth` wrote has a manifest.json and a file cdk.out."
        raise InputError(Problem(message, str(folder), "Make it: cdk synth --output DIR.")) from None
    return found


def _stacks(folder: Path) -> Iterator[AssembledStack]:
    for artifact in _manifest(folder).get("artifacts", {}).values():
        properties = artifact.get("properties", {})
        if artifact.get("type") == "cdk:cloud-assembly":
            yield from _stacks(folder / properties["directoryName"])
        if artifact.get("type") == "aws:cloudformation:stack":
            place = str(artifact.get("environment", ""))
            role = str(properties.get("assumeRoleArn", ""))
            yield AssembledStack(
                name=str(properties.get("stackName", "")),
                display_name=str(artifact.get("displayName", "")),
                environment=place,
                template=_template(folder / properties["templateFile"]),
                deploy_role_arn=role.replace("${AWS::Partition}", partition(place.rpartition("/")[2])),
            )


def _template(file: Path) -> Mapping[str, Any]:
    try:
        found = parse_json(file.read_bytes())
        if not isinstance(found, dict):
            raise ValueError
    except (OSError, ValueError):
        message = "The cloud assembly is broken: this template is missing, or no template."
        raise InputError(Problem(message, str(file), "Synthesise it again, or leave --assembly out.")) from None
    return found


def _not_of_it(place: PurePosixPath) -> bool:
    return any(PurePosixPath(part).match(pattern) for part in place.parts for pattern in _NOT_OF_IT)
