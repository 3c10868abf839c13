"""Lists: filters, order, pages that neither repeat nor skip."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.sagemaker.api.call import ServiceError
from localcloud.sagemaker.listing import Listing

LISTING = Listing("Endpoints", "EndpointName", "EndpointStatus")
RECORDS = [
    {"EndpointName": "b", "EndpointStatus": "InService", "CreationTime": 2.0, "LastModifiedTime": 9.0},
    {"EndpointName": "A", "EndpointStatus": "Failed", "CreationTime": 1.0, "LastModifiedTime": 8.0},
    {"EndpointName": "c", "EndpointStatus": "InService", "CreationTime": 2.0, "LastModifiedTime": 7.0},
]


def names(**request: Any) -> list[str]:
    return [record["EndpointName"] for record in LISTING.page_of(RECORDS, request)["Endpoints"]]


def test_newest_first_is_the_default() -> None:
    assert names() == ["c", "b", "A"]


def test_order() -> None:
    assert names(SortBy="Name", SortOrder="Ascending") == ["A", "b", "c"]
    assert names(SortBy="Status", SortOrder="Ascending") == ["A", "b", "c"]
    assert names(SortBy="CreationTime", SortOrder="Ascending") == ["A", "b", "c"]


def test_filters() -> None:
    assert names(NameContains="a") == ["A"]
    assert names(StatusEquals="InService") == ["c", "b"]
    assert names(CreationTimeAfter=1.0) == ["c", "b"]
    assert names(CreationTimeBefore=2.0) == ["A"]
    assert names(LastModifiedTimeBefore=9.0, LastModifiedTimeAfter=7.0) == ["A"]


def test_pages_follow_each_other() -> None:
    first = LISTING.page_of(RECORDS, {"MaxResults": 2})
    second = LISTING.page_of(RECORDS, {"MaxResults": 2, "NextToken": first["NextToken"]})
    assert [record["EndpointName"] for page in (first, second) for record in page["Endpoints"]] == ["c", "b", "A"]
    assert "NextToken" not in second


@pytest.mark.parametrize("token", ["x", "bm8=", "eyJhIjogMX0="])
def test_a_token_of_ones_own_is_refused(token: str) -> None:
    with pytest.raises(ServiceError, match="pagination token is invalid"):
        LISTING.page_of(RECORDS, {"NextToken": token})
