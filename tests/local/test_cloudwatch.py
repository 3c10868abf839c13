"""CloudWatch through boto3, a minute a second: metrics of invocations, alarms by dimension, silence, SNS, events."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import local_client
import numpy as np
import pytest
from botocore.exceptions import ClientError
from sagemaker_world import ACCOUNT, REGION, World, make_world, wait_for
from state_machines import new_machine, new_role, run
from topic_queue import messages, queue_for

from localcloud.cloud import LocalCloud
from localcloud.resources import list_resources

FACTOR = 60
Client = Callable[..., Any]


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud in which a minute takes a second."""
    cloud = LocalCloud(tmp_path_factory.mktemp("fast"))
    cloud.start(port=0, time_factor=FACTOR)
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def client(fast: LocalCloud) -> Client:
    return lambda service, **place: local_client.client_of(fast, service, **place)


@pytest.fixture(scope="module")
def monitoring(client: Client) -> Any:
    return client("cloudwatch")


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"watch-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def endpoint(world: World) -> str:
    name = f"ep-{uuid.uuid4().hex[:8]}"
    model = world.model(name, world.artifact())
    config = world.config(f"{name}-config", ("One", model, 1), ("Two", model, 1))
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert world.wait_for_endpoint(name)["EndpointStatus"] == "InService"
    return name


@pytest.fixture
def queue(client: Client) -> tuple[str, str]:
    """The URL of a queue and the ARN of a topic that sends to it."""
    url, arn = queue_for(client, "sns.amazonaws.com")
    topic = client("sns").create_topic(Name=f"topic-{uuid.uuid4().hex[:8]}")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    return url, topic


def dimensions(endpoint: str, variant: str, *, config: bool = False) -> list[dict[str, str]]:
    named = {"EndpointName": endpoint, "VariantName": variant}
    if config:
        named["EndpointConfigName"] = f"{endpoint}-config"
    return [{"Name": name, "Value": value} for name, value in named.items()]


