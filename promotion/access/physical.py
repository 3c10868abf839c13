"""A deployed template under the names that its resources have in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kickstand.names import partition
from promotion.review.changes.effective import Place, Resource, effective_resources

_ROLE = "AWS::IAM::Role"


def deployed_resources(template: Mapping[str, Any], physical: Mapping[str, str], place: Place) -> dict[str, Resource]:
    """Effective resources; a role goes by its physical name, and what refers to a resource names it.

    physical: logical id to physical id; what it lacks keeps the template's name.
    """
    known = template.get("Resources", {})
    names = {logical: physical.get(logical) or logical for logical, one in known.items() if one.get("Type") == _ROLE}
    reading = _Reading(known, physical, place)
    named = {names.get(logical, logical): reading.value(resource) for logical, resource in known.items()}
    return effective_resources({**template, "Resources": named}, place)


class _Reading:
    def __init__(self, resources: Mapping[str, Any], physical: Mapping[str, str], place: Place) -> None:
        self._resources, self._physical, self._place = resources, physical, place

    def value(self, value: Any) -> Any:
        """The value with `Ref` and `Fn::GetAtt ….Arn` of resources put in, as far as they are known."""
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" and self._physical.get(str(argument)):
                return self._physical[argument]
            if function == "Fn::GetAtt":
                found = self._arn(*(argument.split(".", 1) if isinstance(argument, str) else argument))
                if found:
                    return found
        return {key: self.value(one) for key, one in value.items()}

    def _arn(self, logical: str, attribute: str) -> str:
        name = self._physical.get(logical, "")
        kind = self._resources.get(logical, {}).get("Type")
        if attribute != "Arn" or not name or name.startswith("arn:"):
            return name if attribute == "Arn" else ""
        arn = f"arn:{partition(self._place.region)}"
        match kind:
            case "AWS::IAM::Role":
                return f"{arn}:iam::{self._place.account}:role/{name}"
            case "AWS::S3::Bucket":
                return f"{arn}:s3:::{name}"
            case "AWS::Logs::LogGroup":
                return f"{arn}:logs:{self._place.region}:{self._place.account}:log-group:{name}:*"
        return ""
