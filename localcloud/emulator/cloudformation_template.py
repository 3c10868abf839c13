"""What ministack reads in a template and CloudFormation does not, and the other way round.

A template without resources is refused. Conditions with functions in them: ministack knows `Fn::Select` alone, and
takes any other as unequal. The CDK's bootstrap template has
`Fn::Equals: ["", Fn::Join: ["", Ref: CloudFormationExecutionPolicies]]`: its role for CloudFormation was left without
a policy, and its roles trusted an account without a number.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from kickstand.text import cut, plain
from localcloud.emulator.seam import Seam, wrap

EVALUATE = Seam(
    "ministack.services.cloudformation.engine",
    "_evaluate_conditions",
    ("template", "params"),
    also=tuple(f"ministack.services.cloudformation.{name}" for name in ("changesets", "handlers", "stacks")),
)

PARSE = Seam(
    "ministack.services.cloudformation.engine",
    "_parse_template",
    ("template_body",),
    also=tuple(f"ministack.services.cloudformation.{name}" for name in ("changesets", "handlers")),
)

_BRACKETS = re.compile(r"[\[\]{}]")
_DEEPEST = 200
_LONGEST = 300
"""Characters of what is wrong with a text: a parser repeats all of it."""
_LOGICAL = ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals")
_KNOWN = ("Condition", "Fn::Select")
_PLACE = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")


def install() -> None:
    """Give ministack the values of the functions, and refuse templates without resources. Once, before the start."""
    wrap(EVALUATE, evaluating)
    wrap(PARSE, parsing)


def parsing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Parse a template by `original`. ValueError, which ministack answers as a ValidationError, for one that
    CloudFormation does not take, in few words."""

    def parse_template(template_body: str) -> dict[str, Any]:
        _require_depth(template_body)
        try:
            template: dict[str, Any] = original(template_body)
        except (ValueError, yaml.YAMLError) as error:
            raise ValueError(cut(plain(str(error)), _LONGEST)) from None
        _check_resources(template.get("Resources"), template)
        return template

    return parse_template


def _require_depth(text: str) -> None:
    """ValueError for more open brackets than a template has, on which a parser of YAML works for minutes."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth = max(depth + (1 if bracket in "[{" else -1), 0)
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise ValueError(f"It is nested {deepest:,} deep; {_DEEPEST} is the limit of the local cloud.")


def _check_resources(resources: Any, template: dict[str, Any]) -> None:
    from ministack.services.cloudformation import engine

    if not resources:
        raise ValueError("At least one Resources member must be defined.")
    if not isinstance(resources, dict):
        raise ValueError("Any Resources member must be an object.")
    if "Transform" in template:
        return  # what a macro makes of it is checked behind it
    if not all(isinstance(each, dict) for each in resources.values()):
        raise ValueError("Any Resources member must be an object.")
    _check_functions(resources)
    for name, each in resources.items():
        if name in engine._extract_deps(each, {name}):
            raise ValueError(f"Circular dependency detected among resources: {name}")
    engine._topological_sort(resources, dict.fromkeys(template.get("Conditions") or {}, True))


def _check_functions(resources: dict[str, Any]) -> None:
    """ValueError for a function whose argument cannot be one: ministack would meet it in the middle of a stack."""
    waiting: list[Any] = [each.get("Properties") for each in resources.values()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            if len(value) == 1:
                ((function, argument),) = value.items()
                _check_argument(function, argument)


def _check_argument(function: str, argument: Any) -> None:
    pair = isinstance(argument, list) and len(argument) == 2
    if function in ("Fn::Join", "Fn::Select") and not pair:
        raise ValueError(f"Template error: every {function} object requires two parameters.")
    if function in ("Fn::Sub", "Fn::GetAtt") and not (pair or isinstance(argument, str)):
        raise ValueError(f"Template error: every {function} object requires a string or two parameters.")
    if function == "Ref" and not isinstance(argument, str):
        raise ValueError("Template error: every Ref object must have a single String value.")


def evaluating(original: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate the functions of a template's conditions before `original` evaluates the conditions."""

    def evaluate(template: dict[str, Any], params: dict[str, Any]) -> Any:
        conditions, mappings = template.get("Conditions") or {}, template.get("Mappings") or {}
        values = {name: _value(each, params, mappings) for name, each in conditions.items()}
        return original({**template, "Conditions": values}, params)

    return evaluate


def _value(expression: Any, params: Mapping[str, Any], mappings: Mapping[str, Any]) -> Any:
    from ministack.services.cloudformation import engine

    if not isinstance(expression, dict) or len(expression) != 1:
        return expression
    ((function, argument),) = expression.items()
    if function in _LOGICAL:
        return {function: [_value(each, params, mappings) for each in argument]}
    if function in _KNOWN or (function == "Ref" and argument not in _PLACE):
        return expression
    return engine._resolve_refs(copy.deepcopy(expression), {}, params, {}, mappings, "", "")