def alarm_of(metric: str, place: list[dict[str, str]], **changes: Any) -> dict[str, Any]:
    request = {
        "AlarmName": f"alarm-{uuid.uuid4().hex[:8]}",
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": place,
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    return {**request, **changes}


def described(monitoring: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = monitoring.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    return found


def until(monitoring: Any, name: str, state: str) -> dict[str, Any]:
    alarm: dict[str, Any] = wait_for(
        lambda: described(monitoring, name), lambda alarm: alarm["StateValue"] == state, 20
    )
    return alarm


@pytest.mark.contract("M08", "N01")
def test_an_alarm_sees_its_own_variant_alone_and_clears_by_silence(
    client: Client, monitoring: Any, endpoint: str, queue: tuple[str, str]
) -> None:
    url, topic = queue
    actions = {"AlarmActions": [topic], "OKActions": [topic], "InsufficientDataActions": [topic]}
    hit = alarm_of("InvocationModelErrors", dimensions(endpoint, "Two", config=True), **actions)
    other = alarm_of("InvocationModelErrors", dimensions(endpoint, "One"))
    count = alarm_of("InvocationModelErrors", dimensions(endpoint, "Two"), Unit="Count")
    client("events").put_rule(
        Name="alarms",
        EventPattern=json.dumps({"source": ["aws.cloudwatch"], "detail": {"alarmName": [hit["AlarmName"]]}}),
    )
    events, arn = queue_for(client, "events.amazonaws.com")
    client("events").put_targets(Rule="alarms", Targets=[{"Id": "queue", "Arn": arn}])
    for alarm in (hit, other, count):
        monitoring.put_metric_alarm(**alarm)
    new = described(monitoring, hit["AlarmName"])
    if new["StateValue"] == "INSUFFICIENT_DATA":  # else it has been evaluated meanwhile
        assert new["StateReason"] == "Unchecked: Initial alarm creation"
    for alarm in (hit, other, count):
        until(monitoring, alarm["AlarmName"], "OK")
    runtime = client("sagemaker-runtime")
    for variant, body in (("One", "0.5,0.5"), ("Two", "no,number")):
        asked = {"EndpointName": endpoint, "ContentType": "text/csv", "TargetVariant": variant, "Body": body}
        if variant == "One":
            runtime.invoke_endpoint(**asked)
            continue
        with pytest.raises(ClientError, match="ModelError"):
            runtime.invoke_endpoint(**asked)
    found = until(monitoring, hit["AlarmName"], "ALARM")
    assert found["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [1.0 (")
    assert found["StateReason"].endswith(
        "was greater than the threshold (0.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    data = json.loads(found["StateReasonData"])
    assert {name: data[name] for name in ("statistic", "period", "recentDatapoints", "threshold")} == {
        "statistic": "Average",
        "period": 60,
        "recentDatapoints": [1.0],
        "threshold": 0.0,
    }
    assert [described(monitoring, each["AlarmName"])["StateValue"] for each in (other, count)] == ["OK", "OK"]
    cleared = until(monitoring, hit["AlarmName"], "OK")
    assert cleared["StateReason"] == (
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
        "[NonBreaching]."
    )
    first, second, third = messages(client, url, 3)
    assert [(each["OldStateValue"], each["NewStateValue"]) for each in (first, second, third)] == [
        ("INSUFFICIENT_DATA", "OK"),
        ("OK", "ALARM"),
        ("ALARM", "OK"),
    ]
    assert second["Region"] == "US East (N. Virginia)"
    assert second["Trigger"]["Dimensions"][0] == {"value": endpoint, "name": "EndpointName"}
    states = [
        (event["detail"]["previousState"]["value"], event["detail"]["state"]["value"])
        for event in messages(client, events, 3)
    ]
    assert states == [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")]
    history = monitoring.describe_alarm_history(AlarmName=hit["AlarmName"], ScanBy="TimestampAscending")
    assert [item["HistoryItemType"] for item in history["AlarmHistoryItems"]] == [
        "ConfigurationUpdate",
        *["StateUpdate", "Action"] * 3,
    ]


@pytest.mark.contract("M01", "M02", "M06", "M07", "M12")
def test_the_metrics_of_invocations(client: Client, monitoring: Any, endpoint: str) -> None:
    runtime = client("sagemaker-runtime")
    started = datetime.now(UTC) - timedelta(seconds=2)
    for _ in range(20):
        runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", TargetVariant="One", Body="0.5,0.5")
    place = {"Namespace": "AWS/SageMaker", "Dimensions": dimensions(endpoint, "One", config=True)}

    def statistics(metric: str, *names: str) -> list[dict[str, Any]]:
        points: list[dict[str, Any]] = monitoring.get_metric_statistics(
            **place,
            MetricName=metric,
            StartTime=started,
            EndTime=datetime.now(UTC) + timedelta(seconds=2),
            Period=60,
            Statistics=list(names),
        )["Datapoints"]
        return points

    points = wait_for(
        lambda: statistics("Invocations", "Sum", "Average"), lambda found: sum(each["Sum"] for each in found) >= 20, 20
    )
    assert {(each["Average"], each["Unit"]) for each in points} == {(1.0, "None")}
    assert sum(each["Sum"] for each in statistics("Invocation5XXErrors", "Sum")) == 0
    assert sum(each["SampleCount"] for each in statistics("ModelLatency", "SampleCount")) == sum(
        each["Sum"] for each in statistics("Invocations", "Sum")
    )
    assert {each["Unit"] for each in statistics("OverheadLatency", "Average")} == {"Microseconds"}
    listed = monitoring.list_metrics(Namespace="AWS/SageMaker", MetricName="ModelLatency")["Metrics"]
    assert {tuple(sorted(each["Name"] for each in metric["Dimensions"])) for metric in listed} == {
        ("EndpointName", "VariantName"),
        ("EndpointConfigName", "EndpointName", "VariantName"),
    }
    used = wait_for(
        lambda: monitoring.list_metrics(Namespace="/aws/sagemaker/Endpoints")["Metrics"],
        lambda found: len(found) == 6,
        20,
    )
    assert {metric["MetricName"] for metric in used} == {"CPUUtilization", "MemoryUtilization", "DiskUtilization"}


@pytest.mark.contract("Z11")
def test_a_message_in_a_queue_raises_its_alarm(client: Client, monitoring: Any) -> None:
    name = f"dead-{uuid.uuid4().hex[:8]}"
    queue = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    place = [{"Name": "QueueName", "Value": name}]
    alarm = alarm_of(
        "ApproximateNumberOfMessagesVisible",
        place,
        Namespace="AWS/SQS",
        Statistic="Maximum",
    )
    monitoring.put_metric_alarm(**alarm)
    until(monitoring, alarm["AlarmName"], "OK")

    client("sqs").send_message(QueueUrl=queue, MessageBody="lost")
    until(monitoring, alarm["AlarmName"], "ALARM")
    client("sqs").purge_queue(QueueUrl=queue)
    until(monitoring, alarm["AlarmName"], "OK")


@pytest.mark.contract("Y06")
def test_executions_are_counted_by_their_end(client: Client, monitoring: Any) -> None:
    states = client("stepfunctions")
    wait = {"Wait": {"Type": "Wait", "Seconds": 36000, "End": True}}
    failed = new_machine(client, new_role(client), {"No": {"Type": "Fail", "Error": "E"}})
    aborted = new_machine(client, new_role(client), wait)
    late = new_machine(client, new_role(client), wait, TimeoutSeconds=1)
    run(client, failed)
    states.stop_execution(executionArn=states.start_execution(stateMachineArn=aborted)["executionArn"])
    run(client, late)

    def metrics(machine: str) -> set[str]:
        listed = monitoring.list_metrics(
            Namespace="AWS/States", Dimensions=[{"Name": "StateMachineArn", "Value": machine}]
        )["Metrics"]
        return {metric["MetricName"] for metric in listed}

    both = {"ExecutionsStarted", "ExecutionTime"}
    assert metrics(failed) == {*both, "ExecutionsFailed"}
    assert metrics(aborted) == {*both, "ExecutionsAborted"}
    assert metrics(late) == {*both, "ExecutionsTimedOut"}


def test_statistics_and_expressions_of_data_that_was_put(monitoring: Any) -> None:
    values = np.random.default_rng(3).lognormal(3, 1, 150)
    moment = datetime.now(UTC) - timedelta(seconds=30)
    data = [
        {"MetricName": "Latency", "Timestamp": moment, "Values": values.tolist(), "Unit": "Milliseconds"},
        {"MetricName": "Errors", "Timestamp": moment, "Value": 3.0},
        {"MetricName": "Requests", "Timestamp": moment, "Value": 12.0},
    ]
    monitoring.put_metric_data(Namespace="Own", MetricData=data)
    window = {"StartTime": moment - timedelta(seconds=1), "EndTime": moment + timedelta(seconds=1)}
    (point,) = monitoring.get_metric_statistics(
        Namespace="Own",
        MetricName="Latency",
        Period=60,
        Statistics=["Sum", "Minimum", "Maximum"],
        **window,
    )["Datapoints"]
    assert [point["Sum"], point["Minimum"], point["Maximum"]] == pytest.approx(
        [values.sum(), values.min(), values.max()]
    )
    extended = monitoring.get_metric_statistics(
        Namespace="Own", MetricName="Latency", Period=60, ExtendedStatistics=["p50", "p99.9"], **window
    )["Datapoints"][0]["ExtendedStatistics"]
    assert extended == pytest.approx({"p50": np.percentile(values, 50), "p99.9": np.percentile(values, 99.9)})

    def query(name: str, metric: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": "Own", "MetricName": metric}, "Period": 60, "Stat": "Sum"}
        return {"Id": name, "MetricStat": stat, "ReturnData": False}

    answer = monitoring.get_metric_data(
        MetricDataQueries=[
            query("e", "Errors"),
            query("r", "Requests"),
            {"Id": "rate", "Expression": "IF(r > 10, e / r, 0)", "Label": "rate of errors"},
        ],
        **window,
    )["MetricDataResults"]
    assert [(each["Id"], each["Label"], each["Values"]) for each in answer] == [("rate", "rate of errors", [0.25])]
    with pytest.raises(ClientError, match="the function RATE is not supported"):
        monitoring.get_metric_data(
            MetricDataQueries=[query("e", "Errors"), {"Id": "x", "Expression": "RATE(e)"}], **window
        )
    # A metric is its set of dimensions: another one has no values.
    none = monitoring.get_metric_statistics(
        Namespace="Own",
        MetricName="Errors",
        Dimensions=[{"Name": "a", "Value": "b"}],
        Period=60,
        Statistics=["Sum"],
        **window,
    )
    assert none["Datapoints"] == []


@pytest.mark.contract("N05", "N10")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Period": 45}, "Period must be 10, 20, 30 or a multiple of 60; found 45"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be from 1 to EvaluationPeriods, which is 1; found 2"),
        ({"EvaluationPeriods": 1441}, "Metrics cannot be checked across more than a day"),
        ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"TreatMissingData": "never"}, "Value 'never' at 'treatMissingData' failed to satisfy constraint"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "is not supported by the local cloud yet"),
        ({"AlarmActions": ["nobody"]}, "Invalid arn syntax: nobody"),
        ({"Metrics": []}, "Exactly one of MetricName and Metrics must be specified"),
    ],
)
def test_alarms_that_are_refused(monitoring: Any, changes: dict[str, Any], message: str) -> None:
    request = alarm_of("Invocations", [], **changes)
    with pytest.raises(ClientError) as caught:
        monitoring.put_metric_alarm(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert message in caught.value.response["Error"]["Message"]
    assert monitoring.describe_alarms(AlarmNames=[request["AlarmName"]])["MetricAlarms"] == []


@pytest.mark.contract("N02")
def test_an_update_leaves_the_state(fast: LocalCloud, monitoring: Any) -> None:
    alarm = alarm_of("Nothing", [], TreatMissingData="ignore")
    monitoring.put_metric_alarm(**alarm)
    monitoring.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="ALARM", StateReason="by hand")
    monitoring.put_metric_alarm(**alarm, DatapointsToAlarm=1)
    found = described(monitoring, alarm["AlarmName"])
    assert (found["StateValue"], found["StateReason"], found["DatapointsToAlarm"]) == ("ALARM", "by hand", 1)
    assert ("alarm", alarm["AlarmName"], "ALARM") in list_resources(fast, ACCOUNT, REGION)


