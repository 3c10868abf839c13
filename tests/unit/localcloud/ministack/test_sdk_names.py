"""The names that Step Functions' SDK integrations have for services, members and errors: the SDK for Java's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from localcloud.jobs.s3 import core_session
from localcloud.ministack.stepfunctions.sdk_names import (
    UnknownFieldError,
    exception_name,
    iso,
    java_name,
    member_name,
    modelled_errors,
    to_request,
    to_result,
)


@pytest.mark.parametrize(
    ("service_id", "name"),
    [
        ("CloudFormation", "CloudFormation"),
        ("CloudWatch Logs", "CloudWatchLogs"),
        ("SFN", "Sfn"),
        ("S3", "S3"),
        ("DynamoDB", "DynamoDb"),
        ("Application Auto Scaling", "ApplicationAutoScaling"),
    ],
)
def test_services_have_the_names_of_java_classes(service_id: str, name: str) -> None:
    assert java_name(service_id) == name


@pytest.mark.contract("Y01")
@pytest.mark.parametrize(
    ("wire", "name"),
    [
        ("executionArn", "ExecutionArn"),
        ("StackStatus", "StackStatus"),
        ("NotificationARNs", "NotificationARNs"),
        ("DBInstanceArn", "DbInstanceArn"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("ETag", "ETag"),
        ("S3Uri", "S3Uri"),
    ],
)
def test_members_have_the_names_of_java_members_with_a_capital(wire: str, name: str) -> None:
    assert member_name(wire) == name


def operation(service: str, name: str) -> Any:
    return core_session().get_service_model(service).operation_model(name)


def test_arguments_become_a_request_of_the_api() -> None:
    listed = operation("stepfunctions", "ListExecutions").input_shape
    given = {"StateMachineArn": "a", "StatusFilter": "RUNNING", "MaxResults": 2.0}

    assert to_request(given, listed) == {"stateMachineArn": "a", "statusFilter": "RUNNING", "maxResults": 2}
    with pytest.raises(UnknownFieldError, match="stateMachineArn"):
        to_request({"stateMachineArn": "a"}, listed)


def test_an_answer_becomes_a_result() -> None:
    moment = datetime(2026, 11, 30, 13, 4, 5, 678900, timezone(timedelta(hours=1)))
    described = operation("cloudformation", "DescribeStacks").output_shape
    answer = {"Stacks": [{"StackName": "a", "CreationTime": moment, "NotificationARNs": []}], "ResponseMetadata": {}}

    shown = {"StackName": "a", "CreationTime": "2026-11-30T12:04:05.678Z", "NotificationARNs": []}
    assert to_result(answer, described) == {"Stacks": [shown]}
    assert iso(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00.000Z"


@pytest.mark.contract("Y02")
@pytest.mark.parametrize(
    ("service", "action", "code", "name"),
    [
        ("cloudformation", "DescribeStacks", "ValidationError", "CloudFormation.CloudFormationException"),
        ("cloudformation", "CreateStack", "AlreadyExistsException", "CloudFormation.AlreadyExistsException"),
        ("stepfunctions", "StartExecution", "StateMachineDoesNotExist", "Sfn.StateMachineDoesNotExistException"),
        ("cloudwatch", "DeleteAlarms", "ResourceNotFound", "CloudWatch.ResourceNotFoundException"),
        ("cloudwatch", "PutMetricAlarm", "LimitExceeded", "CloudWatch.LimitExceededException"),
        ("s3", "GetObject", "NoSuchBucket", "S3.NoSuchBucketException"),
        ("s3", "GetObject", "AccessDenied", "S3.S3Exception"),
    ],
)
def test_errors_have_the_names_of_java_exceptions(service: str, action: str, code: str, name: str) -> None:
    model = core_session().get_service_model(service)
    errors = modelled_errors(model, model.operation_model(action))

    assert exception_name(java_name(model.metadata["serviceId"]), code, errors) == name
