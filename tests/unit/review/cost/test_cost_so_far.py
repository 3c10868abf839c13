"""What a model's training and an endpoint have cost so far, to the last digit, and how it is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import release
from test_cost import TABLE

from kickstand.aws.prices import price_table
from kickstand.errors import KickstandError
from kickstand.text import COLUMNS
from review.cost import spent
from review.cost.spent import (
    Hosted,
    Spent,
    Transformed,
    cost_fields,
    cost_lines,
    hosted_endpoint,
    hosting_spent,
    together,
    traffic_cost,
    training_spent,
    transform_spent,
)
from review.reports import CostLine, CostReport

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REPORT = CostReport(
    currency="USD",
    priced_on="2026-11-01",
    lines=(
        CostLine(
            what="endpoint bikes-dev: 2 x ml.m5.large",
            quantity="1,460 instance hours",
            unit_price="0.115 USD an hour",
            before=167.9,
            after=167.9,
        ),
        CostLine(
            what="a training job: 1 x ml.m5.xlarge",
            quantity="by use, in no sum",
            unit_price="0.23 USD an hour",
            before=0,
            after=0,
        ),
    ),
    before=167.9,
    after=167.9,
    unknown=(),
    assumptions=("Prices are on demand.",),
    headlines=(),
)


def hosted(*instances: tuple[str, int], created: datetime = NOON) -> Hosted:
    return Hosted("bikes-dev", created, instances)


def test_training_is_paid_by_the_second_of_each_instance() -> None:
    job = release().training_job.model_copy(update={"billable_seconds": 1800, "instance_count": 2})
    found = training_spent(release(training_job=job), TABLE, as_of=date(2026, 11, 23))
    assert found == Spent(
        "training the model",
        Decimal("0.2300"),
        f"{job.name}: 1,800 billable seconds on 2 x ml.m5.xlarge in us-east-1, at 0.23 USD an hour "
        "(price of 2026-11-01)",
    )


def test_training_elsewhere_has_that_regions_price_or_none() -> None:
    job = release().training_job.model_copy(
        update={"arn": "arn:aws:sagemaker:eu-west-9:111122223333:training-job/x", "billable_seconds": 1}
    )
    found = training_spent(release(training_job=job), TABLE, as_of=date(2026, 11, 23))
    assert found.amount is None
    assert found.how.endswith(
        "1 billable second on 1 x ml.m5.xlarge in eu-west-9; no price of ml.m5.xlarge is known there"
    )


def test_hosting_is_estimated_from_the_endpoints_beginning() -> None:
    (found,) = hosting_spent(
        hosted(("ml.m5.large", 2), created=datetime(2026, 11, 21, 13, 0, tzinfo=timezone(timedelta(hours=1)))),
        "us-east-1",
        TABLE,
        until=NOON,
    )
    assert found == Spent(
        "hosting bikes-dev since 2026-11-21 12:00 UTC",
        Decimal("11.0400"),  # 48 hours of two, at 0.115
        "estimate: 48.0 hours of 2 x ml.m5.large in us-east-1, at 0.115 USD an hour (price of 2026-11-01), as if the "
        "endpoint had always had the instances that it has now",
    )


def test_an_old_price_says_its_age_and_a_missing_one_is_in_no_sum() -> None:
    until = NOON + timedelta(hours=10)
    old, unknown = hosting_spent(hosted(("ml.c5.large", 1), ("ml.x9.large", 1)), "us-east-1", TABLE, until=until)
    assert "(price of 2026-05-01, 206 days old)" in old.how
    assert unknown.amount is None
    assert unknown.how == "estimate: 10.0 hours of 1 x ml.x9.large in us-east-1; no price of ml.x9.large is known there"
    assert together((old, unknown)) == Decimal("1.0200")


def test_before_it_was_made_an_endpoint_has_cost_nothing() -> None:
    (found,) = hosting_spent(hosted(("ml.m5.large", 1)), "us-east-1", TABLE, until=NOON - timedelta(days=1))
    assert found.amount == 0


class Sagemaker:
    """What SageMaker answers of one endpoint, or the error that it raises."""

    def __init__(self, error: str = "") -> None:
        self.error = error

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if self.error:
            code, _, message = self.error.partition(": ")
            raise ClientError({"Error": {"Code": code, "Message": message}}, "DescribeEndpoint")
        variants = [{"VariantName": "a", "CurrentInstanceCount": 3}]
        return {"CreationTime": NOON, "EndpointConfigName": "c", "ProductionVariants": variants}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        first = {"VariantName": "a", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        return {"ProductionVariants": [first, {**first, "VariantName": "b", "InstanceType": "ml.c5.large"}]}


def test_as_many_instances_are_counted_as_run_now() -> None:
    assert hosted_endpoint(Sagemaker(), "bikes-dev") == hosted(("ml.m5.large", 3), ("ml.c5.large", 1))  # type: ignore[arg-type]


def test_no_endpoint_is_no_error_a_refusal_is() -> None:
    assert hosted_endpoint(Sagemaker('ValidationException: Could not find endpoint "x".'), "bikes-dev") is None  # type: ignore[arg-type]
    with pytest.raises(KickstandError, match="DescribeEndpoint"):
        hosted_endpoint(Sagemaker("AccessDeniedException: not DescribeEndpoint"), "bikes-dev")  # type: ignore[arg-type]


def transform(name: str, kind: str, count: int, seconds: int | None) -> Transformed:
    """A job that began an hour before noon; None: it runs."""
    began = NOON - timedelta(hours=1)
    return Transformed(name, kind, count, began, None if seconds is None else began + timedelta(seconds=seconds))


def test_transform_jobs_are_paid_by_the_second_of_each_instance() -> None:
    jobs = [
        transform("a", "ml.m5.large", 2, 600),
        transform("b", "ml.m5.large", 1, None),  # it has run for an hour
        transform("c", "ml.x9.large", 1, 10),
    ]
    assert transform_spent(jobs, "us-east-1", TABLE, until=NOON) == (
        Spent(
            "batch transform",
            Decimal("0.1533"),  # 4,800 s at 0.115
            "2 transform jobs: 4,800 instance seconds of ml.m5.large in us-east-1, at 0.115 USD an hour "
            "(price of 2026-11-01)",
        ),
        Spent(
            "batch transform",
            None,
            "1 transform job: 10 instance seconds of ml.x9.large in us-east-1; no price of ml.x9.large is known there",
        ),
    )
    (half,) = transform_spent(jobs[:1], "us-east-1", TABLE, until=NOON - timedelta(minutes=55))
    assert half.how.startswith("1 transform job: 600 instance seconds of ml.m5.large")
    assert transform_spent(jobs, "us-east-1", TABLE, until=NOON - timedelta(hours=2)) == ()


class Transforms:
    """SageMaker with jobs by name: those whose name ends in `waiting` have not begun."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def get_paginator(self, operation: str) -> Transforms:
        assert operation == "list_transform_jobs"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        order = {"SortBy": "CreationTime", "SortOrder": "Descending"}
        assert request == {"NameContains": "bikes-dev-", **order, "PaginationConfig": {"PageSize": 100}}
        return [{"TransformJobSummaries": [{"TransformJobName": name}]} for name in self.names]

    def describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N803
        began = {} if TransformJobName.endswith("waiting") else {"TransformStartTime": NOON}
        return {**began, "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}


def test_the_environments_own_transform_jobs_are_looked_at_the_newest_first() -> None:
    sagemaker = Transforms("bikes-dev-3", "my-bikes-dev-9", "bikes-dev-2-waiting", "bikes-dev-1")
    assert spent.transformed_jobs(sagemaker, "bikes-dev", most=2) == (  # type: ignore[arg-type]
        [Transformed("bikes-dev-3", "ml.m5.large", 2, NOON, None)],
        1,
    )


def test_the_answer_stands_first() -> None:
    spent = [
        Spent("training the model", Decimal("0.0038"), "how it was"),
        Spent("hosting bikes-dev", Decimal("11.04"), "estimate: " + "words " * 20),
    ]
    told = list(cost_lines("bikes-dev", REPORT, spent, NOON))
    assert told[:6] == [
        "bikes-dev costs 167.90 USD a month, and has cost about 11.04 USD so far.",
        "",
        f"{'So far, until 2026-11-23 12:00 UTC':<68}{'USD':>12}",
        f"{'  training the model':<68}{'0.0038':>12}",
        "    how it was",
        f"{'  hosting bikes-dev':<68}{'11.0400':>12}",
    ]
    start = told.index("") + told[told.index("") + 1 :].index("") + 2
    assert told[start:] == [
        f"{'A month, as it is deployed':<68}{'USD':>12}",
        f"{'  endpoint bikes-dev: 2 x ml.m5.large':<68}{'167.90':>12}",
        "    1,460 instance hours at 0.115 USD an hour",
        f"{'  a training job: 1 x ml.m5.xlarge':<68}{'by use':>12}",
        "    by use, in no sum, 0.23 USD an hour",
        f"{'  together':<68}{'167.90':>12}",
        "",
        "Prices are on demand.",
    ]
    assert max(map(len, told)) <= COLUMNS


def test_what_has_no_price_is_said_at_once_and_is_null_for_a_program() -> None:
    spent = [Spent("training the model", None, "no price")]
    assert list(cost_lines("bikes-dev", REPORT, spent, NOON))[1] == "What has no known price is in neither sum."
    fields = cost_fields("bikes-dev", REPORT, spent, NOON)
    assert (fields["so_far"][0]["amount"], fields["so_far_together"]) == (None, "0.0000")
    assert (fields["until"], fields["month_together"]) == ("2026-11-23T12:00:00Z", 167.9)
    assert fields["month"][0]["amount"] == 167.9


def test_traffic_costs_the_instances_time_and_the_data() -> None:
    found = traffic_cost(
        hosted(("ml.m5.large", 2)), "us-east-1", TABLE, seconds=1800, sent=3 * 10**9, answered=10**9, as_of=NOON.date()
    )
    assert found == (
        Spent(
            "2 x ml.m5.large, which are billed with and without requests",
            Decimal("0.1150"),
            "1,800 s in us-east-1, at 0.115 USD an hour (price of 2026-11-01)",
        ),
        Spent("data processed", None, "about 4.0000 GB in and out; no price of a GB is known in us-east-1"),
    )
    (unknown, data) = traffic_cost(
        hosted(("ml.odd", 1)), "us-east-1", price_table(), seconds=60, sent=10**9, answered=0, as_of=NOON.date()
    )
    assert (unknown.amount, unknown.how) == (None, "60 s in us-east-1; no price of ml.odd is known there")
    assert data == Spent(
        "data processed", Decimal("0.0200"), "about 1.0000 GB in and out, at 0.02 USD a GB (price of 2026-09-27)"
    )
