"""What a change set imports is no conflict of names: `cdk deploy --import-existing-resources` takes back what is kept.

ministack adopts buckets and log groups, but its validation before a deployment refuses the very bucket that is to be
imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.cloudformation_operation import running
from localcloud.emulator.seam import Seam, wrap

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
    """Leave the imported buckets out of the conflicts."""
    wrap(VALIDATE, _without_imported)


def _without_imported(original: Callable[..., Any]) -> Callable[..., Any]:
    def validation_errors(*given: Any) -> Any:
        *before, owned = given
        operation = (running() or {}).get("_operation") or {}
        imported = {each["BucketName"] for each in operation.get("imports", {}).values() if "BucketName" in each}
        return original(*before, frozenset(owned) | imported)

    return validation_errors
