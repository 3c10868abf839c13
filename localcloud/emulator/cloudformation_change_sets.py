"""Change sets: who may make one, what it says replaces a resource, and that tags are tags.

ministack knows the replacing properties of some types and calls the change of any property of the others (a bucket's
lifecycle rules, a bucket policy's statements) conditionally replacing; a name that is given to one of those is changed
in place instead of the resource being replaced. CloudFormation goes by the types' schemas, for the change set and for
the deployment. It also tells of a resource's `Tags` as of an attribute of the resource, not as of a property.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html

The values of a template's SSM parameters CloudFormation reads as whoever makes the change set: for that the CDK's
bootstrap template gives its deploy role ssm:GetParameters, and every template of the CDK has such a parameter.
https://github.com/aws/aws-cdk/pull/28336
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kickstand.names import partition
from kickstand.resource_schema import resource_schema
from localcloud.emulator.acting import require
from localcloud.emulator.context import account_id, region
from localcloud.emulator.credentials import AccessDenied
from localcloud.emulator.seam import Seam, wrap

STACKS = "ministack.services.cloudformation.stacks"

RECREATION = Seam(
    "ministack.services.cloudformation.provisioners", "_property_recreation", ("resource_type", "name"), (STACKS,)
)
DIFF = Seam(
    STACKS,
    "_diff_resources",
    ("old_template", "new_template", "resources", "template", "changed_params", "retag"),
    ("ministack.services.cloudformation.changesets",),
)
PARAMETERS = Seam(
    "ministack.services.cloudformation.changesets",
    "_resolve_parameters",
    ("template", "provided_params", "previous_params"),
)
_SSM_VALUE = "AWS::SSM::Parameter::Value<"


def install() -> None:
    """Read parameters as the caller, let the resource schemas say what replaces, list tags as CloudFormation does."""
    wrap(PARAMETERS, _read_as_caller)
    wrap(RECREATION, _by_schema)
    wrap(DIFF, _tags_as_attribute)


def _read_as_caller(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(template: dict[str, Any], provided: list[dict[str, Any]], *previous: Any) -> Any:
        given = {one["Key"]: one.get("Value") for one in provided if "Key" in one}
        for name, definition in template.get("Parameters", {}).items():
            parameter = given.get(name) or definition.get("Default")
            if str(definition.get("Type", "")).startswith(_SSM_VALUE) and parameter:
                _require_reading(str(parameter))
        return original(template, provided, *previous)

    return resolve


def _require_reading(parameter: str) -> None:
    """Raises ValueError, which the emulator answers as CloudFormation's ValidationError."""
    place = f"{partition(region())}:ssm:{region()}:{account_id()}"
    arn = f"arn:{place}:parameter/{parameter.removeprefix('/')}"
    try:
        require("ssm:GetParameters", arn)
    except AccessDenied as refused:
        raise ValueError(str(refused)) from None


def _by_schema(original: Callable[..., Any]) -> Callable[..., Any]:
    def recreation(resource_type: str, name: str) -> Any:
        schema = resource_schema(region(), resource_type)
        return schema.recreation(name) if schema.known else original(resource_type, name)

    return recreation


def _tags_as_attribute(original: Callable[..., Any]) -> Callable[..., Any]:
    def diff(*arguments: Any, **named: Any) -> list[dict[str, Any]]:
        changes: list[dict[str, Any]] = original(*arguments, **named)
        for change in changes:
            details = change["ResourceChange"].get("Details", [])
            for target in (detail["Target"] for detail in details):
                if target["Attribute"] == "Properties" and target.get("Name") == "Tags":
                    target["Attribute"] = "Tags"
                    del target["Name"]
            if details:
                scope = dict.fromkeys(detail["Target"]["Attribute"] for detail in details)
                change["ResourceChange"]["Scope"] = sorted(scope, key=lambda one: one == "Tags")
        return changes

    return diff
