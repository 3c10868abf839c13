"""The endpoint's view: who serves, an update as it moves, alarms, and texts of AWS that look like markup."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from console_world import NOW, Clients, ask, reads, refused, source
from samples import BUCKET, DIGEST, environment, release
from workspaces import workspace

from console.views.endpoint import ENDPOINT, read_endpoint
from kickstand.release.file import write_release

OLD, NEW = "bikes-dev-old", "bikes-dev-new"
NEW_URI = f"s3://{BUCKET}/models/{'cd' * 32}/model.tar.gz"
OLD_URI = f"s3://{BUCKET}/models/{DIGEST}/model.tar.gz"
MARKUP = '<img src=x onerror="alert(1)">'
SHOWN = "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;"


def variant(current: int, desired: int, **more: Any) -> dict[str, Any]:
    return {"VariantName": "AllTraffic", "CurrentInstanceCount": current, "DesiredInstanceCount": desired, **more}


def described(**more: Any) -> dict[str, Any]:
    moments = {"CreationTime": NOW - timedelta(days=3), "LastModifiedTime": NOW - timedelta(hours=1)}
    serving = {"EndpointStatus": "InService", "EndpointConfigName": OLD, "ProductionVariants": [variant(3, 3)]}
    return {**moments, **serving, **more}


def updating(status: str = "Baking", message: str = "", began: datetime = NOW - timedelta(seconds=100)) -> Any:
    text = message or "Baking for 300 seconds (TerminationWaitInSeconds) with traffic enabled on canary capacity."
    step = {"Status": status, "StatusMessage": text, "StartTime": began}
    pending = {
        "EndpointConfigName": NEW,
        "StartTime": NOW - timedelta(minutes=2),
        "ProductionVariants": [variant(1, 3, VariantStatus=[step])],
    }
    return described(EndpointStatus="Updating", PendingDeploymentSummary=pending)


def alarm(name: str, state: str = "OK", reason: str = "") -> dict[str, Any]:
    return {"AlarmName": name, "StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": NOW}


def clients(endpoint: Any, **more: Any) -> Clients:
    def config(EndpointConfigName: str) -> Any:  # noqa: N803
        variants = [{"VariantName": "AllTraffic", "ModelName": EndpointConfigName, "InstanceType": "ml.m5.large"}]
        return {"ProductionVariants": variants}

    def model(ModelName: str) -> Any:  # noqa: N803
        return {"PrimaryContainer": {"ModelDataUrl": NEW_URI if ModelName == NEW else OLD_URI}}

    def alarms(AlarmNames: list[str]) -> Any:  # noqa: N803
        return {"MetricAlarms": [alarm(name) for name in AlarmNames if name.endswith(("5xx-rate", "cpu"))]}

    def metrics(MetricDataQueries: Any, **_: Any) -> Any:  # noqa: N803
        values = {OLD: [40.0, 50.0], NEW: [10.0]}
        found = [
            {"Id": one["Id"], "Values": values[one["MetricStat"]["Metric"]["Dimensions"][0]["Value"]]}
            for one in MetricDataQueries
        ]
        return {"MetricDataResults": found}

    return Clients(
        {
            "sagemaker.describe_endpoint": endpoint,
            "sagemaker.describe_endpoint_config": config,
            "sagemaker.describe_model": model,
            "cloudwatch.describe_alarms": alarms,
            "cloudwatch.get_metric_data": metrics,
            "cloudformation.describe_stacks": {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]},
            **more,
        }
    )


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    write_release(tmp_path / "dev.json", release())
    return tmp_path


def test_who_serves_and_since_when(releases: Path) -> None:
    found = read_endpoint(reads(clients(described()), releases))
    assert (found.sentence, found.tone) == ("It is InService and serves model abababababab, the release's.", "note")
    (fleet,) = found.fleets
    assert (fleet.sha256, fleet.released, fleet.current, fleet.desired) == (DIGEST, True, 3, 3)
    assert (fleet.instance_type, fleet.share, fleet.requests) == ("ml.m5.large", None, 90)
    assert found.update is None
    assert found.notes == ()
    assert ENDPOINT.seconds(found) == 5.0


def test_when_and_why_the_endpoint_stops_by_itself(releases: Path) -> None:
    page = {"executions": [{"executionArn": "arn:watch", "startDate": NOW - timedelta(hours=2)}]}
    answers = {
        "cloudformation.describe_stacks": {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "CreationTime": NOW}]},
        "stepfunctions.get_paginator": SimpleNamespace(paginate=lambda **_: [page]),
        "stepfunctions.describe_execution": {"input": '{"Reason": "watch"}'},
    }
    given = reads(clients(described(), **answers), releases)
    given.workspace = workspace(given.workspace.session, releases, of=environment(expires_after="8h", idle_after="2h"))
    assert read_endpoint(given).notes == (
        "bikes-dev stops on 2026-11-30 at 20:00 UTC: 8h after its last deployment (expires_after).",
        "Or stops after 2h without an invocation (idle_after).",
        "To restart the time, or to bring the endpoint back after its end: kickstand deploy dev",
    )


def test_that_the_end_of_the_endpoint_is_not_readable_is_said_and_the_rest_shown(releases: Path) -> None:
    denied = refused("ListExecutions", "AccessDeniedException", "not authorized to perform: states:ListExecutions")
    stack = {"StackStatus": "CREATE_COMPLETE", "CreationTime": NOW}
    answers = {"cloudformation.describe_stacks": {"Stacks": [stack]}, "stepfunctions.get_paginator": denied}
    given = reads(clients(described(), **answers), releases)
    given.workspace = workspace(given.workspace.session, releases, of=environment(expires_after="8h"))
    found = read_endpoint(given)
    assert found.sentence == "It is InService and serves model abababababab, the release's."
    (note,) = found.notes
    assert "looking for the end of the endpoint" in note and "states:ListExecutions" in note


def test_another_model_than_the_releases_is_a_warning(releases: Path) -> None:
    found = read_endpoint(reads(clients(described(EndpointConfigName=NEW)), releases))
    assert found.tone == "warning"
    assert "serves model cdcdcdcdcdcd, which is not the release's" in found.sentence


def test_an_update_shows_shares_bake_and_alarms(releases: Path) -> None:
    found = read_endpoint(reads(clients(updating()), releases))
    assert found.update is not None
    assert [(one.config, one.share, one.requests, one.released) for one in (*found.fleets, *found.update.fleets)] == [
        (OLD, 67, 90, True),
        (NEW, 33, 10, False),
    ]
    (step,) = found.update.steps
    assert (step.status, step.done, step.total) == ("Baking", 100, 300)
    assert found.tone == "warning"
    assert found.sentence == (
        "The endpoint is Updating. 1 of 3 new instances answer requests. Baking for 300 seconds "
        "(TerminationWaitInSeconds) with traffic enabled on canary capacity. About 3 min are left. "
        "Alarms: 2 roll it back, none in ALARM."
    )
    assert ENDPOINT.seconds(found) == 2.0


def test_requests_of_an_update_count_from_its_beginning(releases: Path) -> None:
    asked = clients(updating())
    read_endpoint(reads(asked, releases))
    (begin,) = [sent["StartTime"] for name, sent in asked.calls if name == "cloudwatch.get_metric_data"]
    assert begin == NOW - timedelta(minutes=2)


def test_alarms_that_are_in_alarm_come_first(releases: Path) -> None:
    def alarms(AlarmNames: list[str]) -> Any:  # noqa: N803
        states = {"bikes-dev-cpu": "ALARM", "bikes-dev-new-5xx-rate": "ALARM"}
        return {"MetricAlarms": [alarm(name, states.get(name, "OK")) for name in AlarmNames]}

    found = read_endpoint(reads(clients(updating(), **{"cloudwatch.describe_alarms": alarms}), releases))
    assert found.alarms.value is not None
    first, second, third = found.alarms.value[:3]
    assert [(one.name, one.state, one.rolls_back) for one in (first, second, third)] == [
        ("bikes-dev-new-5xx-rate", "ALARM", True),
        ("bikes-dev-cpu", "ALARM", False),
        ("bikes-dev-all-5xx-rate", "OK", True),
    ]
    assert len(found.alarms.value) == 16
    assert "bikes-dev-new-5xx-rate is in ALARM" in found.sentence


def test_what_never_changes_is_read_once(releases: Path) -> None:
    asked = clients(described())
    opened = source(asked, releases)
    for _ in range(3):
        assert opened.read_now(ENDPOINT, {}).problems == ()
    names = [name for name, _ in asked.calls]
    assert {name: names.count(name) for name in sorted(set(names))} == {
        "cloudformation.describe_stacks": 3,
        "cloudwatch.describe_alarms": 6,
        "cloudwatch.get_metric_data": 3,
        "sagemaker.describe_endpoint": 3,
        "sagemaker.describe_endpoint_config": 1,
        "sagemaker.describe_model": 1,
    }


def test_a_stack_on_its_way_and_a_reason_are_said(releases: Path) -> None:
    stack = {"StackStatus": "UPDATE_ROLLBACK_FAILED", "StackStatusReason": "it failed"}
    failed = described(EndpointStatus="Failed", FailureReason="No capacity")
    answers = {"cloudformation.describe_stacks": {"Stacks": [stack]}, "cloudformation.get_paginator": events()}
    found = read_endpoint(reads(clients(failed, **answers), releases))
    assert (found.sentence, found.tone) == ("The endpoint is Failed.", "danger")
    assert found.notes == (
        "SageMaker's reason: No capacity",
        "CloudFormation's hosting stack is UPDATE_ROLLBACK_FAILED: it failed",
    )


def events(*failures: str) -> Any:
    """The paginator of DescribeStackEvents, newest first: a rollback, failures, what began it, and what was before."""
    stack, endpoint = {"ResourceType": "AWS::CloudFormation::Stack"}, {"ResourceType": "AWS::SageMaker::Endpoint"}
    found = [
        {**stack, "ResourceStatus": "UPDATE_ROLLBACK_COMPLETE"},
        {**stack, "ResourceStatus": "UPDATE_ROLLBACK_IN_PROGRESS"},
        *({**endpoint, "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": one} for one in failures),
        {**stack, "ResourceStatus": "UPDATE_IN_PROGRESS"},
        {**endpoint, "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "of last week"},
    ]
    pages = type("Pages", (), {"paginate": lambda *_, **__: [{"StackEvents": found}]})
    return lambda _: pages()


def test_why_a_stack_was_rolled_back_is_said_and_read_once(releases: Path) -> None:
    stack = {"StackStatus": "UPDATE_ROLLBACK_COMPLETE", "LastUpdatedTime": NOW}
    answers = {
        "cloudformation.describe_stacks": {"Stacks": [stack]},
        "cloudformation.get_paginator": events(
            "Resource update cancelled", "the alarm bikes-dev-new-5xx-rate is in ALARM"
        ),
    }
    asked = clients(described(), **answers)
    opened = source(asked, releases)
    for _ in range(3):
        found = opened.read_now(ENDPOINT, {}).value
        assert found.notes == (
            "CloudFormation's hosting stack is UPDATE_ROLLBACK_COMPLETE: the alarm bikes-dev-new-5xx-rate is in ALARM",
        )
    assert [name for name, _ in asked.calls].count("cloudformation.get_paginator") == 1
    asked.answers["cloudformation.get_paginator"] = events()
    assert source(asked, releases).read_now(ENDPOINT, {}).value.notes == (
        "CloudFormation's hosting stack is UPDATE_ROLLBACK_COMPLETE",
    )


def test_markup_in_every_text_of_aws_is_text(releases: Path) -> None:
    hostile = updating(message=MARKUP)
    hostile |= {"FailureReason": MARKUP, "EndpointConfigName": MARKUP, "EndpointStatus": MARKUP}
    hostile["ProductionVariants"][0]["VariantName"] = MARKUP
    hostile["PendingDeploymentSummary"] |= {"EndpointConfigName": MARKUP + "2"}
    answers = clients(hostile)
    answers.answers |= {
        "sagemaker.describe_model": {"PrimaryContainer": {"ModelDataUrl": MARKUP}},
        "cloudwatch.describe_alarms": {"MetricAlarms": [alarm(MARKUP, MARKUP, MARKUP)]},
        "cloudwatch.get_metric_data": refused("GetMetricData", "AccessDenied", MARKUP),
        "cloudformation.describe_stacks": {"Stacks": [{"StackStatus": MARKUP, "StackStatusReason": MARKUP}]},
    }
    page = ask([ENDPOINT], source(answers, releases), f"/{'t' * 43}/endpoint").body
    assert "<img" not in page
    assert page.count(SHOWN) >= 10


def test_a_control_character_is_shown(releases: Path) -> None:
    page = ask(
        [ENDPOINT], source(clients(described(FailureReason="a\x1b[2J\u202eb")), releases), f"/{'t' * 43}/endpoint"
    ).body
    assert r"a\x1b[2J\u202eb" in page
    assert datetime(2026, 11, 30, 12, 0, tzinfo=UTC) == NOW


def test_an_environment_that_takes_its_models_from_another_is_told_to_promote() -> None:
    gone = refused("DescribeEndpoint", "ValidationException", "Could not find endpoint.")
    read = reads(clients(gone))
    read.workspace = workspace(read.workspace.session, of=environment(name="staging", promotes_from="dev"))
    assert read_endpoint(read).sentence == (
        "There is no endpoint bikes-staging: nothing is served. There is no release yet: kickstand deploy staging, "
        "then kickstand promote dev staging."
    )
