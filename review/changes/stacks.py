"""A stack as it is deployed, beside the stack as the cloud assembly has it; and how both are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kickstand.aws.deployed import HOLDS_NOTHING, find_stack
from kickstand.aws.errors import explained
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.names import Names

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True, slots=True)
class StackPair:
    """The two templates of one stack, as JSON; at least one of them is there.

    live None:    the stack does not exist, or no more of it than a change set that was never executed.
    planned None: the assembly has no such stack (its release was removed). CloudFormation does not delete it by itself.
    """

    stack: str
    """Its name, `bikes-prod-hosting`."""
    live: Mapping[str, Any] | None
    planned: Mapping[str, Any] | None
    live_tags: Mapping[str, str] = field(default_factory=dict)
    """The stack's own tags, which CloudFormation puts on its resources."""
    planned_tags: Mapping[str, str] = field(default_factory=dict)
    live_minutes: int = 0
    """How long CloudFormation watches the rollback triggers of the stack after its last update."""
    planned_minutes: int = 0
    """How long it will after the next one: of the hosting stack, where it is there already."""


def read_pairs(cloudformation: CloudFormationClient, assembly: Path, names: Names) -> tuple[StackPair, ...]:
    """The environment's stacks as they are deployed and as the assembly has them, in the order they are deployed.

    assembly: what `cdk synth` wrote (`cdk.out/PROJECT-ENV`); its nested assemblies are read too. Stacks of other
    environments, which a synthesis of the whole project has too, are not of this one.
    A stack that is deployed and that the assembly no longer has comes last, without a planned template.

    InputError: the folder is no cloud assembly. KickstandError: AWS does not tell.
    """
    own = _known(names)
    planned = {stack: (template, tags) for stack, template, tags in planned_stacks(assembly) if stack in own}
    known = (names.training_stack, names.hosting_stack)
    pairs = []
    for stack in [*planned, *(stack for stack in known if stack not in planned)]:
        live, live_tags, before = _live(cloudformation, stack)
        template, tags = planned.get(stack, (None, {}))
        watched = stack == names.hosting_stack and live is not None and template is not None
        minutes = names.environment.traffic_shift.monitoring_minutes if watched else 0
        if live is not None or template is not None:
            pairs.append(StackPair(stack, live, template, live_tags, tags, before, minutes))
    return tuple(pairs)


def live_pairs(cloudformation: CloudFormationClient, names: Names) -> tuple[StackPair, ...]:
    """The environment's deployed stacks alone, in the order they are deployed. KickstandError: AWS does not tell."""
    found = ((stack, *_live(cloudformation, stack)) for stack in _known(names))
    return tuple(StackPair(stack, template, None, tags) for stack, template, tags, _ in found if template is not None)


def _known(names: Names) -> tuple[str, ...]:
    return names.training_stack, names.hosting_stack, names.pipeline_stack


def planned_stacks(assembly: Path) -> tuple[tuple[str, Mapping[str, Any], Mapping[str, str]], ...]:
    """(name, template, tags) of each stack of a cloud assembly, in the order they are deployed."""
    found = {key: (folder, artifact) for folder, key, artifact in _artifacts(assembly)}
    ordered: dict[str, None] = {}

    def visit(key: str) -> None:
        if key in ordered or key not in found:
            return
        for needed in found[key][1].get("dependencies", ()):
            visit(needed)
        ordered[key] = None

    for key in found:
        visit(key)
    stacks = []
    for key in ordered:
        folder, artifact = found[key]
        if artifact["type"] == "aws:cloudformation:stack":
            properties = artifact["properties"]
            template = _json(folder / properties["templateFile"])
            stacks.append((properties.get("stackName", key), template, dict(properties.get("tags") or {})))
    return tuple(stacks)


def _artifacts(assembly: Path) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    for key, artifact in _json(assembly / "manifest.json").get("artifacts", {}).items():
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _artifacts(assembly / artifact["properties"]["directoryName"])
        else:
            yield assembly, key, artifact


def _json(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = parse_json(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"This is no cloud assembly: {error}"
        raise InputError(Problem(message, str(file), "Make it anew: kickstand review.")) from None
    return found


def _live(cloudformation: CloudFormationClient, stack: str) -> tuple[Mapping[str, Any] | None, Mapping[str, str], int]:
    """The deployed template, as it was handed in, the stack's tags, and the minutes that its rollback triggers are
    watched; None where nothing is deployed."""
    with explained("asking what is deployed", f"stack {stack}"):
        described = find_stack(cloudformation, stack)
        if described is None or described["StackStatus"] in HOLDS_NOTHING:
            return None, {}, 0
        body = cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
    minutes = described.get("RollbackConfiguration", {}).get("MonitoringTimeInMinutes", 0)
    if isinstance(body, str):  # botocore parses JSON; what it leaves as text is something else
        try:
            body = parse_json(body)
        except ValueError:
            message = "The deployed template is not JSON: this stack was not made by Kickstand."
            raise KickstandError(Problem(message, f"stack {stack}", "Deploy it again from the assembly.")) from None
    return body, tags, minutes
