"""Transform jobs of real models: outputs against an endpoint's own answers, failures, roles, state machines."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import pytest
from sagemaker_world import ACCOUNT, REGION, Client, World, make_world, wait_for
from state_machines import ended, new_machine, new_role

SYNC = "arn:aws:states:::sagemaker:createTransformJob.sync"
ROWS = [f"{number / 40:.3f},{1 - number / 40:.3f}" for number in range(40)]
CSV = ("\n".join(ROWS) + "\n").encode()


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"transform-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def artifact(world: World) -> str:
    return world.artifact()


@pytest.fixture(scope="module")
def model(world: World, artifact: str) -> str:
    return world.model(f"model-{uuid.uuid4().hex[:8]}", artifact)


@pytest.fixture(scope="module")
def answers(world: World, model: str) -> list[str]:
    """What an endpoint of the same model answers to ROWS."""
    name = f"ep-{uuid.uuid4().hex[:8]}"
    world.config(name, ("AllTraffic", model, 1))
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert world.wait_for_endpoint(name)["EndpointStatus"] == "InService"
    runtime = world.client("sagemaker-runtime")
    body = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=CSV)["Body"].read()
    world.sagemaker.delete_endpoint(EndpointName=name)
    return str(body.decode()).splitlines()


class Transform:
    """One job under a prefix of its own."""

    def __init__(self, world: World, model: str, **files: bytes) -> None:
        self.world, self.name = world, f"job-{uuid.uuid4().hex[:8]}"
        for name, body in files.items():
            self.put(f"in/{name.replace('__', '/')}", body)
        self.request: dict[str, Any] = {
            "TransformJobName": self.name,
            "ModelName": model,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": self.uri("in/")}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {"S3OutputPath": self.uri("out"), "Accept": "text/csv", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }

    def uri(self, path: str) -> str:
        return f"s3://{self.world.bucket}/{self.name}/{path}"

    def put(self, path: str, body: bytes) -> None:
        self.world.client("s3").put_object(Bucket=self.world.bucket, Key=f"{self.name}/{path}", Body=body)

    def input(self, **changes: Any) -> None:
        self.request["TransformInput"].update(changes)

    def source(self, kind: str, path: str) -> None:
        self.input(DataSource={"S3DataSource": {"S3DataType": kind, "S3Uri": self.uri(path)}})

    def run(self) -> dict[str, Any]:
        self.world.sagemaker.create_transform_job(**self.request)
        return self.wait()

    def wait(self) -> dict[str, Any]:
        found: dict[str, Any] = wait_for(
            lambda: self.world.sagemaker.describe_transform_job(TransformJobName=self.name),
            lambda job: job["TransformJobStatus"] in ("Completed", "Failed", "Stopped"),
            60,
        )
        return found

    def outputs(self) -> dict[str, str]:
        s3, prefix = self.world.client("s3"), f"{self.name}/out/"
        listed = s3.list_objects_v2(Bucket=self.world.bucket, Prefix=prefix).get("Contents", [])
        return {
            one["Key"].removeprefix(prefix): s3.get_object(Bucket=self.world.bucket, Key=one["Key"])["Body"]
            .read()
            .decode()
            for one in listed
        }

    def logs(self) -> dict[str, list[str]]:
        """Lines of the job's log streams, by what follows the instance in their names."""
        logs, group = self.world.client("logs"), "/aws/sagemaker/TransformJobs"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{self.name}/")["logStreams"]
        found = {}
        for stream in streams:
            name = stream["logStreamName"]
            events = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)["events"]
            found["/".join(name.split("/")[2:])] = [event["message"] for event in events]
        return found


def lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


@pytest.mark.contract("B03", "B04")
def test_outputs_are_the_endpoints_answers_in_order_and_named_by_their_inputs(
    world: World, model: str, answers: list[str]
) -> None:
    given = {"a.csv": CSV, "deep__b.csv": lines(ROWS[:3]).encode()}
    job = Transform(world, model, **given)
    described = job.run()
    assert described["TransformJobStatus"] == "Completed", described
    assert job.outputs() == {"a.csv.out": lines(answers), "deep/b.csv.out": lines(answers[:3])}
    assert described["CreationTime"] <= described["TransformStartTime"] <= described["TransformEndTime"]
    told = job.logs()
    assert sorted(told) == ["", "data-log"]
    (settings,) = told["data-log"]
    # The container was asked: it takes as many at once as there are cores.
    assert settings.split(": ", 1)[1].endswith("MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD")
    assert "[sagemaker logs]: MaxConcurrentTransforms=" in settings


