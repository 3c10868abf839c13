"""How a stack operation completes, as on AWS: the clean-up phase of an update, its events, outputs and exports.

ministack deletes the replaced and removed resources silently under UPDATE_IN_PROGRESS, so a stack killed there
cannot be told from one that is still updating, and reports an update of every resource, changed or not.
It answers "didn't contain changes" to a change set that only changes outputs, so the export that another stack waits
for never appears; it also leaves the exports that a template no longer has.
Status and order: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
Exports: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from localcloud.ministack.cloudformation.operation import Stack, running
from localcloud.ministack.door.cloudformation import cloudformation, engine, handlers, stacks
from localcloud.ministack.door.names import correct, correct_entry


def install_cleanup() -> None:
    """Give updates their clean-up phase and keep unchanged resources out of their events."""
    correct(stacks.delete_resource, _deleting_in_cleanup)
    correct(stacks.add_event, _only_changes)
    correct(stacks.update_resource, _announced_update)


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


def _deleting_in_cleanup(
    original: Callable[..., Any],
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


def _event(stack: Stack, logical_id: str | None, resource_type: str, status: str, physical_id: str) -> None:
    stacks.add_event(
        stack["StackId"], stack["StackName"], logical_id or physical_id, resource_type, status, physical_id=physical_id
    )


def _only_changes(
    original: Callable[..., Any],
    stack_id: str,
    stack_name: str,
    logical_id: str,
    resource_type: str,
    status: str,
    reason: str = "",
    physical_id: str = "",
    detailed_status: str = "",
) -> None:
    """Hold an update's first event of a resource back until its handler is really called; drop it otherwise."""
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


def _announced_update(
    original: Callable[..., Any],
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


NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def install_outputs() -> None:
    """Let outputs count as changes, drop exports that are gone, and protect those that are in use."""
    correct_entry(handlers.ACTION_HANDLERS, "CreateChangeSet", _outputs_count, "_ACTION_HANDLERS")
    correct(stacks.resolve_stack_outputs, _checked_exports)
    correct(stacks.deploy_stack_async, _settled_outputs)


def _outputs_count(original: Callable[..., Any], params: dict[str, Any]) -> Any:
    response = original(params)
    if response[0] != 200:
        return response

    change_set = cloudformation.change_sets[_change_set_id(response[2])]
    unchanged = change_set["Status"] == "FAILED" and change_set["StatusReason"] == NO_CHANGES
    if unchanged and change_set["ChangeSetType"] == "UPDATE":
        stack = cloudformation.stacks[change_set["StackName"]]
        if _new_outputs(stack, change_set) != _outputs(stack):
            change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
    return response


def _change_set_id(body: bytes | str) -> str:
    root = ElementTree.fromstring(body)  # noqa: S314  (the server's own answer)
    return next(element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == "Id")


def _new_outputs(stack: Stack, change_set: dict[str, Any]) -> dict[str, tuple[Any, ...]] | None:
    """The outputs that the change set's template would give on the resources as they are; None: not resolvable."""
    template, values = change_set["_template"], change_set["_resolved_params"]
    try:
        with stacks.stack_region_context(stack, stack["StackId"]):
            outputs, _ = stacks.resolve_stack_outputs(
                template.get("Outputs", {}),
                engine.evaluate_conditions(template, values),
                stack.get("_resources", {}),
                values,
                template.get("Mappings", {}),
                stack["StackName"],
                stack["StackId"],
            )
    except Exception:  # the deployment itself will say what is wrong with it
        return None
    return _by_key(outputs)


def _outputs(stack: Stack) -> dict[str, tuple[Any, ...]]:
    return _by_key(stack.get("Outputs", []))


def _by_key(outputs: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {
        output["OutputKey"]: (output["OutputValue"], output.get("Description", ""), output.get("ExportName"))
        for output in outputs
    }


def _checked_exports(
    original: Callable[..., Any],
    outputs_defs: dict[str, Any],
    conditions: dict[str, Any],
    resources: dict[str, Any],
    param_values: dict[str, Any],
    mappings: dict[str, Any],
    stack_name: str,
    stack_id: str,
) -> Any:
    outputs, exports = original(outputs_defs, conditions, resources, param_values, mappings, stack_name, stack_id)
    stack = running()
    if stack is not None and stack["StackId"] == stack_id:
        problem = _export_problem(stack, exports)
        if problem:
            raise ValueError(problem)
    return outputs, exports


def _export_problem(stack: Stack, exports: dict[str, dict[str, Any]]) -> str | None:
    """AWS's refusal of an operation that would take an export from a stack that imports it, or None."""
    for name in exports:
        taken = cloudformation.exports.get(name)
        if taken is not None and taken["StackId"] != stack["StackId"]:
            owner = taken["StackId"].split("/")[1]
            return f"Export with name {name} is already exported by stack {owner}. Rollback requested by user."
    for name, current in list(cloudformation.exports.items()):
        if current["StackId"] != stack["StackId"]:
            continue
        verb = "deleted" if name not in exports else "updated" if exports[name]["Value"] != current["Value"] else ""
        users = _importers(name, stack["StackName"]) if verb else []
        if users:
            return f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}"
    return None


def _importers(export: str, owner: str) -> list[str]:
    return sorted(
        name
        for name, stack in cloudformation.stacks.items()
        if name != owner
        and stack["StackStatus"] not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
        and export in handlers.imported_export_names(stack, name)
    )


async def _settled_outputs(
    original: Callable[..., Any], stack_name: str, stack_id: str, template: dict[str, Any], *rest: Any, **named: Any
) -> None:
    await original(stack_name, stack_id, template, *rest, **named)

    stack = cloudformation.stacks.get(stack_name)
    if stack is not None and stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        settle(stack, template)


def settle(stack: Stack, template: dict[str, Any]) -> None:
    """Drop the exports that the stack no longer has, and let it report its template's description."""
    kept = {output.get("ExportName") for output in stack.get("Outputs", [])}
    for name, export in list(cloudformation.exports.items()):
        if export["StackId"] == stack["StackId"] and name not in kept:
            del cloudformation.exports[name]
    stack["Description"] = template.get("Description", "")
