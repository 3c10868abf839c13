"""List operations (filters, order, pages) and the tags of every kind of resource."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.api.call import Call, Scope, access_denied, unsupported, validation_error
from localcloud.sagemaker.jobs.kind import KINDS
from localcloud.sagemaker.store import Record, Stores, Table

_TIMES = (
    ("CreationTimeAfter", "CreationTime", 1),
    ("CreationTimeBefore", "CreationTime", -1),
    ("LastModifiedTimeAfter", "LastModifiedTime", 1),
    ("LastModifiedTimeBefore", "LastModifiedTime", -1),
)
_FILTERS = ("NameContains", "StatusEquals", *(member for member, _, _ in _TIMES))


@dataclass(frozen=True, slots=True)
class Listing:
    """How one kind is listed.

    answer: the member of the answer that holds the summaries. name and status: the record's fields.
    default_sort, default_order: what AWS takes when the request does not say (API reference of each operation).
    page_size: the size of a page when MaxResults is absent.
    """

    answer: str
    name: str
    status: str = ""
    default_sort: str = "CreationTime"
    default_order: str = "Descending"
    page_size: int = 10

    def page_of(self, records: Iterable[Record], request: Mapping[str, Any]) -> dict[str, Any]:
        """One page of the records that the request's filters leave."""
        filtered = any(request.get(member) is not None for member in _FILTERS)
        chosen = [record for record in records if self._fits(record, request)] if filtered else [*records]
        sort = request.get("SortBy") or self.default_sort
        # The name decides between equals, so that pages neither repeat nor skip.
        name, key = self.name, self._key
        chosen.sort(
            key=lambda record: (key(record, sort), str(record[name])),
            reverse=(request.get("SortOrder") or self.default_order) == "Descending",
        )
        start = offset_of(request.get("NextToken"))
        end = start + (request.get("MaxResults") or self.page_size)
        page: dict[str, Any] = {self.answer: chosen[start:end]}
        if end < len(chosen):
            page["NextToken"] = next_token(end)
        return page

    def _fits(self, record: Record, request: Mapping[str, Any]) -> bool:
        contains = request.get("NameContains")
        if contains and contains.lower() not in str(record[self.name]).lower():
            return False
        wanted = request.get("StatusEquals")
        if wanted and record.get(self.status) != wanted:
            return False
        for member, field, sign in _TIMES:
            limit = request.get(member)
            if limit is not None and sign * (record.get(field, 0.0) - limit) <= 0:
                return False
        return True

    def _key(self, record: Record, sort: str) -> Any:
        if sort not in ("Name", "Status"):
            return record.get(sort, 0.0)
        return record[self.name].lower() if sort == "Name" else record.get(self.status, "")


def next_token(offset: int) -> str:
    """The token of the page that begins there."""
    return base64.urlsafe_b64encode(json.dumps({"offset": offset}).encode()).decode()


def offset_of(token: str | None) -> int:
    """Where the page of a token begins."""
    if not token:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token.encode()))["offset"])
    except (ValueError, KeyError, TypeError) as broken:
        raise validation_error("The pagination token is invalid.") from broken


_LIMIT = 50


class Tags:
    """Key and value pairs by the ARN of what they are on, in the order in which they were added."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._listing = Listing("Tags", "Key", default_sort="_order", default_order="Ascending", page_size=50)

    def add_tags(self, call: Call) -> dict[str, Any]:
        """AddTags: overwrites the value of a key that is there."""
        arn = self._existing(call)
        return {"Tags": self.put(call.scope, arn, call.request["Tags"])}

    def list_tags(self, call: Call) -> dict[str, Any]:
        """ListTags."""
        arn = self._existing(call)
        ordered = [{**tag, "_order": place} for place, tag in enumerate(self.of(call.scope, arn))]
        return self._listing.page_of(ordered, call.request)

    def delete_tags(self, call: Call) -> dict[str, Any]:
        """DeleteTags: keys that are not there are passed over."""
        arn = self._existing(call)
        gone = set(call.request["TagKeys"])
        self._keep(call.scope, arn, [tag for tag in self.of(call.scope, arn) if tag["Key"] not in gone])
        return {}

    def of(self, scope: Scope, arn: str) -> list[dict[str, str]]:
        """The tags of a resource, empty where there are none."""
        record = self._stores.tags.get(scope, arn)
        return list(record["Tags"]) if record else []

    def put(
        self, scope: Scope, arn: str, tags: Iterable[Mapping[str, str]], *, system: bool = False
    ) -> list[dict[str, str]]:
        """Add tags; system: those of CloudFormation, whose keys begin with `aws:`, are let through."""
        merged = {tag["Key"]: tag["Value"] for tag in self.of(scope, arn)}
        for tag in tags:
            if tag["Key"].lower().startswith("aws:") and not system:
                raise validation_error("aws: prefixed tag key names are not allowed for external use.")
            merged[tag["Key"]] = tag["Value"]
        if len([key for key in merged if not key.lower().startswith("aws:")]) > _LIMIT:
            raise validation_error(f"A resource can have at most {_LIMIT} tags.")
        kept = [{"Key": key, "Value": value} for key, value in merged.items()]
        self._keep(scope, arn, kept)
        return kept

    def replace(self, scope: Scope, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        """Leave exactly these tags, as an update through CloudFormation does."""
        self._stores.tags.remove(scope, arn)
        self.put(scope, arn, tags, system=True)

    def forget(self, scope: Scope, arn: str) -> None:
        """Drop the tags of a resource that was deleted."""
        self._stores.tags.remove(scope, arn)

    def _keep(self, scope: Scope, arn: str, tags: list[dict[str, str]]) -> None:
        if tags:
            self._stores.tags.put(scope, arn, {"Tags": tags})
        else:
            self._stores.tags.remove(scope, arn)

    def _existing(self, call: Call) -> str:
        """The request's ARN, lowered as SageMaker's are; refused where it names nothing of this account and region."""
        arn = str(call.request["ResourceArn"])
        parts = arn.split(":", 5)
        if parts[4] != call.scope.account:
            raise access_denied(f"The resource {arn} belongs to another account.")
        kind, _, name = parts[5].partition("/")
        table = self._tables().get(kind)
        if table is None:
            raise unsupported(f"Tagging a resource of kind {kind}")
        if parts[3] != call.scope.region or table.get(call.scope, name) is None:
            raise validation_error(f"Could not find resource {arn}.")
        return call.scope.arn(kind, name)

    def _tables(self) -> dict[str, Table]:
        stores = self._stores
        return {
            **{kind.resource: stores.table(kind.table) for kind in KINDS},
            "model": stores.models,
            "endpoint-config": stores.endpoint_configs,
            "endpoint": stores.endpoints,
            "model-package-group": stores.model_package_groups,
            "model-package": stores.model_packages,
        }