@pytest.mark.contract("B09")
@pytest.mark.parametrize("accept", ["application/jsonlines", "application/x-recordio-protobuf"])
def test_every_form_of_answer_is_the_same_lines(world: World, model: str, answers: list[str], accept: str) -> None:
    job = Transform(world, model, **{"x.csv": lines(ROWS[:3]).encode()})
    job.request["TransformOutput"] |= {"Accept": accept}
    assert job.run()["TransformJobStatus"] == "Completed"
    assert job.outputs() == {"x.csv.out": lines(answers[:3])}


@pytest.mark.contract("B02")
def test_single_records_gzip_and_a_manifest(world: World, model: str, answers: list[str]) -> None:
    job = Transform(world, model, **{"x.csv.gz": gzip.compress(lines(ROWS[:8]).encode())})
    job.put("list.json", json.dumps([{"prefix": job.uri("in/")}, "x.csv.gz"]).encode())
    job.source("ManifestFile", "list.json")
    job.input(CompressionType="Gzip")
    job.request |= {"BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 4, "MaxPayloadInMB": 1}
    world.sagemaker.create_transform_job(**job.request)
    waiter = world.sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName=job.name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300})
    assert job.wait()["TransformJobStatus"] == "Completed"
    assert job.outputs() == {"x.csv.gz.out": lines(answers[:8])}
    assert job.logs()["data-log"][0].endswith(
        "MaxConcurrentTransforms=4, MaxPayloadInMB=1, BatchStrategy=SINGLE_RECORD"
    )


@pytest.mark.contract("B05")
def test_filters_and_join(world: World, model: str, answers: list[str]) -> None:
    with_ids = lines([f"id{number},{row}" for number, row in enumerate(ROWS)])
    job = Transform(world, model, **{"ids.csv": with_ids.encode()})
    job.request["DataProcessing"] = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    assert job.run()["TransformJobStatus"] == "Completed"
    assert job.outputs() == {"ids.csv.out": lines([f"id{number},{answer}" for number, answer in enumerate(answers)])}


@pytest.mark.contract("B01")
def test_a_whole_file_in_one_request(world: World, model: str, answers: list[str]) -> None:
    job = Transform(world, model, **{"a.csv": CSV})
    job.input(SplitType="None")
    job.source("S3Prefix", "in/a.csv")
    job.request["TransformOutput"] = {"S3OutputPath": job.uri("out")}
    assert job.run()["TransformJobStatus"] == "Completed"
    assert job.outputs() == {"a.csv.out": lines(answers)}


@pytest.mark.contract("B06")
def test_a_bad_file_fails_the_job_and_the_others_are_kept(world: World, model: str, answers: list[str]) -> None:
    job = Transform(world, model, **{"a.csv": b"1,2,3,4\n", "b.csv": lines(ROWS[:2]).encode()})
    described = job.run()
    assert (described["TransformJobStatus"], described["FailureReason"]) == (
        "Failed",
        "ClientError: See job logs for more information",
    )
    assert job.outputs() == {"b.csv.out": lines(answers[:2])}
    label = f"[sagemaker logs]: {world.bucket}/{job.name}/in/a.csv: "
    told = [line.split(label)[1] for line in job.logs()["data-log"] if label in line]
    assert told[:3] == ["ClientError: 400", "", "Message:"]
    assert "4" in told[3]


def test_failures_before_the_first_request(world: World, model: str) -> None:
    empty = Transform(world, model)
    assert empty.run()["FailureReason"] == (
        f'ClientError: Data download failed:No S3 objects found under S3 URL "{empty.uri("in/")}" given in input data '
        f"source. Please ensure that the bucket exists in the selected region ({REGION}), that objects exist under "
        f'that S3 prefix, and that the role "{world.role}" has "s3:ListBucket" permissions on bucket "{world.bucket}".'
    )
    broken = world.model(f"broken-{uuid.uuid4().hex[:8]}", world.broken_artifact())
    unloadable = Transform(world, broken, **{"a.csv": CSV})
    assert unloadable.run()["FailureReason"] == (
        "AlgorithmError: Model container failed to respond to ping; Please ensure /ping endpoint is implemented and "
        "responds with an HTTP 200 status code"
    )
    no_gzip = Transform(world, model, **{"a.csv": CSV})
    no_gzip.input(CompressionType="Gzip")
    assert no_gzip.run()["FailureReason"] == "ClientError: See job logs for more information"
    assert "a.csv: Unable to decompress the object as Gzip" in no_gzip.logs()["data-log"][-1]


