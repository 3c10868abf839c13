"""Service Quotas of the local cloud, held to botocore's model of the service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.ministack.registry import Request
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.service_quotas import answer

SCOPE = Scope("111122223333", "eu-west-1")


def ask(operation: str, **members: Any) -> tuple[int, dict[str, Any]]:
    headers = {"x-amz-target": f"ServiceQuotasV20190624.{operation}"}
    response = answer(Request("POST", "/", headers, json.dumps(members).encode(), {}), SCOPE)
    return response.status, json.loads(response.body)


def every(operation: str = "ListServiceQuotas") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        _, page = ask(operation, ServiceCode="sagemaker", **token)
        found += page["Quotas"]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def test_every_type_and_use_has_one_quota() -> None:
    found = every()
    by_name = {one["QuotaName"]: one for one in found}
    assert len(by_name) == len(found) == len({one["QuotaCode"] for one in found})
    quota = by_name["ml.m5.xlarge for spot training job usage"]
    assert (quota["Value"], quota["Adjustable"], quota["ServiceCode"]) == (20.0, True, "sagemaker")
    assert quota["QuotaArn"] == f"arn:aws:servicequotas:eu-west-1:111122223333:sagemaker/{quota['QuotaCode']}"
    assert {"ml.m5.large for endpoint usage", "ml.m5.large for transform job usage"} <= set(by_name)
    assert {
        "Number of instances across all training jobs",
        "Number of instances across all spot training jobs",
        "Number of instances across active endpoints",
        "Number of instances across all transform jobs",
    } <= set(by_name)
    assert every("ListAWSDefaultServiceQuotas") == found
    assert ask("GetServiceQuota", ServiceCode="sagemaker", QuotaCode=quota["QuotaCode"]) == (200, {"Quota": quota})


def test_pages_have_the_size_that_is_asked_for() -> None:
    _, page = ask("ListServiceQuotas", ServiceCode="sagemaker", MaxResults=3)
    _, following = ask("ListServiceQuotas", ServiceCode="sagemaker", MaxResults=3, NextToken=page["NextToken"])
    assert [*page["Quotas"], *following["Quotas"]] == every()[:6]


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("ListServiceQuotas", {}, "IllegalArgumentException"),
        ("ListServiceQuotas", {"ServiceCode": "sagemaker", "MaxResults": 101}, "IllegalArgumentException"),
        ("ListServiceQuotas", {"ServiceCode": "sagemaker", "NextToken": "eA=="}, "InvalidPaginationTokenException"),
        ("ListServiceQuotas", {"ServiceCode": "s3"}, "NoSuchResourceException"),
        ("GetServiceQuota", {"ServiceCode": "sagemaker", "QuotaCode": "L-00000000"}, "NoSuchResourceException"),
        ("RequestServiceQuotaIncrease", {"ServiceCode": "sagemaker"}, "UnknownOperationException"),
    ],
)
def test_errors_have_awss_codes(operation: str, members: dict[str, Any], code: str) -> None:
    status, body = ask(operation, **members)
    assert (status, body["__type"]) == (400, code)
