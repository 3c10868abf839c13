"""List operations: filters, order, pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.errors import validation_error
from localcloud.sagemaker.store import Record

_TIMES = (
    ("CreationTimeAfter", "CreationTime", 1),
    ("CreationTimeBefore", "CreationTime", -1),
    ("LastModifiedTimeAfter", "LastModifiedTime", 1),
    ("LastModifiedTimeBefore", "LastModifiedTime", -1),
)


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
        chosen = [record for record in records if self._fits(record, request)]
        sort = request.get("SortBy") or self.default_sort
        # The name decides between equals, so that pages neither repeat nor skip.
        chosen.sort(
            key=lambda record: (self._key(record, sort), str(record[self.name])),
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
        if sort == "Name":
            return record[self.name].lower()
        if sort == "Status":
            return record.get(self.status, "")
        return record.get(sort, 0.0)


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