def test_the_models_role_reads_and_writes(client: Client, world: World, artifact: str) -> None:
    """Not the caller's rights (here the account's root) count, but those of the role that the model was given."""
    bucket = f"arn:aws:s3:::{world.bucket}"
    reads = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
        {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
    ]
    trusted = "sagemaker.amazonaws.com"
    reader = new_role(client, policy=json.dumps({"Version": "2012-10-17", "Statement": reads}), service=trusted)
    blind = new_role(client, policy=json.dumps({"Version": "2012-10-17", "Statement": reads[:1]}), service=trusted)
    unwritten = Transform(world, world.model("reader", artifact, ExecutionRoleArn=reader), **{"a.csv": CSV})
    reason = unwritten.run()["FailureReason"]
    assert reason.startswith("ClientError: Artifact upload failed:AccessDenied (403): ")
    assert "s3:PutObject" in reason
    unlisted = Transform(world, world.model("blind", artifact, ExecutionRoleArn=blind), **{"a.csv": CSV})
    reason = unlisted.run()["FailureReason"]
    assert reason.startswith("ClientError: Data download failed:AccessDenied (403): ")
    assert "s3:ListBucket" in reason


def test_a_stopped_job_leaves_no_output(world: World, model: str) -> None:
    job = Transform(world, model, **{"a.csv": CSV * 2000})
    job.request |= {"BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 1}
    world.sagemaker.create_transform_job(**job.request)
    wait_for(
        lambda: world.sagemaker.describe_transform_job(TransformJobName=job.name),
        lambda one: "TransformStartTime" in one,
        30,
    )
    world.sagemaker.stop_transform_job(TransformJobName=job.name)
    assert job.wait()["TransformJobStatus"] == "Stopped"
    assert job.outputs() == {}


def machine(client: Client, *actions: str) -> str:
    jobs = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:transform-job/*"
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": jobs}
    role = new_role(client, policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    task = {"Type": "Task", "Resource": SYNC, "Arguments": "{% $states.input %}", "End": True}
    return new_machine(client, role, {"Transform": task})


def executed(client: Client, machine_arn: str, request: dict[str, Any]) -> dict[str, Any]:
    states = client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine_arn, input=json.dumps(request))["executionArn"]
    return ended(client, arn)


def test_a_state_machine_waits_for_the_job(client: Client, world: World, model: str, answers: list[str]) -> None:
    allowed = machine(client, "sagemaker:*Transform*", "sagemaker:AddTags")
    job = Transform(world, model, **{"a.csv": CSV})
    execution = executed(client, allowed, job.request)
    assert execution["status"] == "SUCCEEDED", execution
    told = json.loads(execution["output"])
    assert (told["TransformJobStatus"], told["TransformOutput"]["S3OutputPath"]) == ("Completed", job.uri("out"))
    assert job.outputs() == {"a.csv.out": lines(answers)}
    empty = Transform(world, model)
    execution = executed(client, allowed, empty.request)
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(execution["cause"])["FailureReason"].startswith("ClientError: Data download failed:No S3 objects")


@pytest.mark.parametrize(
    ("actions", "refused"),
    [
        (["sagemaker:DescribeTransformJob"], "sagemaker:CreateTransformJob"),
        (["sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob"], "sagemaker:AddTags"),
    ],
)
def test_a_state_machines_role_has_to_be_allowed(
    client: Client, world: World, model: str, actions: list[str], refused: str
) -> None:
    job = Transform(world, model)
    execution = executed(client, machine(client, *actions), job.request)
    assert (execution["status"], execution["error"]) == ("FAILED", "SageMaker.AmazonSageMakerException")
    assert f"is not authorized to perform: {refused} on resource" in execution["cause"]
