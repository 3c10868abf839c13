"""Stack operations that the end of the process cut short, taken back (or finished) at the next start.

A stack is never left *_IN_PROGRESS by a restart: an interrupted create is rolled back (what it made is deleted),
an interrupted update goes back to the previous template, one that only had old resources left to delete is
finished, and an interrupted delete becomes DELETE_FAILED, which can be deleted again. The stack events say why.
"""

from __future__ import annotations

import copy
import logging
from typing import Any

from localcloud.ministack.cloudformation.completion import settle
from localcloud.ministack.cloudformation.operation import Stack, running_stack
from localcloud.ministack.cloudformation.permissions.stack_role import acting_for
from localcloud.ministack.door.cloudformation import cloudformation, engine, stacks
from localcloud.ministack.door.core import concurrency
from localcloud.ministack.door.names import entries
from localcloud.ministack.registry import request_scope

REASON = "The local cloud ended while this operation was running."

logger = logging.getLogger("cloudformation")


async def recover() -> None:
    """Bring every stack and change set that a restart found at work into a settled state.

    Runs once the state is loaded and the server answers (rolling an endpoint back asks the server for its model).
    """
    for change_set in list(cloudformation.change_sets.all_values()):
        if change_set.get("ExecutionStatus") == "EXECUTE_IN_PROGRESS":
            change_set["ExecutionStatus"] = "EXECUTE_FAILED"
    for (account, region, name), stack in list(entries(cloudformation.stacks).items()):
        status = stack.get("StackStatus", "")
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            continue
        logger.warning("stack %s was found %s", name, status)
        with request_scope(account, region):
            try:
                await _settle(stack, status)
            except Exception as error:
                logger.exception("stack %s could not be brought back", name)
                _end(stack, _failed(status), f"{REASON} Bringing it back failed: {error}")
            finally:
                stack["_operation"] = None


async def _settle(stack: Stack, status: str) -> None:
    if status == "DELETE_IN_PROGRESS":
        _end(stack, "DELETE_FAILED", REASON)
    elif status.startswith("IMPORT_"):
        _end(stack, "IMPORT_ROLLBACK_FAILED", REASON)
    elif status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
        await _finish_cleanup(stack)
    elif status == "UPDATE_ROLLBACK_IN_PROGRESS" and stack.get("_rollback_failed"):
        await stacks.continue_update_rollback_async(stack["StackName"], stack["StackId"], frozenset())
    else:
        await _roll_back(stack, status)


def _failed(status: str) -> str:
    if status.startswith("DELETE"):
        return "DELETE_FAILED"
    if status.startswith("UPDATE"):
        return "UPDATE_ROLLBACK_FAILED"
    return "ROLLBACK_FAILED"


def _end(stack: Stack, status: str, reason: str) -> None:
    stack["StackStatus"] = status
    stack["StackStatusReason"] = reason
    stacks.add_event(
        stack["StackId"],
        stack["StackName"],
        stack["StackName"],
        "AWS::CloudFormation::Stack",
        status,
        reason,
        stack["StackId"],
    )


async def _roll_back(stack: Stack, status: str) -> None:
    is_update = status.startswith("UPDATE")
    operation = stack.get("_operation") or {}
    previous = operation.get("previous_stack") or ({} if is_update else None)
    resources = stack.setdefault("_resources", {})
    before = (previous or {}).get("_resources", {})
    _adopt_in_flight(stack, operation, before)
    made = [name for name in resources if resources[name] != before.get(name)]
    failed = stacks.failed_operation(
        is_update,
        previous,
        made,
        None,
        None,
        [],
        False,
        operation.get("template") or stack.get("_template") or {},
        operation.get("param_values") or stack.get("_resolved_params") or {},
        operation.get("retain_except_on_create", False),
        stack.get("Tags") or [],
        (previous or {}).get("Tags") or [],
        operation.get("imports"),
    )
    if operation.get("disable_rollback") and status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
        # The deployment asked to keep what there is; RollbackStack takes it back from here.
        stack["_failed_operation"] = failed
        _end(stack, "UPDATE_FAILED" if is_update else "CREATE_FAILED", REASON)
        return
    await stacks.roll_back_operation(stack["StackName"], stack["StackId"], stack, failed, reason_override=REASON)
    if stack["StackStatus"].endswith("_COMPLETE"):
        stack["StackStatusReason"] = REASON


