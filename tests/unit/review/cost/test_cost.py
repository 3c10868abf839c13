"""What a month costs: exact figures from a table of the test's own, and the shape of the repository's."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from samples import environment

from kickstand.aws.prices import PriceTable, price_table
from review.cost.billable import runs_a_month
from review.cost.report import cost_report
from review.reports import CostLine, CostReport

AS_OF = date(2026, 11, 23)
TABLE = PriceTable.model_validate(
    {
        "priced_on": "2026-11-01",
        "currency": "USD",
        "source": "a test",
        "regions": {
            "us-east-1": {
                "hosting": [
                    {
                        "read_on": "2026-05-01",
                        "source": "an older list",
                        "prices": {"ml.c5.large": "0.102", "ml.m5.large": "0.2"},
                    },
                    {"read_on": "2026-11-01", "source": "a newer list", "prices": {"ml.m5.large": "0.115"}},
                ],
                "training": [{"read_on": "2026-11-01", "source": "a newer list", "prices": {"ml.m5.xlarge": "0.23"}}],
                "services": [
                    {
                        "read_on": "2026-11-01",
                        "source": "a newer list",
                        "prices": {
                            "cloudwatch-alarm-month": "0.1",
                            "cloudwatch-high-resolution-alarm-month": "0.3",
                            "kms-key-month": "1",
                            "s3-gb-month": "0.023",
                        },
                    }
                ],
            }
        },
    }
)
DEFINITION = json.dumps(
    {
        "States": {
            "Train": {
                "Arguments": {
                    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 1800},
                    "RoleArn": "@",
                }
            }
        }
    }
)


def hosting(kind: str = "ml.m5.large", count: int = 1, **more: dict[str, Any]) -> dict[str, Any]:
    variant = {"VariantName": "AllTraffic", "InstanceType": kind, "InitialInstanceCount": count}
    return {
        "Resources": {
            "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
            "Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointName": "bikes-dev"}},
            **more,
        }
    }


def training(schedule: str | None = None) -> dict[str, Any]:
    before, _, after = DEFINITION.partition("@")
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"DefinitionString": {"Fn::Join": ["", [before, {"Fn::GetAtt": ["Role", "Arn"]}, after]]}},
    }
    timer = {"Type": "AWS::Scheduler::Schedule", "Properties": {"ScheduleExpression": schedule}}
    return {"Resources": {"Machine": machine, **({"Timer": timer} if schedule else {})}}


def report(live: dict[str, Any] | None, planned: dict[str, Any] | None, **changes: Any) -> CostReport:
    return cost_report({"stack": live}, {"stack": planned}, environment(**changes), as_of=AS_OF, table=TABLE)


def test_an_endpoint_costs_its_instances_for_730_hours() -> None:
    made = report(None, hosting())
    assert made.lines == (
        CostLine(
            what="endpoint bikes-dev: 1 x ml.m5.large",
            quantity="730 instance hours",
            unit_price="0.115 USD an hour",
            before=0.0,
            after=83.95,
        ),
    )
    assert (made.before, made.after, made.priced_on, made.unknown) == (0.0, 83.95, "2026-11-01", ())
    assert [(line.level, line.sentence) for line in made.headlines] == [
        (
            "warning",
            "Costs 83.95 USD a month more: 83.95 instead of 0.00 (endpoint bikes-dev: 1 x ml.m5.large).",
        )
    ]


def test_a_second_instance_doubles_the_line() -> None:
    (line,) = report(hosting(), hosting(count=2)).lines
    assert (line.what, line.quantity, line.before, line.after) == (
        "endpoint bikes-dev: 2 x ml.m5.large",
        "1,460 instance hours",
        83.95,
        167.9,
    )


def test_an_endpoint_that_scales_costs_its_fewest_instances_and_what_may_be_added_is_said() -> None:
    target = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {"MinCapacity": 2, "MaxCapacity": 5},
    }
    made = report(hosting(count=2), hosting(count=3, Target=target))
    assert [(line.what, line.quantity, line.before, line.after) for line in made.lines] == [
        ("endpoint bikes-dev: 2 x ml.m5.large", "1,460 instance hours", 167.9, 167.9),
        ("endpoint bikes-dev, added by its load: 3 x ml.m5.large", "by use, in no sum", 0.0, 0.0),
    ]
    assert any(
        sentence.startswith("An endpoint that scales is counted with its fewest") for sentence in made.assumptions
    )


def test_another_type_is_a_line_of_its_own_and_an_old_price_is_said_to_be() -> None:
    made = report(hosting(), hosting("ml.c5.large"))
    assert [(line.what, line.before, line.after) for line in made.lines] == [
        ("endpoint bikes-dev: 1 x ml.c5.large", 0.0, 74.46),
        ("endpoint bikes-dev: 1 x ml.m5.large", 83.95, 0.0),
    ]
    assert made.priced_on == "2026-05-01"
    assert [(line.level, line.sentence) for line in made.headlines] == [
        (
            "note",
            "Costs 9.49 USD a month less: 74.46 instead of 83.95 "
            "(endpoint bikes-dev: 1 x ml.c5.large, endpoint bikes-dev: 1 x ml.m5.large).",
        ),
        ("warning", "Prices are older than 180 days (ml.c5.large; the oldest of 2026-05-01, 206 days ago)."),
    ]


@pytest.mark.parametrize(("day", "old"), [(date(2026, 10, 28), False), (date(2026, 10, 29), True)])
def test_a_price_is_old_after_180_days(day: date, old: bool) -> None:
    made = cost_report({}, {"stack": hosting("ml.c5.large")}, environment(), as_of=day, table=TABLE)
    assert any("older than 180 days" in line.sentence for line in made.headlines) is old


def test_what_has_no_price_is_named_and_never_guessed() -> None:
    made = report(None, hosting("ml.m6i.large", 3))
    (line,) = made.lines
    assert (line.unit_price, line.before, line.after) == ("", 0.0, None)
    assert made.unknown == ("ml.m6i.large (hosting) in us-east-1",)
    assert (made.before, made.after) == (0.0, 0.0)
    assert made.headlines[1].level == "warning"
    assert made.headlines[1].sentence == (
        "No price is known for ml.m6i.large (hosting) in us-east-1: the sums are without it."
    )


def test_a_region_without_prices_has_none() -> None:
    made = report(None, hosting(), region="eu-south-2")
    assert made.unknown == ("ml.m5.large (hosting) in eu-south-2",)


def test_training_is_paid_by_the_job_unless_it_is_scheduled() -> None:
    (job,) = report(training(), training()).lines
    assert (job.what, job.quantity, job.unit_price) == (
        "a training job: 2 x ml.m5.xlarge",
        "by use, in no sum",
        "0.23 USD an hour",
    )
    assert (job.before, job.after) == (0.0, 0.0)
    made = report(None, training("rate(1 day)"))
    (line,) = made.lines
    # 730 / 24 runs of half an hour on two instances at 0.23
    assert (line.what, line.quantity, line.after) == (
        "scheduled training, rate(1 day): 2 x ml.m5.xlarge",
        "30.4 instance hours",
        7.0,
    )
    assert "Scheduled training jobs are counted at the longest" in " ".join(made.assumptions)


def test_spot_training_says_that_it_is_shown_on_demand() -> None:
    template = training()
    before, reference, after = template["Resources"]["Machine"]["Properties"]["DefinitionString"]["Fn::Join"][1]
    spot = before.replace('"RoleArn"', '"EnableManagedSpotTraining": true, "RoleArn"')
    template["Resources"]["Machine"]["Properties"]["DefinitionString"]["Fn::Join"][1] = [spot, reference, after]
    made = report(training(), template)
    assert [line.what for line in made.lines] == [
        "a spot training job: 2 x ml.m5.xlarge",
        "a training job: 2 x ml.m5.xlarge",
    ]
    sentence = "Spot training is shown at the price on demand, which it never exceeds: fewer seconds are billed."
    assert sentence in made.assumptions
    assert sentence not in report(training(), training()).assumptions


def transforming(kind: str = "ml.m5.large") -> dict[str, Any]:
    resources = {"TransformResources": {"InstanceType": kind, "InstanceCount": 3}}
    definition = json.dumps({"States": {"Transform": {"Arguments": resources}}})
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": definition}}
    return {"Resources": {"Machine": machine}}


def test_a_transform_is_paid_by_the_job_at_the_price_of_hosting_where_it_has_none_of_its_own() -> None:
    made = report(None, transforming())
    (line,) = made.lines
    assert (line.what, line.quantity, line.unit_price, line.after) == (
        "a transform job: 3 x ml.m5.large",
        "by use, in no sum",
        "0.115 USD an hour",
        0.0,
    )
    assert made.assumptions[1] == "Batch transform is paid by the job, and is in no sum."
    assert made.assumptions[-1] == (
        "ml.m5.large (transform): price of 2026-11-01. Of hosting: batch transform has cost the same wherever both "
        "were read. a newer list"
    )
    assert report(None, transforming("ml.x9.large")).unknown == ("ml.x9.large (transform) in us-east-1",)


def test_a_transform_price_of_its_own_comes_first() -> None:
    own = {"read_on": "2026-01-01", "source": "a transform list", "prices": {"ml.m5.large": "0.3"}}
    regions = {"us-east-1": {**TABLE.model_dump(mode="json")["regions"]["us-east-1"], "transform": [own]}}
    price = TABLE.model_validate({**TABLE.model_dump(mode="json"), "regions": regions}).price(
        "us-east-1", "transform", "ml.m5.large"
    )
    assert price is not None
    assert (price.amount, price.source, price.kind) == (Decimal("0.3"), "a transform list", "transform")


def test_sums_are_rounded_at_their_end() -> None:
    alarms: dict[str, Any] = {f"Alarm{n}": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}} for n in range(3)}
    made = report(None, hosting(**alarms))
    assert [(line.what, line.quantity, line.after) for line in made.lines][1] == ("CloudWatch alarms", "3 a month", 0.3)
    assert made.after == 84.25


def test_the_same_before_and_after_is_a_note() -> None:
    made = report(hosting(), hosting())
    assert [(line.level, line.sentence) for line in made.headlines] == [("note", "Costs 83.95 USD a month, as before.")]


def test_a_configuration_without_an_endpoint_costs_nothing() -> None:
    template = hosting()
    del template["Resources"]["Endpoint"]
    assert report(None, template).lines == ()


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("rate(1 hour)", "730"),
        ("rate(15 minutes)", "2920"),
        ("cron(0 6 ? * MON *)", "4.345"),
        ("cron(0 6 * * ? *)", "30.417"),
        ("cron(0/30 8-17 ? * MON-FRI *)", "434.524"),
        ("cron(0 6 1,15 * ? *)", "2"),
        ("cron(0 6 L * ? *)", "1"),
        ("cron(0 6 ? * 6#3 *)", "1"),
        ("cron(0 6 1 JAN,JUL ? *)", "0.167"),
        ("cron(0 0 ? * FRI-MON *)", "17.381"),
    ],
)
def test_runs_of_a_schedule(expression: str, runs: str) -> None:
    found = runs_a_month(expression)
    assert found is not None
    assert found.quantize(Decimal("0.001")) == Decimal(runs).quantize(Decimal("0.001"))


def test_what_is_no_schedule_has_no_runs() -> None:
    assert runs_a_month("at(2026-11-23T00:00:00)") is None


def test_the_repository_prices_its_own_default() -> None:
    """The table of the repository: whole, dated, sourced, positive; the example's endpoint has a price."""
    table = price_table()
    groups = [group for kinds in table.regions.values() for found in kinds.values() for group in found]
    assert max(group.read_on for group in groups) == table.priced_on <= AS_OF
    assert [group.source for group in groups if not group.prices or min(group.prices.values()) <= 0] == []
    for kinds in table.regions.values():
        for kind in ("hosting", "training", "transform"):
            names = [name for group in kinds.get(kind, ()) for name in group.prices]
            assert [name for name in names if not name.startswith("ml.")] == []
            assert len(names) == len(set(names)), "a price stands once"
    price = table.price("us-east-1", "hosting", "ml.m5.large")
    assert price is not None
    assert (price.amount, price.read_on) == (Decimal("0.115"), date(2026, 7, 30))
