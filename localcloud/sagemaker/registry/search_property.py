"""A property of a search: `TrainingJobStatus`, `HyperParameters.eta`, `Metrics.validation:rmse`, `Tags.team`.

Its name is a way through the resource's shape in botocore's model, its values are what records hold there. Rules:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Filter.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.sagemaker.api.call import validation_error
from localcloud.sagemaker.store import Record

TEXT, NUMBER, TIME, FLAG, SETTING, WHOLE = "text", "number", "timestamp", "boolean", "setting", "whole"
"""Kinds of values. SETTING: a hyperparameter, text that is compared as a number where the filter's value is one.
WHOLE: a structure, of which can be asked whether it exists."""

_KINDS = {
    "string": TEXT,
    "integer": NUMBER,
    "long": NUMBER,
    "float": NUMBER,
    "double": NUMBER,
    "timestamp": TIME,
    "boolean": FLAG,
}


@dataclass(frozen=True, slots=True)
class Property:
    """A property by its name, and of what kind its values are. Raises ServiceError for a name that there is not."""

    name: str
    kind: str

    @classmethod
    def of(cls, shape: Any, name: str) -> Property:
        """shape: of the records that are searched, or of a list's entries."""
        return cls(name, _kind(shape, name.split("."), name))

    def values(self, record: Record) -> list[Any]:
        """What a record holds there: none, one, or one for each entry of a list on the way."""
        return _values(record, self.name.split("."))

    def parse(self, text: str) -> Any:
        """A filter's value, to be compared with those of records. Raises ServiceError where it is of another kind."""
        try:
            if self.kind == NUMBER:
                return float(text)
            if self.kind == TIME:
                moment = datetime.fromisoformat(text)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            raise validation_error(f"The value {text!r} of property {self.name} is not a {self.kind}.") from None
        if self.kind == FLAG and text.lower() not in ("true", "false"):
            raise validation_error(f"The value {text!r} of property {self.name} is not a {self.kind}.")
        return text.lower() == "true" if self.kind == FLAG else text

    def order(self, record: Record) -> tuple[int, Any]:
        """Where a record stands when records are sorted: those without the property first, then numbers, then text."""
        found = next(iter(self.values(record)), None)
        number = as_number(found)
        if found is None or isinstance(found, Mapping):
            return 0, 0
        return (1, number) if number is not None else (2, str(found))


def as_number(value: Any) -> float | None:
    """A value as a number; None where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _kind(shape: Any, steps: Sequence[str], name: str) -> str:
    if steps[0] == "Metrics" and len(steps) > 1:
        return NUMBER
    for place, step in enumerate(steps):
        while shape.type_name == "list":
            shape = shape.member
        rest = ".".join(steps[place:])
        if shape.type_name == "map":
            return SETTING if steps[0] == "HyperParameters" else _KINDS.get(shape.value.type_name, WHOLE)
        if shape.type_name == "structure" and shape.name == "Tag":
            return TEXT
        if shape.type_name != "structure" or step not in shape.members:
            raise validation_error(f"Unknown property {rest} in {name}: the resource has no such property.")
        shape = shape.members[step]
    return _KINDS.get(shape.type_name, WHOLE)


def _values(value: Any, steps: Sequence[str]) -> list[Any]:
    if steps and isinstance(value, Mapping) and steps[0] in ("Metrics", "Tags", "HyperParameters") and len(steps) > 1:
        return _named(value, steps[0], ".".join(steps[1:]))
    if isinstance(value, list):
        return [found for entry in value for found in _values(entry, steps)]
    if not steps:
        return [] if value is None or value in ({}, "") else [value]
    if not isinstance(value, Mapping):
        return []
    whole = ".".join(steps)
    return _values(value[whole], ()) if whole in value else _values(value.get(steps[0]), steps[1:])


def _named(record: Mapping[str, Any], kind: str, name: str) -> list[Any]:
    """A metric, a tag or a hyperparameter, whose names may have dots."""
    if kind == "HyperParameters":
        settings = record.get(kind) or {}
        return [settings[name]] if name in settings else []
    if kind == "Metrics":
        return [one["Value"] for one in record.get("FinalMetricDataList", ()) if one["MetricName"] == name]
    return [one["Value"] for one in record.get(kind, ()) if one["Key"] == name]
