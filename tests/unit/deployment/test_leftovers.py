"""What may be left of a destroyed environment, and what makes `destroy` fail."""

from __future__ import annotations

import pytest
from samples import environment

from deployment.leftovers import HOURLY, Leftover, retained_because, surplus
from kickstand.config.model import Environment, Storage

LEFT = (
    Leftover("endpoint", "bikes-dev", "InService", HOURLY),
    Leftover("training job", "bikes-dev-x", "InProgress", HOURLY),
    Leftover("schedule", "bikes-dev-schedule", "rate(1 day)", HOURLY),
    Leftover("artifact bucket", "bikes", "3 object versions", 0.01),
    Leftover("endpoint log", "/aws/sagemaker/Endpoints/bikes-dev", "1.0 MB", 0.01),
    Leftover("trigger log", "/aws/vendedlogs/states/bikes-dev-training", "1.0 MB", 0.01),
    Leftover("training logs", "/aws/sagemaker/TrainingJobs", "2 streams", 0.0),
    Leftover("packages", "bikes-dev", "1 model packages", 0.0),
    Leftover("transform job", "bikes-dev-y", "InProgress", HOURLY),
    Leftover("transform log", "/aws/vendedlogs/states/bikes-dev-transform", "1.0 MB", 0.01),
    Leftover("transform logs", "/aws/sagemaker/TransformJobs", "2 streams", 0.0),
)
HOSTED = {"endpoint", "transform job", "endpoint log", "transform log"}
RUNNING = {"endpoint", "transform job"}
DEV, PROD = environment(), environment(name="prod")
OWNED = environment(storage=Storage(existing_bucket="ours"))


@pytest.mark.parametrize(
    ("settings", "hosting_only", "expected"),
    [
        (DEV, False, HOSTED | {"training job", "schedule", "artifact bucket", "trigger log"}),
        (DEV, True, HOSTED),
        (PROD, False, RUNNING | {"training job", "schedule"}),
        (PROD, True, RUNNING),
        (OWNED, False, HOSTED | {"training job", "schedule", "trigger log"}),
    ],
)
def test_what_costs_and_is_not_to_be_kept(settings: Environment, hosting_only: bool, expected: set[str]) -> None:
    found = surplus(LEFT, settings, hosting_only=hosting_only)
    assert {problem.message.split(" bikes")[0].split(" /aws")[0].removeprefix("The ") for problem in found} == expected


def test_what_costs_nothing_is_no_reason_to_fail() -> None:
    empty = [Leftover("artifact bucket", "bikes", "0 object versions", 0.0)]
    assert surplus(empty, DEV, hosting_only=False) == []


def test_each_has_its_place_and_its_mend() -> None:
    (problem, *_) = surplus(LEFT, DEV, hosting_only=False)
    assert problem.message == "The endpoint bikes-dev is still there and is charged for: InService."
    assert problem.where == "account 111122223333, us-east-1"
    assert problem.fix == "aws sagemaker delete-endpoint --endpoint-name bikes-dev"
    fixes = {problem.fix for problem in surplus(LEFT, DEV, hosting_only=True)}
    assert "aws sagemaker stop-transform-job --transform-job-name bikes-dev-y" in fixes
    assert "aws logs delete-log-group --log-group-name /aws/vendedlogs/states/bikes-dev-transform" in fixes


def test_why_something_is_kept() -> None:
    bucket, shared, transforms = LEFT[3], LEFT[6], LEFT[10]
    assert retained_because(bucket, OWNED, hosting_only=False) == "the organisation's own: [storage] existing_bucket"
    assert retained_because(bucket, PROD, hosting_only=False) == "prod keeps its evidence"
    assert retained_because(bucket, DEV, hosting_only=True) == "--hosting leaves training as it is"
    assert retained_because(bucket, DEV, hosting_only=False) == ""
    assert (
        retained_because(shared, DEV, hosting_only=False) == "the group is shared by all training jobs of the account"
    )
    told = retained_because(transforms, DEV, hosting_only=True)
    assert told == "the group is shared by all transform jobs of the account"
