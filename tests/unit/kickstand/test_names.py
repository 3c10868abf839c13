"""Names of an environment's resources: what they are, and that none is longer than AWS takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import botocore.session
import pytest
from project_files import SMALLEST, problems, write

from kickstand.config.load import load_project
from kickstand.config.model import Environment
from kickstand.images import image_table
from kickstand.names import Names, name_problems, partition

EVERY_NAME = sorted(name for name, value in vars(Names).items() if isinstance(value, property))


def environment(folder: Path, text: str = SMALLEST) -> Environment:
    return next(iter(load_project(write(folder, text)).environments.values()))


def test_every_name_of_an_environment(tmp_path: Path) -> None:
    names = Names(environment(tmp_path))
    assert {name: getattr(names, name) for name in EVERY_NAME} == {
        "prefix": "bikes-dev",
        "capture_key_arn": None,
        "dashboard": "bikes-dev-us-east-1",
        "dashboard_arn": "arn:aws:cloudwatch::111122223333:dashboard/bikes-dev-us-east-1",
        "scaling_role_arn": (
            "arn:aws:iam::111122223333:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        ),
        "account_root": "arn:aws:iam::111122223333:root",
        "alert_topic": "bikes-dev-alerts",
        "alert_topic_arn": None,
        "dead_letter_queue": "bikes-dev-not-started",
        "rollback_alarms": (
            *("bikes-dev-new-5xx-rate", "bikes-dev-new-model-errors", "bikes-dev-new-p99-latency"),
            *("bikes-dev-all-5xx-rate", "bikes-dev-all-model-errors", "bikes-dev-all-p99-latency"),
        ),
        "variant_alarms": ("bikes-dev-all-5xx-rate", "bikes-dev-all-model-errors", "bikes-dev-all-p99-latency"),
        "training_stack": "bikes-dev-training",
        "hosting_stack": "bikes-dev-hosting",
        "bucket": "bikes-dev-111122223333-us-east-1",
        "bucket_arn": "arn:aws:s3:::bikes-dev-111122223333-us-east-1",
        "endpoint": "bikes-dev",
        "model_package_group": "bikes-dev",
        "state_machine": "bikes-dev-training",
        "state_machine_arn": "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev-training",
        "state_machine_log_group": "/aws/vendedlogs/states/bikes-dev-training",
        "transform_machine": "bikes-dev-transform",
        "transform_machine_arn": "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev-transform",
        "transform_machine_log_group": "/aws/vendedlogs/states/bikes-dev-transform",
        "stop_machine": "bikes-dev-stop",
        "stop_machine_arn": "arn:aws:states:us-east-1:111122223333:stateMachine:bikes-dev-stop",
        "stop_machine_log_group": "/aws/vendedlogs/states/bikes-dev-stop",
        "idle_alarm": "bikes-dev-idle",
        "endpoint_log_group": "/aws/sagemaker/Endpoints/bikes-dev",
        "schedule": "bikes-dev-schedule",
        "new_data_rule": "bikes-dev-new-data",
        "pipeline_stack": "bikes-dev-pipeline",
        "release_role": "bikes-dev-release-us-east-1",
        "release_role_arn": "arn:aws:iam::111122223333:role/bikes-dev-release-us-east-1",
    }
    assert names.managed_policy("predictor") == "bikes-dev-predictor-us-east-1"
    moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert names.training_job(moment, "x7q2") == "bikes-dev-20260304-050607-x7q2"
    assert names.transform_job(moment, "x7q2") == "bikes-dev-20260304-050607-x7q2"


def test_an_existing_bucket_keeps_its_name(tmp_path: Path) -> None:
    assert Names(environment(tmp_path, SMALLEST + 'storage.existing_bucket = "ours"')).bucket == "ours"


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("us-isof-south-1", "aws-iso-f"),
    ],
)
def test_the_partition_of_a_region(region: str, expected: str) -> None:
    assert partition(region) == expected


def test_every_region_of_the_image_is_in_botocores_partition() -> None:
    session = botocore.session.get_session()
    for region in image_table().accounts:
        assert partition(region) == session.get_partition_for_region(region)


# -staging-ACCOUNT-ap-southeast-1 is 36 of a bucket's 63 characters; of a job's, -staging-DATE-TIME-xxxx-r1 is 32.
@pytest.mark.parametrize(
    ("region", "longest", "what", "tail"),
    [
        ("ap-southeast-1", 27, "bucket", "-staging-111122223333-ap-southeast-1"),
        ("us-east-1", 31, "training job", "-staging-20000101-000000-xxxx-r1"),
    ],
)
def test_the_longest_project_name(tmp_path: Path, region: str, longest: int, what: str, tail: str) -> None:
    text = SMALLEST.replace("dev", "staging").replace("us-east-1", region)
    assert environment(tmp_path, text.replace("bikes", "b" * longest)).project == "b" * longest
    assert problems(tmp_path, text.replace("bikes", "b" * (longest + 1))) == [
        f'2: The project\'s name is too long for staging: the {what} would be "{"b" * (longest + 1)}{tail}", '
        f"64 characters; AWS takes 63. Shorten it by 1, to {longest} characters."
    ]


@pytest.mark.parametrize("prefix", ["xn--", "sthree-", "amzn-s3-demo-"])
def test_names_that_s3_keeps_for_itself(tmp_path: Path, prefix: str) -> None:
    text = SMALLEST.replace("bikes", f"{prefix}x")
    assert problems(tmp_path, text) == [
        f'2: The bucket would be "{prefix}x-dev-111122223333-us-east-1", and S3 keeps names that begin with '
        f'"{prefix}" for itself. Choose another name for the project.'
    ]
    assert list(name_problems(environment(tmp_path, text + 'storage.existing_bucket = "ours"'))) == []


def test_no_name_is_longer_than_its_limit_where_the_project_is_as_long_as_it_may_be(tmp_path: Path) -> None:
    names = Names(environment(tmp_path, SMALLEST.replace("dev", "staging").replace("bikes", "b" * 31)))
    assert len(names.training_job(datetime(2026, 3, 4, tzinfo=UTC), "x7q2") + "-r1") == 63
    assert len(names.bucket) == 62


def test_two_projects_of_one_account_and_region_share_no_name(tmp_path: Path) -> None:
    bikes = Names(environment(tmp_path))
    wine = Names(environment(tmp_path, SMALLEST.replace("bikes", "bikes-2")))
    for name in EVERY_NAME:
        if name in ("account_root", "scaling_role_arn", "alert_topic_arn", "capture_key_arn"):
            continue  # the account's own; none
        assert getattr(bikes, name) != getattr(wine, name)
    assert not wine.prefix.startswith(f"{bikes.prefix}-")
