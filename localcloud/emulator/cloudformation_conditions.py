"""Conditions of a template with functions in them: ministack knows `Fn::Select` alone, and takes any other as unequal.

The CDK's bootstrap template asks `Fn::Equals: ["", Fn::Join: ["", Ref: CloudFormationExecutionPolicies]]`: its role
for CloudFormation was left without a policy, and its roles trusted an account without a number.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulator.seam import Seam, wrap

EVALUATE = Seam(
    "ministack.services.cloudformation.engine",
    "_evaluate_conditions",
    ("template", "params"),
    also=tuple(f"ministack.services.cloudformation.{name}" for name in ("changesets", "handlers", "stacks")),
)

_LOGICAL = ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals")
_KNOWN = ("Condition", "Fn::Select")
_PLACE = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")


def install() -> None:
    """Give ministack the values of the functions."""
    wrap(EVALUATE, evaluating)


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
