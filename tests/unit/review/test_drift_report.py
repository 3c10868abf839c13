"""Drift: what CloudFormation answers, in sentences; recorded, and given again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from reviews import bundle, drift, drifted
from samples import environment

from kickstand.errors import InputError, KickstandError
from kickstand.names import Names
from review.bundle import bundle_json
from review.drift import detect_drift, moved_since, read_drift

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TRAINING = "bikes-dev-training"


def client_error(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DetectStackDrift")


class CloudFormation:
    """One stack, training; each detection ends as it is told to."""

    def __init__(self, ended: list[dict[str, Any]], drifts: list[dict[str, Any]], refusal: str = "") -> None:
        self.ended, self.drifts, self.refusal = ended, drifts, refusal

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if StackName != TRAINING:
            raise client_error(f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]}

    def detect_stack_drift(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.refusal:
            raise client_error(self.refusal)
        return {"StackDriftDetectionId": "d"}

    def describe_stack_drift_detection_status(self, *, StackDriftDetectionId: str) -> dict[str, Any]:  # noqa: N803
        return self.ended.pop(0) if len(self.ended) > 1 else self.ended[0]

    def describe_stack_resource_drifts(self, *, StackName: str, NextToken: str = "") -> dict[str, Any]:  # noqa: N803
        place = int(NextToken or 0)
        more = {"NextToken": str(place + 1)} if place + 1 < len(self.drifts) else {}
        return {"StackResourceDrifts": self.drifts[place : place + 1], **more}

    def get_template(self, *, StackName: str, TemplateStage: str) -> dict[str, Any]:  # noqa: N803
        return {"TemplateBody": {"Resources": {}}}

    def get_paginator(self, operation: str) -> Any:
        return type("Pages", (), {"paginate": lambda _, StackName: []})()  # noqa: N803


def report(cloudformation: CloudFormation) -> Any:
    session = type("Session", (), {"client": lambda _, service: cloudformation})()
    return detect_drift(session, Names(environment()), now=NOW, sleep=lambda _: None)


def resource(logical_id: str, status: str, *differences: tuple[str, str, str, str]) -> dict[str, Any]:
    keys = ("PropertyPath", "ExpectedValue", "ActualValue", "DifferenceType")
    return {
        "LogicalResourceId": logical_id,
        "ResourceType": "AWS::S3::Bucket",
        "StackResourceDriftStatus": status,
        "PropertyDifferences": [dict(zip(keys, one, strict=True)) for one in differences],
    }


COMPLETE = {"DetectionStatus": "DETECTION_COMPLETE", "StackDriftStatus": "IN_SYNC"}


def test_stacks_in_sync_and_stacks_that_are_not_there() -> None:
    working = {"DetectionStatus": "DETECTION_IN_PROGRESS"}
    found = report(CloudFormation([working, working, COMPLETE], [resource("Bucket", "IN_SYNC")]))
    assert [(one.stack, one.status, one.resources) for one in found.stacks] == [
        (TRAINING, "IN_SYNC", ()),
        ("bikes-dev-hosting", "NOT_DEPLOYED", ()),
    ]
    assert (found.detected_at, found.headlines) == ("2026-11-23T12:00:00Z", ())


def test_each_difference_is_a_sentence_and_a_danger() -> None:
    changed = resource(
        "Bucket",
        "MODIFIED",
        ("/Tags/0/Value", "a", "b", "NOT_EQUAL"),
        ("/Rules/1", "null", '{"Id":"x"}', "ADD"),
        ("/Versioning", "Enabled", "null", "REMOVE"),
    )
    found = report(
        CloudFormation([{**COMPLETE, "StackDriftStatus": "DRIFTED"}], [changed, resource("Gone", "DELETED")])
    )
    assert [(one.logical_id, one.differences) for one in found.stacks[0].resources] == [
        (
            "Bucket",
            (
                'Rules[1]: expected nothing, found {"Id":"x"}',
                'Tags[0].Value: expected "a", found "b"',
                'Versioning: expected "Enabled", found nothing',
            ),
        ),
        ("Gone", ()),
    ]
    assert [(one.level, one.sentence) for one in found.headlines][1:] == [
        ("danger", "Gone (AWS::S3::Bucket) of bikes-dev-training was deleted by hand.")
    ]


def test_a_detection_that_fails_is_told() -> None:
    failed = {"DetectionStatus": "DETECTION_FAILED", "StackDriftStatus": "UNKNOWN", "DetectionStatusReason": "no right"}
    found = report(CloudFormation([failed], []))
    assert found.stacks[0].status == "UNKNOWN"
    assert [(one.level, one.sentence) for one in found.headlines] == [
        ("warning", "Drift detection of bikes-dev-training failed: no right.")
    ]


def test_a_stack_that_cannot_be_asked_now_is_told() -> None:
    found = report(CloudFormation([], [], refusal="it is in UPDATE_IN_PROGRESS state"))
    assert found.stacks[0].status == "NOT_CHECKED"
    assert found.headlines[0].sentence == (
        "Drift of bikes-dev-training could not be asked: it is in UPDATE_IN_PROGRESS state."
    )


def test_a_detection_without_an_end_is_given_up() -> None:
    with pytest.raises(KickstandError, match="has not come to an end with drift detection in 15 minutes"):
        report(CloudFormation([{"DetectionStatus": "DETECTION_IN_PROGRESS"}], []))


def test_a_recorded_drift_is_read_from_a_review_or_a_file_of_its_own(tmp_path: Path) -> None:
    recorded = drift(drifted("Bucket"))
    (tmp_path / "review.json").write_bytes(bundle_json(bundle(drift=recorded)))
    (tmp_path / "drift.json").write_text(recorded.model_dump_json())
    assert read_drift(tmp_path / "review.json") == read_drift(tmp_path / "drift.json") == recorded


@pytest.mark.parametrize("text", ["", "[]", '{"drift": 1}'])
def test_a_file_without_one_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "drift.json").write_text(text)
    with pytest.raises(InputError, match="The file holds no recorded drift"):
        read_drift(tmp_path / "drift.json")


def test_the_same_drift_has_not_moved() -> None:
    assert moved_since(drift(drifted("A", "x")), drift(drifted("A", "x"))) == ()
    assert len(moved_since(drift(drifted("A", "x")), drift(drifted("A", "y")))) == 2
