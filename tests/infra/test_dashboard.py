"""The dashboard: it names what there is, draws the alarms' own limits, and every widget is as CloudWatch takes it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
from synthesis import synthesised
from typer.testing import CliRunner

from cli.commands import app

METRICS = ("AWS/SageMaker", "/aws/sagemaker/Endpoints", "AWS/States")


def body(variant: str = "prod") -> dict[str, Any]:
    (dashboard,) = synthesised(variant).resources("AWS::CloudWatch::Dashboard")
    assert isinstance(dashboard["Properties"]["DashboardBody"], str)  # without a reference: known before a deployment
    found: dict[str, Any] = json.loads(dashboard["Properties"]["DashboardBody"])
    return found


def properties(kind: str) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in body()["widgets"] if widget["type"] == kind]


def alarms() -> dict[str, dict[str, Any]]:
    made = [one["Properties"] for one in synthesised("prod").resources("AWS::CloudWatch::Alarm")]
    return {alarm["AlarmName"]: alarm for alarm in made}


def test_dev_has_none_unless_it_is_told_to() -> None:
    assert synthesised("plain").resources("AWS::CloudWatch::Dashboard") == []
    (dashboard,) = synthesised("prod").resources("AWS::CloudWatch::Dashboard")
    assert dashboard["Properties"]["DashboardName"] == "bikes-prod-us-east-1"


def test_every_alarm_of_the_environment_is_on_it() -> None:
    (shown,) = properties("alarm")
    assert sorted(shown["alarms"]) == sorted(
        f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}" for name in alarms()
    )


def test_widgets_fill_the_width_and_do_not_overlap() -> None:
    places = [(one["x"], one["y"], one["x"] + one["width"], one["y"] + one["height"]) for one in body()["widgets"]]
    assert sum((right - left) * (bottom - top) for left, top, right, bottom in places) == 24 * max(p[3] for p in places)
    for one, other in combinations(places, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("number", range(9))
def test_a_graph_is_of_metrics_that_there_are(number: int) -> None:
    graphs = properties("metric")
    assert len(graphs) == 9
    graph = graphs[number]
    assert (graph["region"], graph["view"], graph["period"]) == ("us-east-1", "timeSeries", 60)
    ids = {metric[-1].get("id") for metric in graph["metrics"]} - {None}
    for metric in graph["metrics"]:
        *names, how = metric
        if not names:
            expression = how["expression"]
            assert set(re.findall(r"\b[a-z]\w*\b", "" if "SEARCH" in expression else expression)) <= ids
            continue
        namespace, _, *dimensions = names
        assert namespace in METRICS
        assert dict(zip(dimensions[::2], dimensions[1::2], strict=True)) in (
            {"EndpointName": "bikes-prod", "VariantName": "AllTraffic"},
            *(
                {"StateMachineArn": f"arn:aws:states:us-east-1:111122223333:stateMachine:bikes-prod-{job}"}
                for job in ("training", "transform")
            ),
        )
        assert re.fullmatch(r"Sum|Average|p50|p99", how["stat"])


def test_limits_are_those_of_the_alarms() -> None:
    lines = {
        line["label"]: line["value"]
        for graph in properties("metric")
        for line in graph.get("annotations", {}).get("horizontal", ())
    }
    assert lines == {
        "5xx rolls an update back": alarms()["bikes-prod-all-5xx-rate"]["Threshold"],
        "not 2xx rolls an update back": alarms()["bikes-prod-all-model-errors"]["Threshold"],
        "model p99 rolls an update back": alarms()["bikes-prod-all-p99-latency"]["Threshold"] / 1000,
    }


def test_both_fleets_of_an_update_are_searched_for() -> None:
    searched = [
        metric[-1]["expression"]
        for graph in properties("metric")
        for metric in graph["metrics"]
        if "SEARCH" in metric[-1].get("expression", "")
    ]
    assert searched == [
        "SEARCH('{AWS/SageMaker,EndpointConfigName,EndpointName,VariantName} "
        f'EndpointName="bikes-prod" MetricName="{metric}"\', \'{statistic}\', 60)'
        for metric, statistic in (("Invocations", "Sum"), ("Invocation5XXErrors", "Average"))
    ]


def test_what_it_says_to_type_is_a_command() -> None:
    (text,) = properties("text")
    typed = re.findall(r"`kickstand ([^`]+)`", text["markdown"])
    assert len(typed) == 4
    for line in typed:
        assert "prod" in line
        assert CliRunner().invoke(app, [*line.split(), "--help"]).exit_code == 0
