"""Conditions with functions in them, as the CDK's bootstrap template has."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ministack.core.responses import request_scope

from localcloud.ministack.cloudformation.template import evaluating, parsing
from localcloud.ministack.door.cloudformation import engine

EMPTY = {"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Policies"}]}]}


def evaluated(policies: str = "", **conditions: Any) -> dict[str, bool]:
    parameters = {
        "Policies": {"Type": "CommaDelimitedList", "Value": policies, "NoEcho": False},
        "Stage": {"Type": "String", "Value": "dev", "NoEcho": False},
    }
    template = {"Conditions": conditions, "Mappings": {"Of": {"dev": {"Kind": "small"}}}}
    with request_scope("111122223333", "us-east-1"):
        found: dict[str, bool] = evaluating(engine.evaluate_conditions.original(), template, parameters)
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


def parameter(**needs: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", **needs}}


CIRCLE = {"Resources": {"A": parameter(Value={"Ref": "B"}), "B": parameter(Value={"Ref": "A"})}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "At least one Resources member must be defined."),
        ('{"Resources": {}}', "At least one Resources member must be defined."),
        ('{"Resources": ["A"]}', "Any Resources member must be an object."),
        ('{"Resources": {"A": 5}}', "Any Resources member must be an object."),
        ("[" * 100_000, "It is nested 100,000 deep; 200 is the limit of the local cloud."),
        ('{"a', "Unterminated string starting at: line 1 column 2 (char 1)"),
        (
            json.dumps({"Resources": {"A": parameter(Value=[{"Fn::Join": 5}])}}),
            "Template error: every Fn::Join object requires two parameters.",
        ),
        (
            json.dumps({"Resources": {"A": parameter(Value={"Fn::Sub": {}})}}),
            "Template error: every Fn::Sub object requires a string or two parameters.",
        ),
        (
            json.dumps({"Resources": {"A": parameter(Value={"Ref": ["A"]})}}),
            "Template error: every Ref object must have a single String value.",
        ),
        ('{"Resources": {"A": {"Type": "X", "DependsOn": "A"}}}', "Circular dependency detected among resources: A"),
        (json.dumps(CIRCLE), "Circular dependency detected among resources: A, B"),
    ],
)
def test_a_template_that_is_none_is_refused_in_few_words(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"\A{re.escape(message)}\Z"):
        parsing(engine.parse_template.original(), text)


def test_what_a_parser_says_of_a_template_is_cut_and_plain() -> None:
    with pytest.raises(ValueError, match=r"\A\\x1b x+ … \[5,005 characters\] … x+\Z"):
        parsing(_fail, "")


def _fail(template_body: str) -> Any:
    raise ValueError("\x1b " + "x" * 5_000)
