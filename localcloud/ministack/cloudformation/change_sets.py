"""Change sets, and which stack operation is allowed in which state, as on AWS.

Who may create one, what replaces a resource, tags, and existing resources that are imported: the imports are those of
`cdk import` and `cdk deploy --import-existing-resources`.
ministack checks states for UpdateStack only: two deployments of one stack at a time would run into each other, and
a stack that failed to be created could be updated. And it forgets a deleted stack when another gets its name: AWS
lists it, and has its events by its id, for 90 days.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kickstand.aws.resource_schema import resource_schema
from kickstand.names import partition
from localcloud.ministack.cloudformation.operation import running
from localcloud.ministack.door.cloudformation import changesets, cloudformation, handlers, helpers, provisioners, stacks
from localcloud.ministack.door.names import correct, correct_entry
from localcloud.ministack.door.services import s3
from localcloud.ministack.iam.acting import require
from localcloud.ministack.iam.sts import AccessDenied
from localcloud.ministack.registry import account_id, region

UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        # CloudFormation accepts an update of a stack that was told not to roll back.
        "CREATE_FAILED",
        "UPDATE_FAILED",
    }
)
"""States from which a stack can be updated: describe-stacks page of the CloudFormation user guide."""

DELETABLE_WHILE_RUNNING = frozenset({"REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS"})


def install_states() -> None:
    """Refuse change sets, executions, deletions and templates that AWS refuses because of the stack's state."""
    table = handlers.ACTION_HANDLERS
    correct_entry(table, "CreateChangeSet", partial(_guarded, _create_refusal), "_ACTION_HANDLERS")
    correct_entry(table, "ExecuteChangeSet", partial(_guarded, _execute_refusal), "_ACTION_HANDLERS")
    correct_entry(table, "DeleteStack", partial(_guarded, _delete_refusal), "_ACTION_HANDLERS")
    correct_entry(table, "GetTemplate", partial(_guarded, _template_refusal), "_ACTION_HANDLERS")
    for action in ("CreateStack", "CreateChangeSet"):
        correct_entry(table, action, _remembering, "_ACTION_HANDLERS")


def _remembering(original: Callable[..., Any], params: dict[str, Any]) -> Any:
    """Keep the record of a deleted stack under its id, where a new one takes its name."""
    name = helpers.p(params, "StackName")
    before = cloudformation.stacks.get(name)
    answer = original(params)
    if (
        before is not None
        and before["StackStatus"] == "DELETE_COMPLETE"
        and cloudformation.stacks.get(name) is not before
    ):
        cloudformation.stacks[before["StackId"]] = before
    return answer


def _guarded(
    refusal: Callable[[dict[str, Any]], str | None], original: Callable[..., Any], params: dict[str, Any]
) -> Any:
    reason = refusal(params)
    return helpers.error("ValidationError", reason) if reason else original(params)


def _stack(params: dict[str, Any]) -> dict[str, Any] | None:
    name = helpers.p(params, "StackName")
    stack: dict[str, Any] | None = handlers.resolve_stack(name) if name else None
    if stack is None or stack["StackStatus"] == "DELETE_COMPLETE":
        return None
    return stack


def _create_refusal(params: dict[str, Any]) -> str | None:
    stack = _stack(params)
    if stack is None:
        return None
    status = stack["StackStatus"]
    kind = helpers.p(params, "ChangeSetType", "UPDATE")
    if kind == "CREATE" and status != "REVIEW_IN_PROGRESS":
        return (
            f"Stack [{stack['StackName']}] already exists and cannot be created again with the changeSet "
            f"[{helpers.p(params, 'ChangeSetName')}]."
        )
    if kind == "UPDATE" and status not in UPDATABLE:
        return f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    return None


def _execute_refusal(params: dict[str, Any]) -> str | None:
    _, change_set = changesets.find_change_set(helpers.p(params, "ChangeSetName"), helpers.p(params, "StackName"))
    stack = cloudformation.stacks.get(change_set["StackName"]) if change_set else None
    if stack is None:
        return None
    status = stack["StackStatus"]
    if status == "REVIEW_IN_PROGRESS" or status in UPDATABLE:
        return None
    return f"Stack:{stack['StackId']} is in {status} state and can not be updated."


def _delete_refusal(params: dict[str, Any]) -> str | None:
    stack = _stack(params)
    if stack is None:
        return None
    status = stack["StackStatus"]
    if status.endswith("_IN_PROGRESS") and status not in DELETABLE_WHILE_RUNNING:
        return f"Stack [{stack['StackName']}] cannot be deleted while in status {status}"
    return None


def _template_refusal(params: dict[str, Any]) -> str | None:
    """A deleted stack is asked for by its id alone.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html, StackName
    """
    name = helpers.p(params, "StackName")
    if not name or name.startswith("arn:") or helpers.p(params, "ChangeSetName") or _stack(params) is not None:
        return None
    return f"Stack with id {name} does not exist"


_SSM_VALUE = "AWS::SSM::Parameter::Value<"


def install_change_sets() -> None:
    """Read parameters as the caller, let the resource schemas say what replaces, list tags as CloudFormation does."""
    correct(changesets.resolve_parameters, _read_as_caller)
    correct(provisioners.property_recreation, _by_schema)
    correct(stacks.diff_resources, _tags_as_attribute)


def _read_as_caller(
    original: Callable[..., Any], template: dict[str, Any], provided: list[dict[str, Any]], *previous: Any
) -> Any:
    given = {one["Key"]: one.get("Value") for one in provided if "Key" in one}
    for name, definition in template.get("Parameters", {}).items():
        parameter = given.get(name) or definition.get("Default")
        if str(definition.get("Type", "")).startswith(_SSM_VALUE) and parameter:
            _require_reading(str(parameter))
    return original(template, provided, *previous)


def _require_reading(parameter: str) -> None:
    """Raises ValueError, which the emulator answers as CloudFormation's ValidationError."""
    place = f"{partition(region())}:ssm:{region()}:{account_id()}"
    arn = f"arn:{place}:parameter/{parameter.removeprefix('/')}"
    try:
        require("ssm:GetParameters", arn)
    except AccessDenied as refused:
        raise ValueError(str(refused)) from None


def _by_schema(original: Callable[..., Any], resource_type: str, name: str) -> Any:
    schema = resource_schema(region(), resource_type)
    return schema.recreation(name) if schema.known else original(resource_type, name)


def _tags_as_attribute(original: Callable[..., Any], *arguments: Any, **named: Any) -> list[dict[str, Any]]:
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


def install_imports() -> None:
    """Leave the imported buckets out of the conflicts; make bucket policies importable."""
    correct(stacks.validation_errors, _without_imported)
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


def _without_imported(original: Callable[..., Any], *given: Any) -> Any:
    *before, owned = given
    operation = (running() or {}).get("_operation") or {}
    imported = {each["BucketName"] for each in operation.get("imports", {}).values() if "BucketName" in each}
    return original(*before, frozenset(owned) | imported)
