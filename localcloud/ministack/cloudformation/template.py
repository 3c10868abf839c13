"""What ministack reads otherwise than CloudFormation: templates, conditions, and resource types of our own.

A template without resources is refused. Conditions with functions in them: ministack knows `Fn::Select` alone, and
takes any other as unequal. The CDK's bootstrap template has
`Fn::Equals: ["", Fn::Join: ["", Ref: CloudFormationExecutionPolicies]]`: its role for CloudFormation was left without
a policy, and its roles trusted an account without a number.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
Resource types have handlers, replacement, tags and DescribeType, which ministack has not. A handler that waits runs in
a worker thread: the model of an endpoint is fetched from this server, on its event loop.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from kickstand.aws.resource_schema import has_type, schema_text
from kickstand.names import partition
from kickstand.text import cut, plain
from localcloud.ministack.cloudformation.change_sets import make_importable
from localcloud.ministack.cloudformation.drift import compare
from localcloud.ministack.door.cloudformation import engine, handlers, helpers, provisioners, stacks
from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import correct

WAITING: set[str] = {"AWS::SageMaker::Endpoint"}
"""Types created, updated and deleted on a thread of their own. A service may add to it when it is installed."""


def install_threads() -> None:
    """Run the handlers of the waiting types on a worker thread."""
    correct(stacks.runs_on_worker_thread, lambda original, type_name: type_name in WAITING or original(type_name))


_SENT_BACK = frozenset({"AWS::SageMaker::Endpoint"})
"""Types whose failed update may have changed the resource."""


def install_sending_back() -> None:
    """Let a stack's rollback update a resource whose own update failed, with the properties that it had."""

    def sends_back_failed_update(original: Callable[[str], bool], resource_type: str) -> bool:
        return resource_type in _SENT_BACK or original(resource_type)

    correct(stacks.sends_back_failed_update, sends_back_failed_update)


