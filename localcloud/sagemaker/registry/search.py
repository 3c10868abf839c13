"""Search: training jobs, models, endpoints, model packages and their groups, by a Boolean expression of properties.

A property (`TrainingJobStatus`, `HyperParameters.eta`, `Metrics.validation:rmse`, `Tags.team`) is named by a way
through the resource's shape in botocore's model; its values are what records hold there.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html, API_SearchExpression.html, API_Filter.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.sagemaker.api.access import model_package_key
from localcloud.sagemaker.api.call import Call, unsupported, validation_error
from localcloud.sagemaker.api.service_model import service_model
from localcloud.sagemaker.listing import Tags, next_token, offset_of
from localcloud.sagemaker.store import Record, Stores

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


_PAGE = 10
_MOST_CONDITIONS = 50
Condition = Callable[[Record], bool]

_ORDERS = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


class Search:
    """The operation over the records of this account and region."""

    def __init__(self, stores: Stores, tags: Tags) -> None:
        self._stores, self._tags = stores, tags

    def search(self, call: Call) -> dict[str, Any]:
        request, resource = call.request, call.request["Resource"]
        records = self._records(call, resource)
        shape = _searched(service_model().shape_for("SearchRecord").members[resource])
        if (given := request.get("SearchExpression")) is not None:
            fits = _Expression(shape).condition(given)
            records = [record for record in records if fits(record)]
        order = _order(shape, request.get("SortBy"))
        found = sorted(records, key=order, reverse=request.get("SortOrder") != "Ascending")
        start = offset_of(request.get("NextToken"))
        end = start + (request.get("MaxResults") or _PAGE)
        answer: dict[str, Any] = {
            "Results": [{resource: _shown(resource, record)} for record in found[start:end]],
            "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
        }
        if end < len(found):
            answer["NextToken"] = next_token(end)
        return answer

    def _records(self, call: Call, resource: str) -> list[Record]:
        stores = self._stores
        kinds = {
            "Endpoint": (stores.endpoints, "EndpointArn"),
            "Model": (stores.models, "ModelArn"),
            "ModelPackage": (stores.model_packages, "ModelPackageArn"),
            "ModelPackageGroup": (stores.model_package_groups, "ModelPackageGroupArn"),
            "TrainingJob": (stores.training_jobs, "TrainingJobArn"),
        }
        if resource not in kinds:
            raise unsupported(f"Search for {resource}")
        table, arn = kinds[resource]
        records = [{**record, "Tags": self._tags.of(call.scope, record[arn])} for record in table.all(call.scope)]
        if resource == "Model":
            endpoints = stores.endpoints.all(call.scope)
            return [{**one, "_endpoints": [e for e in endpoints if one["ModelName"] in _hosted(e)]} for one in records]
        if resource == "ModelPackage":
            # Unlike DescribeModelPackage, Search names a version (API reference, ModelPackage: ModelPackageName).
            return [{**one, "ModelPackageName": model_package_key(one)} for one in records]
        return records


def _searched(shape: Any) -> Any:
    """The shape whose properties are asked: a model's own, inside what the dashboard shows of it."""
    return shape.members["Model"] if shape.name == "ModelDashboardModel" else shape


def _hosted(endpoint: Record) -> list[str]:
    return [variant["ModelName"] for variant in (endpoint.get("_hosted") or {}).get("variants", ())]


def _order(shape: Any, name: str | None) -> Callable[[Record], Any]:
    """What records are sorted by; the default is LastModifiedTime, and CreationTime of what is never modified."""
    if name is None:
        return lambda record: record.get("LastModifiedTime", record["CreationTime"])
    return _property(shape, name).order


def _property(shape: Any, name: str) -> Property:
    """A property of the records; a model's may have the name of the dashboard's member in front."""
    return Property.of(shape, name.removeprefix("Model.") if shape.name == "Model" else name)


def _shown(resource: str, record: Record) -> Record:
    return {"Model": record, "Endpoints": record["_endpoints"]} if resource == "Model" else record


