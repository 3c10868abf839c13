"""Which training jobs can become a release."""

from __future__ import annotations

from typing import Any

import pytest
from job_shapes import IMAGE, channel, described

from training.job.jobs import parse_job
from training.model.release_maker import adoption_problems, image_version

GOOD: dict[str, Any] = {
    "InputDataConfig": [channel("train", "s3://b/train/"), channel("validation", "s3://b/validation/")],
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"},
}


def problems(**changes: Any) -> list[str]:
    return [problem.message for problem in adoption_problems(parse_job(described(**{**GOOD, **changes})))]


def test_a_completed_job_of_the_built_in_xgboost_is_taken() -> None:
    assert problems() == []


def test_a_fault_that_the_environment_accepts_keeps_no_job_from_its_release() -> None:
    parameters = {"num_round": "10", "objective": "binary:logistic", "eval_metric": "f1"}
    job = parse_job(described(**{**GOOD, "HyperParameters": parameters}))
    (fault,) = adoption_problems(job)
    assert fault.message.startswith("metric f1 is computed wrongly")
    assert adoption_problems(job, {"class-metrics": "A dashboard alone reads it."}) == []


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (IMAGE, "3.2-0"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3", "1.0-1"),
        ("450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:3.2-0", "3.2-0"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:latest", "latest"),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0", None),
        ("683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0", None),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1", None),
        ("", None),
    ],
)
def test_an_image_is_known_by_account_region_and_name(image: str, version: str | None) -> None:
    assert image_version(image) == version


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "InProgress"}, "The training job is InProgress, not Completed."),
        ({"status": "Failed", "FailureReason": "boom"}, "The training job is Failed, not Completed: boom."),
        ({"ModelArtifacts": {}}, "The training job has no model artifact."),
        (
            {"AlgorithmSpecification": {"TrainingImage": "mine:1"}},
            "Its image is mine:1, not SageMaker's built-in XGBoost.",
        ),
        (
            {"AlgorithmSpecification": {"TrainingImage": IMAGE.replace("3.2-0", "1.5-1")}},
            "image version 1.5-1 of SageMaker's XGBoost is not supported yet.",
        ),
        (
            {"InputDataConfig": [channel("validation", "s3://b/v/")]},
            "XGBoost's channels are train and, if wanted, validation; the job's are: validation.",
        ),
        (
            {
                "InputDataConfig": [
                    {"ChannelName": "train", "DataSource": {"FileSystemDataSource": {}}, "ContentType": "csv"}
                ]
            },
            "Channel train is read through no S3 data source; only S3Prefix can be proven.",
        ),
        (
            {"InputDataConfig": [channel("train", "s3://b/t/", CompressionType="Gzip")]},
            "Channel train has compression Gzip, which is not supported yet.",
        ),
    ],
)
def test_any_other_job_is_refused_by_name(changes: dict[str, Any], expected: str) -> None:
    assert problems(**changes) == [expected]


def test_a_channel_without_content_type_is_libsvm_as_the_container_has_it() -> None:
    bare = channel("train", "s3://b/t/")
    del bare["ContentType"]
    assert problems(InputDataConfig=[bare]) == []
    (read,) = parse_job(described(InputDataConfig=[bare])).channels
    assert read.content_type == "text/libsvm"


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(problems(status="Failed", AlgorithmSpecification={"TrainingImage": "mine:1"}, InputDataConfig=[])) == 3
