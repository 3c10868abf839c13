"""Conditions with functions in them, as the CDK's bootstrap template has."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.core.responses import request_scope

from localcloud.emulator.cloudformation_conditions import EVALUATE, evaluating

EMPTY = {"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Policies"}]}]}


def evaluated(policies: str = "", **conditions: Any) -> dict[str, bool]:
    parameters = {
        "Policies": {"Type": "CommaDelimitedList", "Value": policies, "NoEcho": False},
        "Stage": {"Type": "String", "Value": "dev", "NoEcho": False},
    }
    template = {"Conditions": conditions, "Mappings": {"Of": {"dev": {"Kind": "small"}}}}
    with request_scope("111122223333", "us-east-1"):
        found: dict[str, bool] = evaluating(EVALUATE.original())(template, parameters)
    return found


@pytest.mark.parametrize(("policies", "empty"), [("", True), ("arn:a", False), ("arn:a,arn:b", False)])
def test_a_joined_list_is_compared(policies: str, empty: bool) -> None:
    assert evaluated(policies, Empty=EMPTY, Has={"Fn::Not": [EMPTY]}) == {"Empty": empty, "Has": not empty}


@pytest.mark.parametrize(
    ("value", "equal_to"),
    [
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::AccountId"}, "111122223333"),
        ({"Ref": "Stage"}, "dev"),
        ({"Fn::Sub": "${Stage}-${AWS::Region}"}, "dev-us-east-1"),
        ({"Fn::FindInMap": ["Of", {"Ref": "Stage"}, "Kind"]}, "small"),
        ({"Fn::Select": [0, {"Ref": "Policies"}]}, "one"),
    ],
)
def test_a_functions_value_is_compared(value: Any, equal_to: str) -> None:
    found = evaluated(
        "one,two", Same={"Fn::Equals": [value, equal_to]}, Other={"Fn::Or": [{"Fn::Equals": [value, "x"]}]}
    )
    assert found == {"Same": True, "Other": False}


def test_conditions_of_conditions_are_as_before() -> None:
    both = {"Fn::And": [{"Condition": "Empty"}, {"Fn::Not": [{"Condition": "Dev"}]}]}
    assert evaluated("", Both=both, Empty=EMPTY, Dev={"Fn::Equals": [{"Ref": "Stage"}, "dev"]}) == {
        "Both": False,
        "Empty": True,
        "Dev": True,
    }
