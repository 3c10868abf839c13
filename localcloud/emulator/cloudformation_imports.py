"""Existing resources taken into a stack: `cdk import`, and `cdk deploy --import-existing-resources`.

ministack adopts buckets and log groups, but its validation before a deployment refuses the very bucket that is to be
imported, and it knows no import of bucket policies. Types say here how they are identified.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.cloudformation_operation import running
from localcloud.emulator.seam import Seam, attribute, wrap

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


def install() -> None:
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
