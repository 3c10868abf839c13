"""Answers as the model says them: nothing empty, nothing private, times as numbers."""

from __future__ import annotations

import pytest

from localcloud.sagemaker.api.service_model import operation_output, render
from localcloud.sagemaker.store import in_milliseconds


@pytest.mark.contract("C1")
def test_absent_and_private_members_are_left_out() -> None:
    record = {
        "ModelName": "m",
        "ModelArn": "arn",
        "CreationTime": 12.3456789,
        "PrimaryContainer": {"Image": "i", "Environment": {}, "MultiModelConfig": {}, "_x": 1},
        "VpcConfig": {},
        "Containers": [],
        "ExecutionRoleArn": None,
        "EnableNetworkIsolation": False,
        "_source": {"Image": "i"},
    }
    assert render(operation_output("DescribeModel"), record) == {
        "ModelName": "m",
        "ModelArn": "arn",
        "CreationTime": 12.346,
        "PrimaryContainer": {"Image": "i"},
        "EnableNetworkIsolation": False,
    }


def test_a_required_list_stays_when_it_is_empty() -> None:
    assert render(operation_output("ListModels"), {"Models": []}) == {"Models": []}


def test_an_empty_list_is_answered_where_the_operation_lists() -> None:
    assert render(operation_output("ListTags"), {"Tags": []}, whole=True) == {"Tags": []}
    assert render(operation_output("ListTags"), {"Tags": []}) == {}


def test_an_operation_without_an_answer_answers_nothing() -> None:
    assert render(operation_output("DeleteModel"), {"a": 1}) == {}


def test_events_and_state_machines_see_milliseconds() -> None:
    shape = operation_output("DescribeTrainingJob")
    shown = {
        "CreationTime": 1.2345,
        "TrainingTimeInSeconds": 3,
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 2.0}],
        "HyperParameters": {"eta": "0.1"},
    }
    assert in_milliseconds(shape, shown) == {
        "CreationTime": 1234,
        "TrainingTimeInSeconds": 3,
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 2000}],
        "HyperParameters": {"eta": "0.1"},
    }
