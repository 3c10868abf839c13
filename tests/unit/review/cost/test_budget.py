"""The limits of what an environment and a training job may cost: above them all is refused, with the sum by parts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from samples import environment
from test_cost import AS_OF, TABLE, hosting, training

from kickstand.config.model import Training
from kickstand.errors import InputError, Problem
from review.cost.budget import require_budget
from review.cost.report import cost_report
from training.job.price import require_job_price

LINES = {"": "kickstand.toml", "max_monthly_usd": "kickstand.toml:30", "training.max_job_usd": "kickstand.toml:17"}
ALARM: dict[str, Any] = {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 60}}}


def problem(limit: float | None, planned: dict[str, Any], **changes: Any) -> Problem | None:
    """Of a deployment of two stacks."""
    dev = environment(max_monthly_usd=limit, lines=LINES, **changes)
    workspace: Any = SimpleNamespace(environment=dev, command=lambda verb: f"kickstand {verb} dev")
    try:
        require_budget(workspace, {"hosting": planned, "training": training("rate(1 day)")}, table=TABLE)
    except InputError as error:
        (found,) = error.problems
        return found
    return None


def test_a_deployment_above_the_limit_is_refused_with_the_sum_by_parts() -> None:
    assert problem(170, hosting(count=2, **ALARM)) == Problem(
        "dev can cost 175.00 USD a month, more than max_monthly_usd = 170. Nothing was deployed. The parts: endpoint "
        "bikes-dev: 2 x ml.m5.large 167.90; scheduled training, rate(1 day): 2 x ml.m5.xlarge 7.00; "
        "CloudWatch alarms 0.10.",
        "kickstand.toml:30",
        "Use fewer or cheaper instances, or raise max_monthly_usd. Each part in full: kickstand review dev",
    )


@pytest.mark.parametrize("limit", [None, 175.01, 1000.0])
def test_a_deployment_within_the_limit_is_not_refused(limit: float | None) -> None:
    assert problem(limit, hosting(count=2, **ALARM)) is None


def test_what_has_no_price_cannot_be_within_a_limit() -> None:
    unknown = problem(170, hosting("ml.r5.large"))
    assert unknown is not None
    assert unknown.message == (
        "What dev costs a month cannot be compared with max_monthly_usd = 170: no price is known for ml.r5.large "
        "(hosting) in us-east-1. Nothing was deployed."
    )
    both = problem(5, hosting("ml.r5.large"))
    assert both is not None
    assert "can cost 7.00 USD a month" in both.message
    assert both.message.endswith("Without ml.r5.large (hosting) in us-east-1, whose price is not known.")


@pytest.mark.parametrize(
    ("limit", "kind", "sentence"),
    [
        (80, "ml.m5.large", "Can cost 83.95 USD a month, more than max_monthly_usd = 80: it cannot be deployed."),
        (84, "ml.m5.large", None),
        (None, "ml.m5.large", None),
        (
            84,
            "ml.r5.large",
            "Whether max_monthly_usd = 84 is kept is not known, without every price: it cannot be deployed.",
        ),
    ],
)
def test_a_review_begins_with_it(limit: float | None, kind: str, sentence: str | None) -> None:
    dev = environment(max_monthly_usd=limit)
    made = cost_report({}, {"hosting": hosting(kind)}, dev, as_of=AS_OF, table=TABLE)
    dangers = [line.sentence for line in made.headlines if line.level == "danger"]
    assert dangers == ([sentence] if sentence else [])


def test_an_endpoint_that_scales_counts_with_the_most_instances_that_it_may_have() -> None:
    def scaled(*scheduled: int) -> dict[str, Any]:
        actions = [{"ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": most}} for most in scheduled]
        bounds: dict[str, Any] = {"MinCapacity": 2, "MaxCapacity": 3, "ScheduledActions": actions}
        target: dict[str, Any] = {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": bounds}
        return hosting(count=2, Target=target)

    for planned, most in ((scaled(), "258.85"), (scaled(2), "258.85"), (scaled(5, 4), "426.75")):
        found = problem(200, planned)
        assert found is not None
        assert f"can cost {most} USD a month" in found.message
    assert found is not None
    assert "endpoint bikes-dev, added by its load: 3 x ml.m5.large 251.85" in found.message
    assert problem(258.85, scaled()) is None


def job_problem(limit: float | None, **changes: Any) -> str:
    dev = environment(lines=LINES, training=Training(max_job_usd=limit, **changes))
    try:
        require_job_price(dev, table=TABLE)
    except InputError as error:
        (found,) = error.problems
        assert found.where == "kickstand.toml:17"
        return found.message
    return ""


def test_a_job_that_can_cost_more_than_it_may_is_refused() -> None:
    two_hours = {"instance_count": 3, "max_runtime_seconds": 7200}
    assert job_problem(1.37, **two_hours) == (
        "A training job can cost 1.38 USD, more than max_job_usd = 1.37: 6 instance hours at the longest (3 x "
        "ml.m5.xlarge), at 0.23 USD an hour (2026-11-01). No job was started."
    )
    assert job_problem(1.38, **two_hours) == job_problem(None, **two_hours) == ""
    assert "no price is known for ml.c5.xlarge (training) in us-east-1" in job_problem(9, instance_type="ml.c5.xlarge")
