"""Metrics of the last hours: traffic, errors, latency, instances, the two fleets of an update, jobs.

As on the CloudWatch dashboard of the hosting stack, read by one GetMetricData. The limits in the charts are those of
the alarms as they are deployed. A SEARCH expression is not used: the configurations are known by name.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from console.charts import Chart, Series, line_chart
from console.reading import Part, Reads, View
from deployment.endpoint.alarms import rollback_alarms
from kickstand.aws.deployed import find_endpoint
from kickstand.names import Names

HOURS = (1, 3, 12, 24)
"""That may be chosen."""
_HOURS = 3
_SECONDS = 15.0
_PAGES = 5
_SERVING, _INSTANCES, _JOBS = "AWS/SageMaker", "/aws/sagemaker/Endpoints", "AWS/States"
_MILLISECOND = 1e-3
"""SageMaker's latencies are in microseconds."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of a chart: a metric of CloudWatch and what its values are multiplied by."""

    label: str
    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Graph:
    """One chart. limits: the alarm and its label, and what the alarm's threshold is multiplied by."""

    title: str
    metrics: tuple[Metric, ...]
    unit: str = ""
    limits: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class MetricsView:
    """What the template prints. hours: that are shown; choices: that may be."""

    sentence: str
    tone: str
    hours: int
    choices: tuple[int, ...]
    charts: tuple[Chart, ...]
    limits: Part[Mapping[str, float]]


def read_metrics(reads: Reads) -> MetricsView:
    """The charts. query: `hours`, one of HOURS."""
    names = reads.workspace.names
    wanted = reads.query.get("hours", "")
    hours = int(wanted) if wanted in map(str, HOURS) else _HOURS
    described: Any = find_endpoint(reads.client("sagemaker"), names.endpoint)
    graphs = tuple(_graphs(names, described))
    begin = reads.now - timedelta(hours=hours)
    values = _values(reads, [one for graph in graphs for one in graph.metrics], begin, 60 if hours <= _HOURS else 300)
    limits: Part[Mapping[str, float]] = reads.part("reading the limits of the alarms", lambda: _limits(reads, names))
    charts = tuple(_chart(graph, values, limits.value or {}, begin, reads.now) for graph in graphs)
    drawn = sum(bool(chart.lines) for chart in charts)
    if described is None:
        fix = f"Deploy it: {reads.workspace.command('deploy')}"
        sentence, tone = f"There is no endpoint {names.endpoint}, and so no metric of one. {fix}", "warning"
    elif not drawn:
        sentence, tone = f"CloudWatch has no value of the last {_words(hours)}. It is minutes behind.", "warning"
    else:
        sentence, tone = f"The last {_words(hours)}, until {reads.now:%H:%M} UTC; CloudWatch is minutes behind.", "note"
    return MetricsView(sentence, tone, hours, HOURS, charts, limits)


def _words(hours: int) -> str:
    return "hour" if hours == 1 else f"{hours} hours"


def _graphs(names: Names, described: Any) -> Iterator[Graph]:
    if described is not None:
        pending = described.get("PendingDeploymentSummary") or {}
        variants = described.get("ProductionVariants") or pending.get("ProductionVariants") or ()
        configs = [described["EndpointConfigName"], *([pending["EndpointConfigName"]] if pending else [])]
        if variants:
            yield from _endpoint_graphs(names, variants[0]["VariantName"], configs)
    for title, arn in (("Training jobs", names.state_machine_arn), ("Transform jobs", names.transform_machine_arn)):
        kinds = {"started": "Started", "succeeded": "Succeeded", "failed": "Failed"}
        yield Graph(
            title,
            tuple(
                Metric(label, _JOBS, f"Executions{kind}", "Sum", (("StateMachineArn", arn),))
                for label, kind in kinds.items()
            ),
        )