class _Expression:
    """A SearchExpression as a condition. shape: of the records, or of the entries of a list in them."""

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        self._count = self._containing = 0

    def condition(self, given: Mapping[str, Any]) -> Condition:
        """Raises ServiceError for what the API refuses."""
        conditions = [
            *(self._filter(one, self._shape) for one in given.get("Filters") or ()),
            *(self._nested(one) for one in given.get("NestedFilters") or ()),
            *(self.condition(one) for one in given.get("SubExpressions") or ()),
        ]
        if not conditions:
            raise validation_error("A SearchExpression must have at least one subexpression, filter or nested filter.")
        together = any if given.get("Operator") == "Or" else all
        return lambda record: together(condition(record) for condition in conditions)

    def _nested(self, given: Mapping[str, Any]) -> Condition:
        """One entry of the list has to satisfy all filters; their names have the list's in front."""
        name = given["NestedPropertyName"]
        entries = Property.of(self._shape, name)
        shape = self._shape
        for step in name.split("."):
            shape = shape.members[step]
        if shape.type_name != "list":
            raise validation_error(f"NestedPropertyName {name} is not a property that holds a list.")
        filters = [self._filter(one, shape.member, f"{name}.") for one in given["Filters"]]
        return lambda record: any(all(fits(entry) for fits in filters) for entry in entries.values(record))

    def _filter(self, given: Mapping[str, Any], shape: Any, before: str = "") -> Condition:
        self._count += 1
        if self._count > _MOST_CONDITIONS:
            raise validation_error(f"A SearchExpression can have at most {_MOST_CONDITIONS} conditions.")
        if not given["Name"].startswith(before):
            raise validation_error(f"The property {given['Name']} is not one of {before.rstrip('.')}.")
        of = _property(shape, given["Name"].removeprefix(before))
        name = given.get("Operator") or "Equals"
        if name in ("Exists", "NotExists"):
            return lambda record: bool(of.values(record)) == (name == "Exists")
        if not given.get("Value"):
            raise validation_error(f"The filter on {given['Name']} with operator {name} must have a Value.")
        if of.kind == WHOLE:
            raise validation_error(f"The property {given['Name']} can be compared with no value.")
        if name == "Contains":
            self._containing += 1
            if self._containing > 1:
                raise validation_error("'CONTAINS' operator usage limit of 1 exceeded.")
        return _comparison(of, name, given["Value"])


def _comparison(of: Property, name: str, value: str) -> Condition:
    if name in ("Contains", "In"):
        if of.kind not in (TEXT, SETTING):
            raise validation_error(f"Operator {name} is only supported for text properties; {of.name} is a {of.kind}.")
        if name == "Contains":
            return lambda record: any(value in str(found) for found in of.values(record))
        choices = [choice.strip() for choice in value.split(",")]
        return lambda record: any(str(found) in choices for found in of.values(record))
    wanted = of.parse(value)
    if name in _ORDERS:
        if of.kind in (TEXT, FLAG) or (of.kind == SETTING and as_number(value) is None):
            raise validation_error(f"Operator {name} is not supported for text property {of.name}.")
        compare = _ORDERS[name]
        return lambda record: any(compare(*_pair(of, found, wanted)) for found in of.values(record))
    equal: Condition = lambda record: any(operator.eq(*_pair(of, found, wanted)) for found in of.values(record))  # noqa: E731
    return equal if name == "Equals" else lambda record: not equal(record)


def _pair(of: Property, found: Any, wanted: Any) -> tuple[Any, Any]:
    """A record's value and the filter's, as they are compared.

    A hyperparameter is compared as a number where both are numbers: as an integer where the filter's value is one.
    """
    number = as_number(found)
    if of.kind != SETTING or number is None or as_number(wanted) is None:
        return found, wanted
    return (int(number), int(wanted)) if str(wanted).lstrip("+-").isdigit() else (number, float(wanted))
