"""What a running stack operation needs to be taken back, written on the stack record before the operation starts.

ministack keeps it in the local variables of a background task. A stack whose process was killed then has no
way back: it stays *_IN_PROGRESS and its next deploy is told that nothing changes.

While an operation runs, the stack record holds `_operation`, saved with the rest of the state:
    is_update, template, param_values, previous_stack, imports, retain_except_on_create, disable_rollback,
    in_flight   the resource that a handler is working on: logical_id, type, properties, physical_id, or None
    cleanup     True once every resource is updated and only the replaced and removed ones are left to delete

The parameters of a request are read here as well: an empty list, which ministack takes for a list of one empty name.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from localcloud.ministack.cloudformation.permissions.stack_role import acting_for
from localcloud.ministack.door.cloudformation import changesets, cloudformation, handlers, provisioners, stacks
from localcloud.ministack.door.names import correct, correct_entry
from localcloud.sagemaker.api.service_model import service_model

Stack = dict[str, Any]

_running: contextvars.ContextVar[Stack | None] = contextvars.ContextVar("kickstand_running_stack", default=None)


def install() -> None:
    """Write every create, update and rollback down before it starts, and forget it when it has ended."""
    correct(stacks.deploy_stack_async, _recorded_deploy)
    correct(stacks.roll_back_operation, _recorded_roll_back)
    correct(stacks.provision_resource, _recorded_provision)
    correct(stacks.update_resource, _recorded_update)
    correct(stacks.delete_stack_async, _own_delete)
    correct(stacks.continue_update_rollback_async, _continued_roll_back)
    correct(changesets.import_resources_async, _own_import)
    for action in handlers.ACTION_HANDLERS:
        correct_entry(handlers.ACTION_HANDLERS, action, partial(_with_empty_lists, action), "_ACTION_HANDLERS")


def _with_empty_lists(action: str, original: Callable[..., Any], params: dict[str, Any]) -> Any:
    """Hand on `ResourcesToSkip=` as a list without elements: so the query protocol writes an empty list.

    The parameter stays: `Tags=` takes a stack's tags away, where a request without it keeps them.
    """
    if blank := [name for name, value in params.items() if value == [""]]:
        shape = service_model("cloudformation").operation_model(action).input_shape
        lists = [name for name in blank if shape and name in shape.members and shape.members[name].type_name == "list"]
        params = {**params, **{name: [] for name in lists}}
    return original(params)


def running() -> Stack | None:
    """The stack record whose operation this code is part of; None outside any."""
    return _running.get()


@contextmanager
def running_stack(stack: Stack | None) -> Iterator[None]:
    """Name the stack that the enclosed work is done for."""
    token = _running.set(stack)
    try:
        yield
    finally:
        _running.reset(token)


def initiated(physical_id: str) -> None:
    """Say the physical id of the resource that is being made or changed, as soon as it is known.

    A handler that then waits (an endpoint until it is in service) calls this before it waits. The stack event
    "Resource creation Initiated" is AWS's own; it also lets a create that is cut short be taken back. Does
    nothing outside a stack operation.
    """
    stack = running()
    operation = (stack or {}).get("_operation") or {}
    in_flight = operation.get("in_flight")
    if stack is None or not in_flight or in_flight["physical_id"] == physical_id:
        return
    in_flight["physical_id"] = physical_id
    if in_flight["creating"]:
        status = "UPDATE_IN_PROGRESS" if operation["is_update"] else "CREATE_IN_PROGRESS"
        stacks.add_event(
            stack["StackId"],
            stack["StackName"],
            in_flight["logical_id"],
            in_flight["type"],
            status,
            "Resource creation Initiated",
            physical_id,
        )


async def _recorded_deploy(
    original: Callable[..., Any],
    stack_name: str,
    stack_id: str,
    template: dict[str, Any],
    param_values: dict[str, Any],
    disable_rollback: bool,
    tags: list[Any],
    is_update: bool = False,
    previous_stack: Stack | None = None,
    retain_except_on_create: bool = False,
    imports: dict[str, Any] | None = None,
) -> None:
    stack = cloudformation.stacks[stack_name]
    stack["_operation"] = {
        "is_update": bool(is_update),
        "template": template,
        "param_values": param_values,
        "previous_stack": previous_stack,
        "imports": dict(imports or {}),
        "retain_except_on_create": bool(retain_except_on_create),
        "disable_rollback": bool(disable_rollback),
        "in_flight": None,
        "cleanup": False,
    }
    stack["StackStatusReason"] = ""
    with running_stack(stack), acting_for(stack):
        try:
            await original(
                stack_name,
                stack_id,
                template,
                param_values,
                disable_rollback,
                tags,
                is_update=is_update,
                previous_stack=previous_stack,
                retain_except_on_create=retain_except_on_create,
                imports=imports,
            )
        finally:
            stack["_operation"] = None


async def _recorded_roll_back(
    original: Callable[..., Any],
    stack_name: str,
    stack_id: str,
    stack: Stack,
    operation: dict[str, Any],
    reason_override: str = "",
) -> None:
    # A rollback that RollbackStack started, or that follows a restart, is an operation of its own.
    outermost = not stack.get("_operation")
    if outermost:
        stack["_operation"] = {
            "is_update": operation.get("is_update", False),
            "template": operation.get("template") or {},
            "param_values": operation.get("param_values") or {},
            "previous_stack": operation.get("previous_stack"),
            "imports": operation.get("imports") or {},
            "retain_except_on_create": operation.get("retain_except_on_create", False),
            "disable_rollback": False,
            "in_flight": None,
            "cleanup": False,
        }
    with running_stack(stack), acting_for(stack):
        try:
            await original(stack_name, stack_id, stack, operation, reason_override)
        finally:
            if outermost:
                stack["_operation"] = None


async def _own_delete(
    original: Callable[..., Any],
    stack_name: str,
    stack_id: str,
    retain_resources: Iterable[str] = (),
    force: bool = False,
) -> None:
    stack = cloudformation.stacks.get(stack_name)
    if stack is not None:
        stack["StackStatusReason"] = ""
    with acting_for(stack):
        await original(stack_name, stack_id, retain_resources, force)


async def _continued_roll_back(
    original: Callable[..., Any], stack_name: str, stack_id: str, resources_to_skip: Iterable[str]
) -> None:
    with acting_for(cloudformation.stacks.get(stack_name)):
        await original(stack_name, stack_id, resources_to_skip)


async def _own_import(original: Callable[..., Any], cs: dict[str, Any], stack: Stack, new_stack: bool) -> None:
    with acting_for(stack):
        await original(cs, stack, new_stack)


def _recorded_provision(
    original: Callable[..., Any], resource_type: str, logical_id: str, props: dict[str, Any], stack_name: str
) -> Any:
    with _in_flight(logical_id, resource_type, props, None):
        return original(resource_type, logical_id, props, stack_name)


def _recorded_update(
    original: Callable[..., Any],
    resource_type: str,
    physical_id: str,
    old_props: dict[str, Any],
    new_props: dict[str, Any],
    stack_name: str,
    logical_id: str | None = None,
    old_attrs: dict[str, Any] | None = None,
) -> Any:
    replacing = old_props != new_props and provisioners.replacing_change(resource_type, old_props, new_props)
    with _in_flight(logical_id or physical_id, resource_type, new_props, None if replacing else physical_id):
        return original(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)


@contextmanager
def _in_flight(
    logical_id: str, resource_type: str, properties: dict[str, Any], physical_id: str | None
) -> Iterator[None]:
    operation = (running() or {}).get("_operation")
    if operation is None:
        yield
        return
    operation["in_flight"] = {
        "logical_id": logical_id,
        "type": resource_type,
        "properties": properties,
        "physical_id": physical_id,
        "creating": physical_id is None,
    }
    try:
        yield
    finally:
        operation["in_flight"] = None
