"""A template with everything in it that is known before a deployment put in: conditions, parameters, literal joins.

CloudFormation compares what templates come to, not how they are written: `Fn::Join` of literals, or a parameter's
value, is no change beside the same text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kickstand.images import image_table
from kickstand.names import partition

Template = Mapping[str, Any]
Resource = dict[str, Any]

NO_VALUE = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True, slots=True)
class StackScope:
    """What the pseudo parameters stand for."""

    account: str
    region: str
    stack: str

    def values(self) -> dict[str, str]:
        """Pseudo parameter to its value. AWS::StackId and AWS::NotificationARNs are not known and stay as they are."""
        return {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::StackName": self.stack,
            "AWS::Partition": partition(self.region),
            "AWS::URLSuffix": image_table().domains.get(self.region, "amazonaws.com"),
        }


def effective_resources(template: Template | None, place: StackScope) -> dict[str, Resource]:
    """Logical id to resource, for the resources that the template's conditions let be."""
    if template is None:
        return {}
    reading = _Reading(template, place)
    return {
        logical_id: {**resource, "Properties": reading.value(resource.get("Properties") or {})}
        for logical_id, resource in template.get("Resources", {}).items()
        if reading.holds(resource.get("Condition"))
    }


def effective_outputs(template: Template | None, place: StackScope) -> dict[str, dict[str, Any]]:
    """Output name to its definition, likewise."""
    if template is None:
        return {}
    reading = _Reading(template, place)
    return {
        name: reading.value({key: value for key, value in output.items() if key != "Condition"})
        for name, output in template.get("Outputs", {}).items()
        if reading.holds(output.get("Condition"))
    }


class _Reading:
    """One template, being read."""

    def __init__(self, template: Template, place: StackScope) -> None:
        self._conditions: Mapping[str, Any] = template.get("Conditions", {})
        self._mappings: Mapping[str, Any] = template.get("Mappings", {})
        self._known: dict[str, Any] = dict(place.values())
        for name, parameter in template.get("Parameters", {}).items():
            # The value of an SSM parameter is known to CloudFormation alone.
            if "Default" in parameter and not str(parameter.get("Type", "")).startswith("AWS::SSM::"):
                self._known[name] = parameter["Default"]

    def holds(self, condition: Any) -> bool:
        """Whether a named condition holds. One that cannot be decided here counts as holding."""
        if not isinstance(condition, str) or condition not in self._conditions:
            return True
        return self._truth(self._conditions[condition]) is not False

    def _truth(self, test: Any) -> bool | None:
        if not isinstance(test, dict) or len(test) != 1:
            return None
        ((function, argument),) = test.items()
        match function:
            case "Condition":
                return self._truth(self._conditions.get(argument))
            case "Fn::Equals":
                left, right = (self.value(side) for side in argument)
                return None if _open(left) or _open(right) else str(left) == str(right)
            case "Fn::Not":
                inner = self._truth(argument[0])
                return None if inner is None else not inner
            case "Fn::And" | "Fn::Or":
                truths = [self._truth(one) for one in argument]
                decisive = function == "Fn::Or"
                return decisive if decisive in truths else None if None in truths else not decisive
        return None

    def value(self, value: Any) -> Any:
        """The value with what is known put in."""
        if isinstance(value, list):
            return [item for item in map(self.value, value) if item != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._function(function, argument)
        put_in = {key: self.value(item) for key, item in value.items()}
        return {key: item for key, item in put_in.items() if item != NO_VALUE}

    def _function(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._known.get(argument, {"Ref": argument})
            case "Fn::GetAtt" if isinstance(argument, str):
                return {"Fn::GetAtt": argument.split(".", 1)}
            case "Fn::If":
                truth = self._truth({"Condition": argument[0]})
                if truth is not None:
                    return self.value(argument[1] if truth else argument[2])
            case "Fn::Join":
                return self._joined(argument[0], self.value(argument[1]))
            case "Fn::Sub":
                return self._substituted(argument)
            case "Fn::FindInMap":
                found: Any = self._mappings
                for key in map(self.value, argument[:3]):
                    found = found.get(key) if isinstance(found, dict) and isinstance(key, str) else None
                if found is not None:
                    return found
        return {function: self.value(argument)}

    def _joined(self, separator: str, parts: Any) -> Any:
        """The text, where every part is known; else a join in which neighbouring texts are one."""
        if not isinstance(parts, list):
            return {"Fn::Join": [separator, parts]}
        together: list[Any] = []
        for part in parts:
            known = isinstance(part, str | int | float) and not isinstance(part, bool)
            if known and together and isinstance(together[-1], str):
                together[-1] += separator + str(part)
            else:
                together.append(str(part) if known else part)
        if all(isinstance(part, str) for part in together):
            return separator.join(together)
        return {"Fn::Join": [separator, together]}

    def _substituted(self, argument: Any) -> Any:
        text, given = argument if isinstance(argument, list) else (argument, {})
        given = {name: self.value(value) for name, value in given.items()}
        for name, value in {**self._known, **given}.items():
            if isinstance(value, str | int) and not isinstance(value, bool):
                text = text.replace(f"${{{name}}}", str(value))
        rest = {name: value for name, value in given.items() if f"${{{name}}}" in text}
        if "${" not in text:
            return text
        return {"Fn::Sub": [text, rest]} if rest else {"Fn::Sub": text}


def _open(value: Any) -> bool:
    """Whether a value still waits for the deployment."""
    return isinstance(value, dict | list) and any(key in json.dumps(value) for key in ('"Ref"', '"Fn::'))
