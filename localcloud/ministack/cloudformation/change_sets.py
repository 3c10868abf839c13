"""Change sets: who may create one, what replaces a resource, tags, and existing resources that are imported.

Imports are those of `cdk import` and `cdk deploy --import-existing-resources`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kickstand.aws.resource_schema import resource_schema
from kickstand.names import partition
from localcloud.ministack.cloudformation.operation import running
from localcloud.ministack.iam.acting import require
from localcloud.ministack.iam.sts import AccessDenied
from localcloud.ministack.registry import account_id, region
from localcloud.ministack.seam import Seam, attribute, wrap

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


def install_change_sets() -> None:
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


PROVISIONERS = "ministack.services.cloudformation.provisioners"
CHANGESETS = "ministack.services.cloudformation.changesets"
VALIDATE = Seam(
    "ministack.services.cloudformation.stacks",
    "_validation_errors",
    (
        "resources_defs",
        "ordered",
        "param_values",
        "conditions",
        "mappings",
        "stack_name",
        "stack_id",
        "owned_buckets",
    ),
)


def install_imports() -> None:
    """Leave the imported buckets out of the conflicts; make bucket policies importable."""
    wrap(VALIDATE, _without_imported)
    make_importable("AWS::S3::BucketPolicy", "Bucket", _bucket_policy)


def make_importable(type_name: str, identifier: str, adopt: Callable[[str], tuple[str, dict[str, Any]] | None]) -> None:
    """Let change sets import resources of a type.

    identifier: the schema's primaryIdentifier. One that the template gives (a bucket's name) is found by
                ImportExistingResources too; one that only AWS gives (an ARN) is not, as on AWS.
    adopt:      an existing resource's physical id and attributes by its identifier; None where there is none.
    """

    def problem(value: str) -> str | None:
        missing = f"Resource of type '{type_name}' with identifier '{value}' was not found."
        return missing if adopt(value) is None else None

    def take(given: dict[str, str]) -> tuple[str, dict[str, Any]]:
        found = adopt(given[identifier])
        if found is None:
            raise ValueError(problem(given[identifier]))
        return found

    attribute(CHANGESETS, "_IMPORT_LOOKUPS", dict)[type_name] = ((identifier,), problem)
    attribute(PROVISIONERS, "_RESOURCE_HANDLERS", dict)[type_name]["import"] = take


def _bucket_policy(bucket: str) -> tuple[str, dict[str, Any]] | None:
    from ministack.services import s3

    return (f"{bucket}-policy", {}) if bucket in s3._bucket_policies else None


def _without_imported(original: Callable[..., Any]) -> Callable[..., Any]:
    def validation_errors(*given: Any) -> Any:
        *before, owned = given
        operation = (running() or {}).get("_operation") or {}
        imported = {each["BucketName"] for each in operation.get("imports", {}).values() if "BucketName" in each}
        return original(*before, frozenset(owned) | imported)

    return validation_errors