def test_alarms_and_metrics_are_there_after_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    cloud = LocalCloud(tmp_path_factory.mktemp("again"))
    cloud.start(port=0, time_factor=FACTOR)
    try:
        monitoring = local_client.client_of(cloud, "cloudwatch")
        alarm = alarm_of("Value", [], Namespace="Own", TreatMissingData="missing", EvaluationPeriods=5)
        monitoring.put_metric_alarm(**alarm)
        monitoring.put_metric_data(Namespace="Own", MetricData=[{"MetricName": "Value", "Value": 7.0}])
        moment = datetime.now(UTC)
        cloud.stop()
        cloud.start(port=0, time_factor=FACTOR)
        monitoring = local_client.client_of(cloud, "cloudwatch")
        points = monitoring.get_metric_statistics(
            Namespace="Own",
            MetricName="Value",
            StartTime=moment - timedelta(seconds=10),
            EndTime=moment + timedelta(seconds=10),
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        assert [point["Maximum"] for point in points] == [7.0]
        # Silence goes on: the alarm is evaluated again, and in the end has nothing left to evaluate.
        found = until(monitoring, alarm["AlarmName"], "INSUFFICIENT_DATA")
        assert found["StateReason"] in (
            "Insufficient Data: 5 datapoints were unknown.",
            "Unchecked: Initial alarm creation",
        )
    finally:
        cloud.stop()


@pytest.mark.contract("A04")
def test_a_role_describes_the_alarms_that_it_may(client: Client, monitoring: Any) -> None:
    mine, other = (alarm_of("Nothing", [], AlarmName=f"{name}-{uuid.uuid4().hex[:8]}") for name in ("mine", "other"))
    second = alarm_of("Nothing", [], AlarmName=f"{mine['AlarmName']}-2")
    for alarm in (mine, second, other):
        monitoring.put_metric_alarm(**alarm)
    name = f"reads-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{mine['AlarmName']}*"
    allowed = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    client("iam").put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=policy)
    credentials = client("sts").assume_role(RoleArn=role, RoleSessionName="reader")["Credentials"]
    reader = client("cloudwatch", credentials=credentials)
    both = [mine["AlarmName"], second["AlarmName"]]
    found = reader.describe_alarms(AlarmNames=both)["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in found] == both
    for names in ([other["AlarmName"]], [mine["AlarmName"], other["AlarmName"]], []):
        with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:DescribeAlarms"):
            reader.describe_alarms(AlarmNames=names) if names else reader.describe_alarms()