def _adopt_in_flight(stack: Stack, operation: dict[str, Any], before: dict[str, Any]) -> None:
    """Put the resource that a handler was working on onto the record, so that the rollback reaches it too."""
    in_flight = operation.get("in_flight")
    if not in_flight:
        return
    name, kind = in_flight["logical_id"], in_flight["type"]
    verb = "UPDATE" if operation["is_update"] and name in before else "CREATE"
    physical_id = in_flight["physical_id"] or ""
    stacks.add_event(stack["StackId"], stack["StackName"], name, kind, f"{verb}_FAILED", REASON, physical_id)
    if not physical_id:
        return  # nothing was made yet under a name that anyone knows
    known = before.get(name) or {}
    stack["_resources"][name] = {
        **copy.deepcopy(known),
        "PhysicalResourceId": physical_id,
        "ResourceType": kind,
        "ResourceStatus": f"{verb}_FAILED",
        "LogicalResourceId": name,
        "Properties": in_flight["properties"],
        "Attributes": known.get("Attributes", {}),
        "Timestamp": known.get("Timestamp", stack["LastUpdatedTime"]),
    }


async def _finish_cleanup(stack: Stack) -> None:
    """Delete what the update replaced or removed, and complete it: there is no way back from here, as on AWS."""
    operation = stack["_operation"]
    template, values = operation["template"], operation["param_values"]
    conditions = engine.evaluate_conditions(template, values)
    mappings = template.get("Mappings", {})
    resources = stack["_resources"]
    place = (stack["StackName"], stack["StackId"])
    for name, kind, physical_id, properties, policy in _leftovers(stack, operation):
        if policy in stacks.RETAINING_POLICIES:
            stacks.add_event(place[1], place[0], name, kind, "DELETE_SKIPPED", physical_id=physical_id)
        else:
            try:
                with running_stack(stack), acting_for(stack):
                    await concurrency.run_reentrant(
                        stacks.delete_resource, kind, physical_id, properties, place[0], name
                    )
            except Exception as error:  # as on AWS, a clean-up that misses does not fail the update
                stacks.add_event(place[1], place[0], name, kind, "DELETE_FAILED", str(error), physical_id)
        if name not in template.get("Resources", {}):
            resources.pop(name, None)
    outputs, exports = stacks.resolve_stack_outputs(
        template.get("Outputs", {}), conditions, resources, values, mappings, *place
    )
    cloudformation.exports.update(exports)
    stack.update(_template=template, _resolved_params=values, Outputs=outputs)
    settle(stack, template)
    _end(stack, "UPDATE_COMPLETE", REASON + " Its last step, deleting what it had replaced, was finished now.")


def _leftovers(stack: Stack, operation: dict[str, Any]) -> list[tuple[str, str, str, dict[str, Any], str]]:
    """Replaced and removed resources: logical id, type, physical id, properties, and the policy in force."""
    template, values, previous = operation["template"], operation["param_values"], operation["previous_stack"]
    place = (stack["StackName"], stack["StackId"])
    now = (stack["_resources"], values, engine.evaluate_conditions(template, values), template.get("Mappings", {}))
    old_template = previous.get("_template") or {}
    then = (
        previous["_resources"],
        previous.get("_resolved_params", {}),
        previous.get("_conditions", {}),
        old_template.get("Mappings", {}),
    )
    found = []
    for name, resource in reversed(list(previous["_resources"].items())):
        definition = template.get("Resources", {}).get(name)
        current = stack["_resources"].get(name)
        if definition is None or current is None:
            old = old_template.get("Resources", {}).get(name)
            policy = stacks.resource_policy(old, "DeletionPolicy", *then, *place)
        elif current["PhysicalResourceId"] != resource["PhysicalResourceId"]:
            policy = stacks.resource_policy(definition, "UpdateReplacePolicy", *now, *place)
        else:
            continue
        kind, physical_id = resource["ResourceType"], resource["PhysicalResourceId"]
        found.append((name, kind, physical_id, resource.get("Properties", {}), policy))
    return found