def _endpoint_graphs(names: Names, variant: str, configs: Sequence[str]) -> Iterator[Graph]:
    whole = (("EndpointName", names.endpoint), ("VariantName", variant))

    def serving(label: str, name: str, statistic: str, factor: float = 1.0) -> Metric:
        return Metric(label, _SERVING, name, statistic, whole, factor)

    yield Graph("Requests", (serving("requests", "Invocations", "Sum"),))
    yield Graph(
        "Share of requests that failed, per cent",
        (
            serving("5xx: the model failed", "Invocation5XXErrors", "Average", 100),
            serving("not 2xx", "InvocationModelErrors", "Average", 100),
            serving("4xx: the model refused", "Invocation4XXErrors", "Average", 100),
        ),
        " %",
        (
            ("all-5xx-rate", "5xx rolls an update back", 100),
            ("all-model-errors", "not 2xx rolls an update back", 100),
        ),
    )
    yield Graph(
        "Latency",
        (
            serving("model, p50", "ModelLatency", "p50", _MILLISECOND),
            serving("model, p99", "ModelLatency", "p99", _MILLISECOND),
            serving("SageMaker's own, p99", "OverheadLatency", "p99", _MILLISECOND),
        ),
        " ms",
        (("all-p99-latency", "model p99 rolls an update back", _MILLISECOND),),
    )
    yield Graph(
        "Processors, memory and disk of an instance, per cent",
        tuple(
            Metric(label, _INSTANCES, f"{name}Utilization", "Average", whole)
            for label, name in (("processors, 100 each", "CPU"), ("memory", "Memory"), ("disk", "Disk"))
        ),
        " %",
    )
    labels = ("that serves", "new")
    yield Graph(
        "Requests, by endpoint configuration",
        tuple(
            Metric(label, _SERVING, "Invocations", "Sum", (("EndpointConfigName", config), *whole))
            for label, config in zip(labels, configs, strict=False)
        ),
    )


def _values(
    reads: Reads, metrics: Sequence[Metric], begin: datetime, period: int
) -> dict[Metric, tuple[tuple[float, float], ...]]:
    """The points of each metric, oldest first: seconds since 1970, and the value."""
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": one.namespace,
                    "MetricName": one.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in one.dimensions],
                },
                "Period": period,
                "Stat": one.statistic,
            },
        }
        for number, one in enumerate(metrics)
    ]
    found: dict[str, list[tuple[float, float]]] = {f"m{number}": [] for number in range(len(metrics))}
    request: dict[str, Any] = {
        "MetricDataQueries": queries,
        "StartTime": begin,
        "EndTime": reads.now,
        "ScanBy": "TimestampAscending",
    }
    for _ in range(_PAGES):
        answer = reads.client("cloudwatch").get_metric_data(**request)
        for one in answer["MetricDataResults"]:
            found[one["Id"]] += zip((time.timestamp() for time in one["Timestamps"]), one["Values"], strict=True)
        if not answer.get("NextToken"):
            break
        request["NextToken"] = answer["NextToken"]
    return {
        one: tuple(sorted((time, value * one.factor) for time, value in found[f"m{number}"]))
        for number, one in enumerate(metrics)
    }


def _limits(reads: Reads, names: Names) -> Mapping[str, float]:
    """The thresholds of the alarms that roll an update back, by the ends of their names: `all-5xx-rate`."""
    return {
        one["AlarmName"].removeprefix(names.alarm("")): one["Threshold"]
        for one in rollback_alarms(reads.workspace.session, names)
        if one.get("Threshold") is not None
    }


def _chart(
    graph: Graph,
    values: Mapping[Metric, tuple[tuple[float, float], ...]],
    limits: Mapping[str, float],
    begin: datetime,
    now: datetime,
) -> Chart:
    drawn = [(label, limits[alarm] * factor) for alarm, label, factor in graph.limits if alarm in limits]
    return line_chart(
        graph.title,
        [Series(one.label, values[one]) for one in graph.metrics],
        x_text=lambda x: f"{datetime.fromtimestamp(x, UTC):%H:%M}",
        unit=graph.unit,
        x_range=(begin.timestamp(), now.timestamp()),
        from_zero=True,
        limits=drawn,
    )


METRICS = View("metrics", "Metrics", read_metrics, lambda _: _SECONDS)
