"""The steps of a recovery that a kill rarely meets: an update that was only tidying up, and a deletion."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.ministack.cloudformation import recovery
from localcloud.ministack.registry import request_scope

ACCOUNT = "999988887777"
STACK_ID = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/s/1"


def resource(value: str) -> dict[str, Any]:
    return {
        "PhysicalResourceId": f"id-{value}",
        "ResourceType": "Test::Thing",
        "ResourceStatus": "CREATE_COMPLETE",
        "Properties": {"V": value},
        "Attributes": {},
    }


def template(**definitions: dict[str, Any]) -> dict[str, Any]:
    things = {
        name: {"Type": "Test::Thing", "Properties": {"V": name}, **attributes}
        for name, attributes in definitions.items()
    }
    return {"Resources": things}


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The physical ids that were deleted, in order; `id-stuck` cannot be."""
    from ministack.services.cloudformation import _exports, _stack_events, _stacks, provisioners

    found: list[str] = []

    def delete(physical_id: str, props: dict[str, Any]) -> None:
        if physical_id == "id-stuck":
            raise ValueError("stuck")
        found.append(physical_id)

    monkeypatch.setitem(provisioners._RESOURCE_HANDLERS, "Test::Thing", {"delete": delete})
    yield found
    for store in (_exports, _stack_events, _stacks):
        for key in [key for key in store._data if key[0] == ACCOUNT]:
            del store._data[key]


def recovered(stack: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The stack and its events (logical id, status) after a recovery."""
    from ministack.services.cloudformation import _stack_events, _stacks

    record = {"StackName": "s", "StackId": STACK_ID, "LastUpdatedTime": "2026-01-01T00:00:00Z", **copy.deepcopy(stack)}
    with request_scope(ACCOUNT, "us-east-1"):
        _stacks["s"] = record
        asyncio.run(recovery.recover())
        events = [(event["LogicalResourceId"], event["ResourceStatus"]) for event in _stack_events[STACK_ID]]
    return record, events


def test_an_update_that_was_tidying_up_is_completed(deleted: list[str]) -> None:
    """Replaced and removed resources go, what policies retain stays, and the new template is the stack's."""
    from ministack.services.cloudformation import _exports

    old = template(Replaced={}, Kept={}, Removed={}, RetainedRemoved={"DeletionPolicy": "Retain"}, RetainedReplaced={})
    new = template(Replaced={}, Kept={}, RetainedReplaced={"UpdateReplacePolicy": "Retain"})
    new["Outputs"] = {"O": {"Value": {"Ref": "Replaced"}, "Export": {"Name": "e"}}}
    before = {name: resource(f"{name}-old") for name in old["Resources"]}
    now = {
        **before,
        "Replaced": resource("Replaced-new"),
        "RetainedReplaced": resource("RetainedReplaced-new"),
    }
    operation = {
        "is_update": True,
        "template": new,
        "param_values": {},
        "previous_stack": {"_resources": before, "_template": old},
        "cleanup": True,
        "in_flight": None,
    }

    stack, events = recovered(
        {"StackStatus": "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "_resources": now, "_operation": operation}
    )

    assert sorted(deleted) == ["id-Removed-old", "id-Replaced-old"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stack["_template"] == new
    assert sorted(stack["_resources"]) == ["Kept", "Replaced", "RetainedReplaced"]
    assert stack["Outputs"][0]["OutputValue"] == "id-Replaced-new"
    assert ("RetainedRemoved", "DELETE_SKIPPED") in events
    assert ("RetainedReplaced", "DELETE_SKIPPED") in events
    assert events[-1] == ("s", "UPDATE_COMPLETE")
    assert stack["_operation"] is None
    with request_scope(ACCOUNT, "us-east-1"):
        assert _exports["e"]["Value"] == "id-Replaced-new"


def test_an_interrupted_deletion_can_be_asked_for_again(deleted: list[str]) -> None:
    stack, events = recovered({"StackStatus": "DELETE_IN_PROGRESS", "_resources": {"A": resource("A")}})

    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("DELETE_FAILED", recovery.REASON)
    assert events == [("s", "DELETE_FAILED")]
    assert deleted == []
    assert sorted(stack["_resources"]) == ["A"]


def test_a_create_that_kept_what_it_made_is_left_to_be_rolled_back(deleted: list[str]) -> None:
    operation = {
        "is_update": False,
        "template": template(A={}),
        "param_values": {},
        "previous_stack": None,
        "disable_rollback": True,
        "in_flight": None,
    }

    stack, _ = recovered(
        {"StackStatus": "CREATE_IN_PROGRESS", "_resources": {"A": resource("A")}, "_operation": operation}
    )

    assert (stack["StackStatus"], deleted) == ("CREATE_FAILED", [])
    assert stack["_failed_operation"]["created"] == ["A"]


def test_a_rollback_that_cannot_delete_says_so(deleted: list[str]) -> None:
    operation = {"is_update": False, "template": template(A={}, B={}), "param_values": {}, "in_flight": None}

    stack, events = recovered(
        {
            "StackStatus": "ROLLBACK_IN_PROGRESS",
            "_resources": {"A": resource("A"), "B": resource("stuck")},
            "_operation": operation,
        }
    )

    assert stack["StackStatus"] == "ROLLBACK_FAILED"
    assert ("B", "DELETE_FAILED") in events
    assert deleted == ["id-A"]
