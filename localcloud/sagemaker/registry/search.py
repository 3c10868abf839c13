"""Search: training jobs, models, endpoints, model packages and their groups, by a Boolean expression of properties.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html, API_SearchExpression.html, API_Filter.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.sagemaker.api.access import model_package_key
from localcloud.sagemaker.api.call import Call, unsupported, validation_error
from localcloud.sagemaker.api.service_model import service_model
from localcloud.sagemaker.listing import Tags, next_token, offset_of
from localcloud.sagemaker.registry.search_property import FLAG, SETTING, TEXT, WHOLE, Property, as_number
from localcloud.sagemaker.store import Record, Stores

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
