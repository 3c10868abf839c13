"""Which stack operation is allowed in which state, as on AWS; and that a deleted stack stays on record.

ministack checks states for UpdateStack only: two deployments of one stack at a time would run into each other, and
a stack that failed to be created could be updated. And it forgets a deleted stack when another gets its name: AWS
lists it, and has its events by its id, for 90 days.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.ministack.door.cloudformation import changesets, cloudformation, handlers, helpers
from localcloud.ministack.door.names import entry

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
    entry(table, "CreateChangeSet", _guarded(_create_refusal), "_ACTION_HANDLERS")
    entry(table, "ExecuteChangeSet", _guarded(_execute_refusal), "_ACTION_HANDLERS")
    entry(table, "DeleteStack", _guarded(_delete_refusal), "_ACTION_HANDLERS")
    entry(table, "GetTemplate", _guarded(_template_refusal), "_ACTION_HANDLERS")
    for action in ("CreateStack", "CreateChangeSet"):
        entry(table, action, _remembering, "_ACTION_HANDLERS")


def _remembering(original: Callable[..., Any]) -> Callable[..., Any]:
    """Keep the record of a deleted stack under its id, where a new one takes its name."""

    def handler(params: dict[str, Any]) -> Any:
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

    return handler


def _guarded(refusal: Callable[[dict[str, Any]], str | None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def handler(params: dict[str, Any]) -> Any:
            reason = refusal(params)
            return helpers.error("ValidationError", reason) if reason else original(params)

        return handler

    return make


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
