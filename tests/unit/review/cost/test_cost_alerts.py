"""What alarms and alerts cost a month: exact figures, and the prices of the repository's own table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from test_cost import hosting, report

from kickstand.aws.prices import price_table
from review.reports import CostLine


def alarm(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}


def watched(name: str, period: int) -> dict[str, Any]:
    return {"Id": name, "MetricStat": {"Metric": {"MetricName": name}, "Period": period, "Stat": "Sum"}}


def test_an_alarm_is_paid_by_the_metrics_that_it_watches_and_more_below_a_minute() -> None:
    """https://aws.amazon.com/cloudwatch/pricing/: 0.10 a metric, 0.30 at a high resolution. Nobody counts on ten."""
    rate = {"Id": "rate", "Expression": "errors / requests"}
    alarms = {
        "One": alarm(Period=60),
        "Long": alarm(Period="300"),
        "Rate": alarm(Metrics=[watched("errors", 60), watched("requests", 60), rate]),
        "Short": alarm(Period=10),
        "ShortRate": alarm(Metrics=[watched("errors", 30), watched("requests", 30), rate]),
    }
    made = report(None, {"Resources": alarms})
    assert [(line.what, line.quantity, line.unit_price, line.after) for line in made.lines] == [
        ("CloudWatch alarms", "4 a month", "0.1 USD a month", 0.4),
        ("CloudWatch alarms of short periods", "3 a month", "0.3 USD a month", 0.9),
    ]
    assert made.after == 1.3


def test_alerts_cost_a_key_and_no_more_until_something_is_sent() -> None:
    """Of the key of a topic the month is counted; requests and messages are use, and so is a rotation to come."""
    kinds = ("AWS::KMS::Key", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription", "AWS::SQS::Queue")
    alerts: dict[str, Any] = {kind.replace(":", ""): {"Type": kind, "Properties": {}} for kind in kinds}
    made = report(hosting(), hosting(**alerts))
    assert made.lines[1] == CostLine(
        what="KMS keys", quantity="1 a month", unit_price="1 USD a month", before=0.0, after=1.0
    )
    assert (len(made.lines), made.before, made.after, made.unknown) == (2, 83.95, 84.95, ())
    assert [line.sentence for line in made.headlines] == [
        "Costs 1.00 USD a month more: 84.95 instead of 83.95 (KMS keys)."
    ]
    rotation = (
        "A KMS key costs as much again after each of its first two rotations: with a rotation a year, three times "
        "its price from the third year on."
    )
    use = (
        "What depends on use alone is in no sum: stored data (S3: 0.023 USD for a GB and month), logs, requests to the "
        "endpoint, S3 and KMS, messages of SNS and SQS, steps of the state machine, disks of instances."
    )
    assert rotation in made.assumptions and use in made.assumptions
    assert rotation not in report(None, hosting()).assumptions


@pytest.mark.parametrize(
    ("region", "name", "amount", "read_on"),
    [
        ("us-east-1", "cloudwatch-alarm-month", "0.1", "2026-07-30"),
        ("us-east-1", "kms-key-month", "1", "2026-09-11"),
        ("us-west-2", "cloudwatch-alarm-month", "0.1", "2026-08-08"),
        ("us-west-2", "cloudwatch-high-resolution-alarm-month", "0.3", "2026-08-08"),
        ("us-west-2", "kms-key-month", "1", "2026-08-08"),
    ],
)
def test_the_repository_prices_alarms_and_keys(region: str, name: str, amount: str, read_on: str) -> None:
    price = price_table().price(region, "services", name)
    assert price is not None
    assert (price.amount, price.read_on.isoformat()) == (Decimal(amount), read_on)


def test_a_region_whose_prices_nobody_read_has_none() -> None:
    assert price_table().price("eu-central-1", "services", "kms-key-month") is None