Created = tuple[str, dict[str, Any]]
"""Physical id and attributes for Fn::GetAtt."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """What CloudFormation has to know of a resource type.

    create:    logical id, properties, stack name -> physical id and attributes.
    update:    physical id, old properties, new properties, stack name -> the same; for what does not replace.
    delete:    physical id, properties; a resource that is gone already is no error.
    identifier, adopt: for an import, the attribute that identifies a resource (the schema's primaryIdentifier), and
               what gives an existing one by it; None where there is none.
    name:      the property that holds a name of one's own: such a resource cannot be replaced under the same name.
    replacing: the properties whose change replaces the resource (the schema's createOnlyProperties).
    read:      physical id, expected properties -> the current ones, for drift; None where it is gone.
    read_properties: those that drift compares.

    Handlers raise ValueError with the reason that the stack event shows. They run on a worker thread.
    """

    name: str
    replacing: tuple[str, ...]
    create: Callable[[str, dict[str, Any], str], Created]
    update: Callable[[str, dict[str, Any], dict[str, Any], str], Created]
    delete: Callable[[str, dict[str, Any]], None]
    identifier: str
    adopt: Callable[[str], Created | None]
    read: Callable[[str, dict[str, Any]], dict[str, Any] | None]
    read_properties: tuple[str, ...]


def register_resource_types(types: Mapping[str, ResourceType]) -> None:
    """Add resource types (`AWS::SageMaker::Model`) to CloudFormation."""
    for type_name, resource_type in types.items():
        provisioners.RESOURCE_HANDLERS[type_name] = {
            "create": resource_type.create,
            "update": resource_type.update,
            "delete": resource_type.delete,
        }
        provisioners.REPLACING_PROPERTIES[type_name] = resource_type.replacing
        provisioners.CUSTOM_NAME_REPLACEMENT[type_name] = {"name": resource_type.name}
        provisioners.STACK_TAG_PROPERTY[type_name] = ("Tags", "list")
        make_importable(type_name, resource_type.identifier, resource_type.adopt)
        WAITING.add(type_name)
        compare(type_name, resource_type.read, set(resource_type.read_properties))


def install_types() -> None:
    """Answer DescribeType for AWS's own resource types."""
    handlers.ACTION_HANDLERS["DescribeType"] = describe_type


def describe_type(params: dict[str, Any]) -> Any:
    """The type, by name or ARN; TypeNotFoundException where the region has none of that name."""
    region, arn = responses.get_region(), helpers.p(params, "Arn")
    named = re.fullmatch(r"arn:[\w-]+:cloudformation:[\w-]+::type/resource/([\w-]+)", arn)
    name = named[1].replace("-", "::") if named else helpers.p(params, "TypeName")
    if not arn and not (name and helpers.p(params, "Type")):
        return helpers.error("ValidationError", "Either the ARN of the type, or Type and TypeName, must be specified")
    if helpers.p(params, "Type", "RESOURCE") != "RESOURCE" or not has_type(region, name):
        return helpers.error("TypeNotFoundException", f"The type '{name or arn}' cannot be found.", 404)
    fields = {
        "Arn": f"arn:{partition(region)}:cloudformation:{region}::type/resource/{name.replace('::', '-')}",
        "Type": "RESOURCE",
        "TypeName": name,
        "Schema": schema_text(name),
        "ProvisioningType": "FULLY_MUTABLE",
        "DeprecatedStatus": "LIVE",
        "Visibility": "PUBLIC",
        "IsActivated": "true",
    }
    inner = "".join(f"<{key}>{helpers.esc(value)}</{key}>" for key, value in fields.items())
    return helpers.xml(200, "DescribeTypeResponse", f"<DescribeTypeResult>{inner}</DescribeTypeResult>")


_BRACKETS = re.compile(r"[\[\]{}]")
_DEEPEST = 200
_LONGEST = 300
"""Characters of what is wrong with a text: a parser repeats all of it."""
_LOGICAL = ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals")
_KNOWN = ("Condition", "Fn::Select")
_PLACE = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")


def install_template() -> None:
    """Give ministack the values of the functions, and refuse templates without resources. Once, before the start."""
    correct(engine.evaluate_conditions, evaluating)
    correct(engine.parse_template, parsing)


def parsing(original: Callable[..., Any], template_body: str) -> dict[str, Any]:
    """Parse a template by `original`. ValueError, which ministack answers as a ValidationError, for one that
    CloudFormation does not take, in few words."""
    _require_depth(template_body)
    try:
        template: dict[str, Any] = original(template_body)
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(cut(plain(str(error)), _LONGEST)) from None
    _check_resources(template.get("Resources"), template)
    return template


def _require_depth(text: str) -> None:
    """ValueError for more open brackets than a template has, on which a parser of YAML works for minutes."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth = max(depth + (1 if bracket in "[{" else -1), 0)
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise ValueError(f"It is nested {deepest:,} deep; {_DEEPEST} is the limit of the local cloud.")


def _check_resources(resources: Any, template: dict[str, Any]) -> None:
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
        if name in engine.extract_deps(each, {name}):
            raise ValueError(f"Circular dependency detected among resources: {name}")
    engine.topological_sort(resources, dict.fromkeys(template.get("Conditions") or {}, True))


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


def evaluating(original: Callable[..., Any], template: dict[str, Any], params: dict[str, Any]) -> Any:
    """Evaluate the functions of a template's conditions before `original` evaluates the conditions."""
    conditions, mappings = template.get("Conditions") or {}, template.get("Mappings") or {}
    values = {name: _value(each, params, mappings) for name, each in conditions.items()}
    return original({**template, "Conditions": values}, params)


def _value(expression: Any, params: Mapping[str, Any], mappings: Mapping[str, Any]) -> Any:
    if not isinstance(expression, dict) or len(expression) != 1:
        return expression
    ((function, argument),) = expression.items()
    if function in _LOGICAL:
        return {function: [_value(each, params, mappings) for each in argument]}
    if function in _KNOWN or (function == "Ref" and argument not in _PLACE):
        return expression
    return engine.resolve_refs(copy.deepcopy(expression), {}, params, {}, mappings, "", "")
