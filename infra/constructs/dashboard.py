"""A CloudWatch dashboard: whether the endpoint serves, what it refuses, how late it is, and what its jobs do.

The body is CloudWatch's: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.hosting import VARIANT
from kickstand.names import Names

_SERVING, _INSTANCES, _JOBS = "AWS/SageMaker", "/aws/sagemaker/Endpoints", "AWS/States"
_HALF, _THIRD, _HEIGHT = 12, 8, 6
"""Of the 24 columns that a row has, and the rows of a graph."""
_MINUTE = 60


class Dashboard(Construct):
    """`PROJECT-ENV-REGION`, read from the top: alarms, traffic, instances, the two fleets of an update, jobs.

    max_p99_ms: the limit of the model's latency, drawn into its graph.

    Every name in it is known before anything is deployed, so that a new release changes nothing but that limit.
    """

    def __init__(self, scope: Construct, construct_id: str, *, names: Names, max_p99_ms: float) -> None:
        super().__init__(scope, construct_id)
        rows = _rows(names, max_p99_ms)
        body = {"start": "-PT3H", "periodOverride": "inherit", "widgets": _placed(rows)}
        cloudwatch.CfnDashboard(self, "Dashboard", dashboard_name=names.dashboard, dashboard_body=json.dumps(body))


def _rows(names: Names, max_p99_ms: float) -> list[list[dict[str, Any]]]:
    settings = names.environment.hosting.alarms
    return [
        [_first_steps(names), _alarms(names)],
        [
            _graph(names, "Requests a minute", [_metric(names, "Invocations", "Sum", "requests")]),
            _graph(
                names,
                "Share of requests that failed",
                [
                    _metric(names, "Invocation5XXErrors", "Average", "5xx: the model failed"),
                    _metric(names, "InvocationModelErrors", "Average", "not 2xx: the model did not answer"),
                    _metric(names, "Invocation4XXErrors", "Average", "4xx: the model refused"),
                ],
                limits={
                    "5xx rolls an update back": settings.max_5xx_rate,
                    "not 2xx rolls an update back": settings.max_model_error_rate,
                },
            ),
            _graph(
                names,
                "Latency, ms",
                [
                    *_in_milliseconds(names, "ModelLatency", {"p50": "model p50", "p99": "model p99"}),
                    *_in_milliseconds(names, "OverheadLatency", {"p99": "SageMaker's own p99"}),
                ],
                limits={"model p99 rolls an update back": max_p99_ms},
            ),
        ],
        [
            _graph(
                names,
                "Instances that serve",
                [
                    _metric(names, "Invocations", "Sum", "", id="all", visible=False),
                    _metric(names, "InvocationsPerInstance", "Sum", "", id="each", visible=False),
                    [{"expression": "all / each", "label": "instances", "id": "instances"}],
                ],
            ),
            _graph(
                names,
                "Processors, memory and disk, per cent",
                [
                    _metric(names, "CPUUtilization", "Average", "processors, 100 each", namespace=_INSTANCES),
                    _metric(names, "MemoryUtilization", "Average", "memory", namespace=_INSTANCES),
                    _metric(names, "DiskUtilization", "Average", "disk", namespace=_INSTANCES),
                ],
            ),
            _graph(
                names,
                "Requests a minute, by endpoint configuration: during an update two",
                [[{"expression": _by_configuration(names, "Invocations", "Sum"), "label": "", "id": "fleets"}]],
            ),
        ],
        [
            _graph(
                names,
                "5xx share, by endpoint configuration",
                [[{"expression": _by_configuration(names, "Invocation5XXErrors", "Average"), "label": "", "id": "e"}]],
            ),
            _graph(names, "Training jobs", _executions(names.state_machine_arn)),
            _graph(names, "Transform jobs", _executions(names.transform_machine_arn)),
        ],
    ]


def _placed(rows: Sequence[Sequence[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The widgets with their places: those of a row share its width."""
    placed = []
    for number, row in enumerate(rows):
        width = _HALF if len(row) == 2 else _THIRD
        for column, widget in enumerate(row):
            place = {"x": column * width, "y": number * _HEIGHT, "width": width, "height": _HEIGHT}
            placed.append({**widget, **place})
    return placed


