"""What `kickstand doctor` makes of the artifact bucket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.doctor.bucket import Bucket, bucket_findings, reach_verdict, setting_verdicts
from kickstand.config.model import Storage, Training
from kickstand.names import Names

GOOD = Bucket(region="us-east-1", versioned=True, encryption="AES256", key="", tells_eventbridge=True)
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("answer", "ours", "made", "status", "told"),
    [
        (404, True, False, "ok", "b is free; the training stack makes it."),
        (200, True, False, "problem", "b is there without its stack, which cannot make it then"),
        (403, True, False, "problem", "b is another account's, or closed to these credentials (403)."),
        (200, True, True, "ok", "b is reached."),
        (404, True, True, "problem", "There is no bucket b."),
        (200, False, False, "ok", "b is reached."),
        (404, False, False, "problem", "There is no bucket b."),
        (403, False, False, "problem", "b refuses these credentials (403)."),
    ],
)
def test_reach(answer: int, ours: bool, made: bool, status: str, told: str) -> None:
    verdict = reach_verdict("b", answer, ours=ours, made=made)
    assert verdict.status == status
    assert verdict.found.startswith(told)


@pytest.mark.parametrize(
    ("stack", "answer", "found"),
    [
        ("ROLLBACK_COMPLETE", 404, "is free; the training stack makes it."),
        ("ROLLBACK_COMPLETE", 403, "is another account's, or closed to these credentials (403)."),
        ("REVIEW_IN_PROGRESS", 404, "is free; the training stack makes it."),
        ("CREATE_COMPLETE", 404, "There is no bucket"),
        ("UPDATE_ROLLBACK_COMPLETE", 404, "There is no bucket"),
    ],
)
def test_a_stack_that_was_rolled_back_whole_never_made_its_bucket(stack: str, answer: int, found: str) -> None:
    said = [one.found for one in bucket_findings(workspace(stack, answer))]
    assert len(said) == 1
    assert found in said[0]


def workspace(stack: str, answer: int) -> Any:
    """An environment whose CloudFormation has the training stack in a status, and whose S3 answers HeadBucket so."""

    class Aws:
        def head_bucket(self, **asked: str) -> None:
            raise ClientError({"ResponseMetadata": {"HTTPStatusCode": answer}}, "HeadBucket")  # type: ignore[typeddict-item]

        def describe_stacks(self, **asked: str) -> dict[str, list[dict[str, str]]]:
            return {"Stacks": [{"StackStatus": stack}]}

    class Session:
        def client(self, service: str) -> Aws:
            return Aws()

    class Patient:
        environment, names, session = environment(), Names(environment()), Session()

    return Patient()


def statuses(bucket: Bucket, **settings: object) -> dict[str, str]:
    return {one.name: one.status for one in setting_verdicts("b", bucket, environment(**settings))}


def test_a_good_bucket() -> None:
    expected = {"bucket region": "ok", "bucket versions": "ok", "bucket encryption": "ok"}
    assert statuses(GOOD) == expected
    assert statuses(GOOD, training=Training(on_new_data=True)) == {**expected, "bucket events": "ok"}
    with_key = replace(GOOD, encryption="aws:kms", key=KEY)
    assert statuses(with_key, storage=Storage(kms_key_arn=KEY)) == expected


def test_each_fault_of_a_bucket_is_told() -> None:
    assert statuses(replace(GOOD, region="eu-west-1"))["bucket region"] == "problem"
    assert statuses(replace(GOOD, versioned=False))["bucket versions"] == "warning"
    assert statuses(GOOD, storage=Storage(kms_key_arn=KEY))["bucket encryption"] == "warning"
    deaf = replace(GOOD, tells_eventbridge=False)
    assert statuses(deaf, training=Training(on_new_data=True))["bucket events"] == "problem"
    assert "bucket events" not in statuses(deaf)
