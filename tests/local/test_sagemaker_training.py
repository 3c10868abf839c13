"""Training jobs in the local cloud: real programs, the role's own rights, errors in AWS's words."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client, World, make_world

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"train-{uuid.uuid4().hex[:8]}")


def name() -> str:
    return f"job-{uuid.uuid4().hex[:8]}"


@pytest.mark.contract("C4", "T04", "T24", "T51", "T53")
def test_a_job_trains_and_tells_of_it(world: World) -> None:
    """Given data in S3; when a job is created; then it ends with an artifact, metrics, times and its log."""
    job_name = name()
    parameters = {"num_round": "5", "objective": "reg:squarederror", "eval_metric": "mae,r2"}
    request = world.training_job(job_name, HyperParameters=parameters, Tags=[{"Key": "a", "Value": "b"}])
    made = world.sagemaker.create_training_job(**request)
    assert made["TrainingJobArn"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{job_name}"
    job = world.wait_for_job(job_name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    statuses = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    # the container's own metrics stand behind the default one, which they bring along
    expected = [f"{channel}:{metric}" for channel in ("train", "validation") for metric in ("rmse", "mae", "r2")]
    assert [metric["MetricName"] for metric in job["FinalMetricDataList"]] == expected
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] >= 1
    uri = f"s3://{world.bucket}/training/{job_name}/output/model.tar.gz"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == uri
    head = world.client("s3").head_object(Bucket=world.bucket, Key=f"training/{job_name}/output/model.tar.gz")
    assert head["ContentLength"] > 500
    logs = world.client("logs")
    stream = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{job_name}/algo-1-")["logStreams"][0]
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"])["events"]
    assert sum("#011train-rmse:" in event["message"] for event in events) == 5
    tags = world.sagemaker.list_tags(ResourceArn=made["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]


@pytest.mark.contract("T64")
def test_a_users_mistake_is_the_jobs_failure_reason(world: World) -> None:
    job_name = name()
    request = world.training_job(job_name, HyperParameters={"num_round": "5", "max_dept": "3"})
    world.sagemaker.create_training_job(**request)
    job = world.wait_for_job(job_name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    assert "max_dept" in job["FailureReason"]
    assert "ModelArtifacts" not in job


def test_a_job_can_be_stopped(world: World) -> None:
    job_name = name()
    request = world.training_job(job_name, HyperParameters={"num_round": "1000000"})
    world.sagemaker.create_training_job(**request)
    world.sagemaker.stop_training_job(TrainingJobName=job_name)
    job = world.wait_for_job(job_name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    with pytest.raises(ClientError) as caught:
        world.sagemaker.stop_training_job(TrainingJobName=job_name)
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "The request was rejected because the training job is in status Stopped.",
    }


def test_the_role_reads_its_own_data_alone(client: Client) -> None:
    """Given a role that may list the bucket and read one channel; when it trains on another; then AccessDenied."""
    role_name = f"narrow-{uuid.uuid4().hex[:8]}"
    bucket = f"arn:aws:s3:::{role_name}-{ACCOUNT}"
    statements = [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/data/validation/*"},
        {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
    ]
    narrow = make_world(client, role_name, {"Version": "2012-10-17", "Statement": statements})
    job_name = name()
    narrow.sagemaker.create_training_job(**narrow.training_job(job_name))
    job = narrow.wait_for_job(job_name)
    assert job["TrainingJobStatus"] == "Failed"
    assert "AccessDenied" in job["FailureReason"] or "Access denied" in job["FailureReason"], job["FailureReason"]


def test_a_caller_needs_the_right_to_pass_the_role(world: World) -> None:
    iam = world.client("iam")
    caller = f"caller-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=caller)
    key = iam.create_access_key(UserName=caller)["AccessKey"]
    credentials = {**key, "SessionToken": None}
    sagemaker = world.client("sagemaker", credentials=credentials)

    job = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/refused"
    create = {"Effect": "Allow", "Action": "sagemaker:CreateTrainingJob", "Resource": job}
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": world.role}
    elsewhere = {**passing, "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}

    def refused(*statements: dict[str, Any]) -> dict[str, Any]:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=caller, PolicyName="p", PolicyDocument=document)
        with pytest.raises(ClientError) as caught:
            sagemaker.create_training_job(**world.training_job("refused"))
        response = dict[str, Any](caught.value.response)
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
            "AccessDeniedException",
            400,
        )
        return response

    start = f"User: arn:aws:iam::{ACCOUNT}:user/{caller} is not authorized to perform: "
    why = "because no identity-based policy allows the"
    assert refused(passing)["Error"]["Message"] == (
        f"{start}sagemaker:CreateTrainingJob on resource: {job} {why} sagemaker:CreateTrainingJob action"
    )
    message = f"{start}iam:PassRole on resource: {world.role} {why} iam:PassRole action"
    assert refused(create)["Error"]["Message"] == message
    assert refused(create, elsewhere)["Error"]["Message"] == message


def test_errors_on_the_wire(world: World) -> None:
    sagemaker = world.sagemaker
    with pytest.raises(ClientError) as caught:
        sagemaker.describe_training_job(TrainingJobName="none")
    response = caught.value.response
    assert response["Error"] == {"Code": "ValidationException", "Message": "Requested resource not found."}
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1"
    assert len(response["ResponseMetadata"]["RequestId"]) == 36
    with pytest.raises(ClientError) as caught:
        sagemaker.list_apps()
    assert caught.value.response["Error"] == {
        "Code": "UnknownOperationException",
        "Message": "The operation ListApps is not supported by the local cloud yet.",
    }
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**world.training_job("a_b"))
    assert caught.value.response["Error"]["Message"] == (
        "1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must "
        "satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    )
    nobody = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**world.training_job("x", RoleArn=nobody))
    assert caught.value.response["Error"]["Message"] == (
        f"Could not assume role {nobody}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )
    empty = world.channel("nothing")
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**world.training_job("x", InputDataConfig=[empty]))
    assert f'No S3 objects found under S3 URL "s3://{world.bucket}/data/nothing/"' in str(caught.value)


@pytest.mark.contract("T70")
@pytest.mark.parametrize("wrong", ["bucket", "prefix", "role", "registry", "image"])
def test_what_is_wrong_has_its_own_message(world: World, wrong: str) -> None:
    nowhere, role = f"nowhere-{uuid.uuid4().hex[:8]}", f"arn:aws:iam::{ACCOUNT}:role/nobody"
    channel, algorithm = world.channel("train"), {"TrainingInputMode": "File"}
    paths = {"bucket": f"s3://{nowhere}/data/", "prefix": f"s3://{world.bucket}/datum/"}
    channel["DataSource"]["S3DataSource"]["S3Uri"] = paths.get(wrong, f"s3://{world.bucket}/data/train/")
    foreign = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:3.2-0"
    images = {"registry": foreign, "image": IMAGE.replace("sagemaker-xgboost", "linear-learner")}
    changes: dict[str, Any] = {
        "InputDataConfig": [channel],
        "RoleArn": role if wrong == "role" else world.role,
        "AlgorithmSpecification": {**algorithm, "TrainingImage": images.get(wrong, IMAGE)},
    }
    with pytest.raises(ClientError) as caught:
        world.sagemaker.create_training_job(**world.training_job(name(), **changes))
    no_data = (
        "Please ensure that the bucket exists in the selected region (us-east-1), that objects exist under that S3 "
        f'prefix, and that the role "{world.role}" has "s3:ListBucket" permissions on bucket '
    )
    expected = {
        "bucket": f'No S3 objects found under S3 URL "s3://{nowhere}/data/" given in input data source. '
        f'{no_data}"{nowhere}".',
        "prefix": f'No S3 objects found under S3 URL "s3://{world.bucket}/datum/" given in input data source. '
        f'{no_data}"{world.bucket}".',
        "role": f"Could not assume role {role}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role.",
        "registry": f"Cannot pull the image {foreign}: the built-in XGBoost of us-east-1 is in another registry. "
        f"Expected {IMAGE}.",
        "image": f"The image {images['image']} (anything but the built-in sagemaker-xgboost) is not supported by the "
        "local cloud yet.",
    }
    assert caught.value.response["Error"] == {"Code": "ValidationException", "Message": expected[wrong]}


@pytest.mark.contract("T70")
def test_an_output_bucket_that_is_not_there_is_the_jobs_failure_reason(world: World) -> None:
    job_name, nowhere = name(), f"nowhere-{uuid.uuid4().hex[:8]}"
    output = {"S3OutputPath": f"s3://{nowhere}/training"}
    request = world.training_job(job_name, OutputDataConfig=output)
    world.sagemaker.create_training_job(**request)
    job = world.wait_for_job(job_name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:")
    assert f"(s3://{nowhere}/training/{job_name}/output/model.tar.gz)" in job["FailureReason"]


def test_rules_see_the_states_of_a_job(world: World) -> None:
    """Given a rule for completed jobs with a queue; when a job completes; then the queue holds its description."""
    job_name = name()
    sqs, events = world.client("sqs"), world.client("events")
    queue = sqs.create_queue(QueueName=job_name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{job_name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobName": [job_name], "TrainingJobStatus": ["Completed"]},
    }
    events.put_rule(Name=job_name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=job_name, Targets=[{"Id": "q", "Arn": arn}])
    made = world.sagemaker.create_training_job(**world.training_job(job_name))
    described = world.wait_for_job(job_name)
    message = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"][0]
    event = json.loads(message["Body"])
    assert event["resources"] == [made["TrainingJobArn"]]
    assert event["detail"]["ModelArtifacts"] == described["ModelArtifacts"]
    assert event["detail"]["TrainingEndTime"] == round(described["TrainingEndTime"].timestamp() * 1000)


def test_accounts_and_regions_do_not_see_each_other(world: World, client: Client) -> None:
    for place in ({"account": "444455556666"}, {"region": "eu-west-1"}):
        assert client("sagemaker", **place).list_training_jobs()["TrainingJobSummaries"] == []
