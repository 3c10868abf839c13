"""The instances that an environment takes, against quotas as Service Quotas lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from samples import environment

from deployment.doctor.quotas import Need, Quota, find_quotas, needs, quota_verdict
from kickstand.config.model import Hosting, Training, Transform
from kickstand.config.operation import Scaling

PLACE = "--region us-east-1"
NEED = Need("endpoint", "ml.m5.large for endpoint usage", 2, 4)


class ServiceQuotas:
    """Lists of quotas, in pages; counts the pages that were read."""

    def __init__(self, **lists: list[list[tuple[str, float]]]) -> None:
        self.lists, self.read = lists, 0

    def get_paginator(self, operation: str) -> ServiceQuotas:
        self.operation = operation
        return self

    def paginate(self, ServiceCode: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert ServiceCode == "sagemaker"
        for page in self.lists.get(self.operation, []):
            self.read += 1
            quotas = [
                {"QuotaName": name, "QuotaCode": f"L-{name}", "Value": value, "Adjustable": True}
                for name, value in page
            ]
            yield {"Quotas": quotas}


def test_an_environment_needs_its_jobs_and_twice_its_endpoint_to_update() -> None:
    assert needs(environment()) == (
        Need("training", "ml.m5.xlarge for training job usage", 1, 1),
        Need("all training", "Number of instances across all training jobs", 1, 1, account_wide=True),
        Need("endpoint", "ml.m5.large for endpoint usage", 1, 2),
        Need("all endpoint", "Number of instances across active endpoints", 1, 2, account_wide=True),
        Need("transform", "ml.m5.large for transform job usage", 1, 1),
        Need("all transform", "Number of instances across all transform jobs", 1, 1, account_wide=True),
    )
    other = environment(
        training=Training(instance_type="ml.c5.xlarge", instance_count=3, spot=True, max_wait_seconds=7200),
        hosting=Hosting(instance_count=2),
        transform=Transform(instance_type="ml.c5.4xlarge", instance_count=4),
    )
    assert needs(other) == (
        Need("training", "ml.c5.xlarge for spot training job usage", 3, 3),
        Need("all training", "Number of instances across all spot training jobs", 3, 3, account_wide=True),
        NEED,
        Need("all endpoint", "Number of instances across active endpoints", 2, 4, account_wide=True),
        Need("transform", "ml.c5.4xlarge for transform job usage", 4, 4),
        Need("all transform", "Number of instances across all transform jobs", 4, 4, account_wide=True),
    )


def test_an_endpoint_that_scales_needs_its_largest_fleet_and_twice_that_to_update() -> None:
    scaling = Scaling(minimum=2, maximum=6, invocations_per_minute=100, schedule=("rate(1 day): 2 to 7",))
    found = needs(environment(hosting=Hosting(instance_type="ml.c5.large", scaling=scaling)))
    assert [(one.quota, one.count, one.better) for one in found if "endpoint" in one.use] == [
        ("ml.c5.large for endpoint usage", 7, 14),
        ("Number of instances across active endpoints", 7, 14),
    ]


def test_the_accounts_own_value_comes_before_the_default_and_reading_ends_early() -> None:
    client = ServiceQuotas(
        list_service_quotas=[[("other", 1.0), ("a", 5.0)], [("never read", 1.0)]],
        list_aws_default_service_quotas=[[("a", 0.0)]],
    )
    assert find_quotas(client, ["a"]) == {"a": Quota("L-a", 5.0, True)}  # type: ignore[arg-type]
    assert client.read == 1
    client = ServiceQuotas(
        list_service_quotas=[[("a", 5.0)]], list_aws_default_service_quotas=[[("a", 9.0), ("b", 0.0)]]
    )
    assert find_quotas(client, ["a", "b", "c"]) == {"a": Quota("L-a", 5.0, True), "b": Quota("L-b", 0.0, True)}  # type: ignore[arg-type]


def test_verdicts() -> None:
    zero = quota_verdict(NEED, Quota("L-1", 0.0, True), PLACE)
    assert (zero.name, zero.status) == ("quota: endpoint", "problem")
    assert zero.found == "ml.m5.large for endpoint usage: 0; the environment takes 2."
    assert zero.fix == (
        "Run: aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-1 "
        "--desired-value 4 --region us-east-1 (or choose another instance type)"
    )
    assert quota_verdict(NEED, Quota("L-1", 3.0, True), PLACE).status == "warning"
    assert quota_verdict(NEED, Quota("L-1", 4.0, True), PLACE).status == "ok"
    assert "does not raise" in quota_verdict(NEED, Quota("L-1", 0.0, False), PLACE).fix
    total = Need("all endpoint", "Number of instances across active endpoints", 2, 4, account_wide=True)
    assert quota_verdict(total, Quota("L-7A3DF611", 1.0, True), PLACE).fix.endswith("(or take fewer instances)")
    assert quota_verdict(total, None, PLACE).fix == "Ask AWS Support what the account may run."
    unknown = quota_verdict(NEED, None, PLACE)
    assert (unknown.status, unknown.found) == ("warning", 'Service Quotas knows no "ml.m5.large for endpoint usage".')