def _first_steps(names: Names) -> dict[str, Any]:
    """What to type at night, from what serves to how to go back."""
    environment = names.environment.name
    markdown = "\n".join(
        [
            f"# {names.endpoint}",
            f"Endpoint `{names.endpoint}`, {names.environment.region}, account {names.environment.account}.",
            "",
            f"- What serves, and whether it is the release: `kickstand verify {environment}`",
            f"- Who released it, from what data: `kickstand release show {environment}`",
            f"- The model's own log: log group `{names.endpoint_log_group}`",
            f"- Back to the release before: `kickstand rollback {environment} --reason TEXT`, then "
            f"`kickstand deploy {environment}`",
            "",
            "An update in progress that an alarm ends goes back by itself.",
        ]
    )
    return {"type": "text", "properties": {"markdown": markdown}}


def _alarms(names: Names) -> dict[str, Any]:
    """The state of every alarm of the endpoint and its jobs."""
    others = ("4xx-rate", "overhead", "cpu", "memory", "disk", "training-failed", "transform-failed")
    alarms = [*names.rollback_alarms, *(names.alarm(what) for what in others)]
    arns = [names.arn("cloudwatch", f"alarm:{alarm}") for alarm in alarms]
    return {"type": "alarm", "properties": {"title": "Alarms", "alarms": arns}}


def _graph(
    names: Names, title: str, metrics: list[list[Any]], limits: dict[str, float] | None = None
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "stacked": False,
        "region": names.environment.region,
        "period": _MINUTE,
        "yAxis": {"left": {"min": 0, "showUnits": False}},
        "metrics": metrics,
    }
    if limits:
        lines = [{"label": label, "value": value} for label, value in limits.items()]
        properties["annotations"] = {"horizontal": lines}
    return {"type": "metric", "properties": properties}


def _metric(
    names: Names, metric: str, statistic: str, label: str, *, namespace: str = _SERVING, **more: Any
) -> list[Any]:
    """A metric of the whole variant."""
    said = {"label": label} if label else {}
    dimensions = ["EndpointName", names.endpoint, "VariantName", VARIANT]
    return [namespace, metric, *dimensions, {"stat": statistic, **said, **more}]


def _in_milliseconds(names: Names, metric: str, statistics: dict[str, str]) -> list[list[Any]]:
    """SageMaker's latencies are in microseconds. statistics: each with its label."""
    found: list[list[Any]] = []
    for statistic, label in statistics.items():
        hidden = f"{metric[0].lower()}{metric[1:]}{statistic}"
        found += [
            _metric(names, metric, statistic, "", id=hidden, visible=False),
            [{"expression": f"{hidden} / 1000", "label": label, "id": f"{hidden}ms"}],
        ]
    return found


def _by_configuration(names: Names, metric: str, statistic: str) -> str:
    """SageMaker publishes what the instances of each endpoint configuration answer under its name too."""
    dimensions = "EndpointConfigName,EndpointName,VariantName"
    wanted = f'EndpointName="{names.endpoint}" MetricName="{metric}"'
    return f"SEARCH('{{{_SERVING},{dimensions}}} {wanted}', '{statistic}', {_MINUTE})"


def _executions(state_machine_arn: str) -> list[list[Any]]:
    return [
        [_JOBS, metric, "StateMachineArn", state_machine_arn, {"stat": "Sum", "label": label}]
        for metric, label in (
            ("ExecutionsStarted", "started"),
            ("ExecutionsSucceeded", "succeeded"),
            ("ExecutionsFailed", "failed"),
            ("ExecutionsTimedOut", "timed out"),
            ("ExecutionsAborted", "stopped"),
        )
    ]
