"""CloudWatch's requests and answers in JSON and Query, against botocore's own writers and readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from localcloud.ministack.cloudwatch.protocol import handler, through_json
from localcloud.ministack.door.services import cloudwatch
from localcloud.sagemaker.api.call import ServiceError

MODEL = botocore.session.get_session().get_service_model("cloudwatch")
ALARM = {
    "AlarmName": "a & b",
    "ActionsEnabled": False,
    "AlarmActions": ["arn:aws:sns:us-east-1:111122223333:t"],
    "EvaluationPeriods": 3,
    "Threshold": 0.01,
    "ComparisonOperator": "GreaterThanThreshold",
    "Metrics": [
        {
            "Id": "m",
            "MetricStat": {
                "Metric": {"Namespace": "N", "MetricName": "M", "Dimensions": [{"Name": "a", "Value": "b"}]},
                "Period": 60,
                "Stat": "p99.9",
            },
            "ReturnData": True,
        }
    ],
}


def sent(operation: str, protocol: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ministack's handler for a request that botocore writes."""
    written = create_serializer(protocol).serialize_to_request(dict(members), MODEL.operation_model(operation))
    if protocol == "query":
        return {"params": {name: [str(value)] for name, value in written["body"].items()}, "data": {}, "is_json": False}
    return {"params": {}, "data": json.loads(written["body"]), "is_json": True}


def exchanged(operation: str, protocol: str, members: Mapping[str, Any], answer: Any) -> tuple[Any, dict[str, Any]]:
    """What the operation was given, and what botocore reads of the answer."""
    given: list[Any] = []

    def perform(found: dict[str, Any]) -> Mapping[str, Any]:
        given.append(found)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    asked = sent(operation, protocol, members)
    status, headers, body = handler(operation, perform)(asked["params"], asked["data"], False, asked["is_json"])
    lowered = {name.lower(): value for name, value in headers.items()}
    shape: Any = MODEL.operation_model(operation).output_shape
    response = {"status_code": status, "headers": lowered, "body": body, "context": {}}
    return given[0], create_parser(protocol).parse(response, shape)


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_a_request_is_read_as_it_was_written(protocol: str) -> None:
    assert exchanged("PutMetricAlarm", protocol, ALARM, {})[0] == ALARM
    window = {"StartTime": "2026-11-29T15:00:00Z", "EndTime": "2026-11-29T16:00:00.5Z"}
    asked = {**window, "MetricDataQueries": ALARM["Metrics"], "MaxDatapoints": 5}
    given, _ = exchanged("GetMetricData", protocol, asked, {"MetricDataResults": []})
    assert (given["EndTime"] - given["StartTime"], given["MaxDatapoints"]) == (pytest.approx(3600, abs=1), 5)
    assert given["MetricDataQueries"] == ALARM["Metrics"]


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_an_answer_is_read_as_it_was_made(protocol: str) -> None:
    points = {
        "Label": "a < b",
        "Datapoints": [{"Timestamp": 1_780_000_020.0, "Sum": 2.5, "Unit": "None", "ExtendedStatistics": {"p99": 1.5}}],
    }
    asked = {"Namespace": "N", "MetricName": "M", "StartTime": 1, "EndTime": 2, "Period": 60}
    _, read = exchanged("GetMetricStatistics", protocol, asked, points)
    (point,) = read["Datapoints"]
    assert read["Label"] == "a < b"
    assert point["Timestamp"].timestamp() == 1_780_000_020
    assert {name: point[name] for name in ("Sum", "Unit", "ExtendedStatistics")} == {
        "Sum": 2.5,
        "Unit": "None",
        "ExtendedStatistics": {"p99": 1.5},
    }


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_a_refusal_has_its_code_and_message(protocol: str) -> None:
    _, read = exchanged("PutMetricAlarm", protocol, ALARM, ServiceError("ValidationError", "no <such> thing"))
    assert read["Error"]["Message"] == "no <such> thing"
    assert read["Error"]["Code"] == "ValidationError"


def test_a_query_request_shows_whole_alarms() -> None:
    def original(params: Any, data: Any, is_cbor: bool, is_json: bool) -> Any:
        assert (params, data, is_json) == ({}, {"AlarmNames": ["a"]}, True)
        return cloudwatch.json_ok({"MetricAlarms": [{**ALARM, "StateUpdatedTimestamp": 1_780_000_020.25}]})

    handle = partial(through_json, "DescribeAlarms", original)
    status, headers, body = handle({"Action": ["DescribeAlarms"], "AlarmNames.member.1": ["a"]}, {}, False, False)
    shape: Any = MODEL.operation_model("DescribeAlarms").output_shape
    response = {"status_code": status, "headers": headers, "body": body, "context": {}}
    (alarm,) = create_parser("query").parse(response, shape)["MetricAlarms"]
    assert alarm.pop("StateUpdatedTimestamp").timestamp() == pytest.approx(1_780_000_020.25)
    assert alarm == ALARM


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        ({"AlarmName": "a"}, "MissingParameter", "The request must contain the parameter StateValue."),
        ({"AlarmName": 5, "StateValue": "OK", "StateReason": "x"}, "MalformedInput", "Expected string in AlarmName"),
        ([], "MalformedInput", "Expected structure in the request"),
    ],
)
def test_what_has_not_the_shape_is_refused(data: Any, code: str, message: str) -> None:
    status, _, body = handler("SetAlarmState", lambda members: {})({}, data, False, True)
    assert status == 400
    assert code in body.decode()
    assert message in body.decode()
