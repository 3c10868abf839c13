"""Change sets: who may create one, what replaces a resource, tags, and existing resources that are imported.

Imports are those of `cdk import` and `cdk deploy --import-existing-resources`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kickstand.aws.resource_schema import resource_schema
from kickstand.names import partition
from localcloud.ministack.cloudformation.operation import running
from localcloud.ministack.door.cloudformation import changesets, provisioners, stacks
from localcloud.ministack.door.names import wrap
from localcloud.ministack.door.s3 import s3
from localcloud.ministack.iam.acting import require
from localcloud.ministack.iam.sts import AccessDenied
from localcloud.ministack.registry import account_id, region

_SSM_VALUE = "AWS::SSM::Parameter::Value<"


def install_change_sets() -> None:
    """Read parameters as the caller, let the resource schemas say what replaces, list tags as CloudFormation does."""
    wrap(changesets.resolve_parameters, _read_as_caller)
    wrap(provisioners.property_recreation, _by_schema)
    wrap(stacks.diff_resources, _tags_as_attribute)


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


def install_imports() -> None:
    """Leave the imported buckets out of the conflicts; make bucket policies importable."""
    wrap(stacks.validation_errors, _without_imported)
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

    changesets.IMPORT_LOOKUPS[type_name] = ((identifier,), problem)
    provisioners.RESOURCE_HANDLERS[type_name]["import"] = take


def _bucket_policy(bucket: str) -> tuple[str, dict[str, Any]] | None:
    return (f"{bucket}-policy", {}) if bucket in s3.bucket_policies else None


def _without_imported(original: Callable[..., Any]) -> Callable[..., Any]:
    def validation_errors(*given: Any) -> Any:
        *before, owned = given
        operation = (running() or {}).get("_operation") or {}
        imported = {each["BucketName"] for each in operation.get("imports", {}).values() if "BucketName" in each}
        return original(*before, frozenset(owned) | imported)

    return validation_errors
