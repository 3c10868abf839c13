"""What a change set says of a property: whether its change replaces the resource, and that tags are tags.

ministack knows the replacing properties of some types and calls the change of any property of the others (a bucket's
lifecycle rules, a bucket policy's statements) conditionally replacing; a name that is given to one of those is changed
in place instead of the resource being replaced. CloudFormation goes by the types' schemas, for the change set and for
the deployment. It also tells of a resource's `Tags` as of an attribute of the resource, not as of a property.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kickstand.resource_schema import resource_schema
from localcloud.emulator.context import region
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


def install() -> None:
    """Let the resource schemas say what replaces, and list tags as CloudFormation does."""
    wrap(RECREATION, _by_schema)
    wrap(DIFF, _tags_as_attribute)


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
