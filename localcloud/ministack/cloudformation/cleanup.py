"""The end of a stack update as on AWS: UPDATE_COMPLETE_CLEANUP_IN_PROGRESS, and events only for what changed.

ministack deletes the replaced and removed resources silently under UPDATE_IN_PROGRESS, so a stack killed there
cannot be told from one that is still updating, and reports an update of every resource, changed or not.
Status and order: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.ministack.cloudformation.operation import Stack, running
from localcloud.ministack.door.cloudformation import stacks
from localcloud.ministack.door.names import wrap


def install() -> None:
    """Give updates their clean-up phase and keep unchanged resources out of their events."""
    wrap(stacks.delete_resource, _deleting_in_cleanup)
    wrap(stacks.add_event, _only_changes)
    wrap(stacks.update_resource, _announced_update)


def begin_cleanup(stack: Stack) -> None:
    """Move a stack whose resources are all updated on to deleting what they replaced."""
    if stack["StackStatus"] != "UPDATE_IN_PROGRESS":
        return
    stack["_operation"]["cleanup"] = True
    stack["StackStatus"] = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    stacks.add_event(
        stack["StackId"],
        stack["StackName"],
        stack["StackName"],
        "AWS::CloudFormation::Stack",
        stack["StackStatus"],
        physical_id=stack["StackId"],
    )


def _deleting_in_cleanup(original: Callable[..., Any]) -> Callable[..., Any]:
    def delete(
        resource_type: str,
        physical_id: str,
        props: dict[str, Any],
        stack_name: str | None = None,
        logical_id: str | None = None,
    ) -> None:
        stack = running()
        operation = (stack or {}).get("_operation") or {}
        if stack is None or not operation.get("is_update") or "ROLLBACK" in stack["StackStatus"]:
            original(resource_type, physical_id, props, stack_name, logical_id)
            return
        begin_cleanup(stack)
        _event(stack, logical_id, resource_type, "DELETE_IN_PROGRESS", physical_id)
        original(resource_type, physical_id, props, stack_name, logical_id)
        _event(stack, logical_id, resource_type, "DELETE_COMPLETE", physical_id)

    return delete


def _event(stack: Stack, logical_id: str | None, resource_type: str, status: str, physical_id: str) -> None:
    stacks.add_event(
        stack["StackId"], stack["StackName"], logical_id or physical_id, resource_type, status, physical_id=physical_id
    )


def _only_changes(original: Callable[..., Any]) -> Callable[..., Any]:
    """Hold an update's first event of a resource back until its handler is really called; drop it otherwise."""

    def add_event(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        detailed_status: str = "",
    ) -> None:
        stack = running()
        operation = (stack or {}).get("_operation") or {}
        if stack is not None and stack["StackStatus"] == "UPDATE_IN_PROGRESS" and logical_id != stack_name:
            held = operation.get("held_event")
            previous = (operation.get("previous_stack") or {}).get("_resources", {})
            unsaid = held is None and operation.get("announced") != logical_id
            if status == "UPDATE_IN_PROGRESS" and not reason and unsaid and logical_id in previous:
                known = previous[logical_id].get("PhysicalResourceId", "")
                operation["held_event"] = (stack_id, stack_name, logical_id, resource_type, status, reason, known)
                return
            if held is not None and held[2] == logical_id:
                operation["held_event"] = None
                if status == "UPDATE_COMPLETE":
                    return
                if reason and status == "UPDATE_IN_PROGRESS":
                    held = None  # this event says the same and why
                if held is not None:
                    original(*held)
        original(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)

    return add_event


def _announced_update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(
        resource_type: str,
        physical_id: str,
        old_props: dict[str, Any],
        new_props: dict[str, Any],
        stack_name: str,
        logical_id: str | None = None,
        old_attrs: dict[str, Any] | None = None,
    ) -> Any:
        operation = (running() or {}).get("_operation") or {}
        held = operation.get("held_event")
        if held is not None and held[2] == logical_id and old_props != new_props:
            operation.update(held_event=None, announced=logical_id)
            stacks.add_event(*held)
        return original(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)

    return update
