"""What was acknowledged before a kill -9 is there after the next start."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from killed_server import kill_and_start

from localcloud.cloud import LocalCloud

Client = Callable[..., Any]
ACCOUNT = "111122223333"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
BUCKET_STACK = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "made-by-a-stack"}}}}
TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud that is killed now and then."""
    cloud = LocalCloud(tmp_path_factory.mktemp("killed"))
    cloud.start(port=0)
    yield cloud
    cloud.stop()


def test_records_of_every_service_outlive_a_kill(own: LocalCloud, client_of: Client) -> None:
    s3, iam, sts = (client_of(own, service) for service in ("s3", "iam", "sts"))
    ssm, logs, events = (client_of(own, service, region="eu-west-1") for service in ("ssm", "logs", "events"))
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="kept", Key="data/train.csv", Body=b"1,2\n", Metadata={"rows": "1"})["VersionId"]
    second = s3.put_object(Bucket="kept", Key="data/train.csv", Body=b"3,4\n5,6\n")["VersionId"]
    s3.put_object(Bucket="kept", Key="gone.csv", Body=b"0")
    s3.delete_object(Bucket="kept", Key="gone.csv")
    role = iam.create_role(RoleName="trainer", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="trainer", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    session = sts.assume_role(RoleArn=role, RoleSessionName="notebook")["Credentials"]
    ssm.put_parameter(Name="/bikes/dev", Value="on", Type="String")
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    logs.create_log_stream(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName="job")
    logs.put_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs",
        logStreamName="job",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "[0]\ttrain-rmse:0.5"}],
    )
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")

    kill_and_start(own)

    s3, iam = client_of(own, "s3"), client_of(own, "iam")
    ssm, logs, events = (client_of(own, service, region="eu-west-1") for service in ("ssm", "logs", "events"))
    latest = s3.get_object(Bucket="kept", Key="data/train.csv")
    assert (latest["Body"].read(), latest["VersionId"]) == (b"3,4\n5,6\n", second)
    old = s3.get_object(Bucket="kept", Key="data/train.csv", VersionId=first)
    assert (old["Body"].read(), old["Metadata"]) == (b"1,2\n", {"rows": "1"})
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="kept", Key="gone.csv")
    assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
    assert iam.list_attached_role_policies(RoleName="trainer")["AttachedPolicies"] == [
        {"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    ]
    caller = client_of(own, "sts", credentials=session).get_caller_identity()
    assert caller["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/notebook"
    assert ssm.get_parameter(Name="/bikes/dev")["Parameter"]["Value"] == "on"
    assert client_of(own, "ssm").describe_parameters()["Parameters"] == []
    found = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName="job")["events"]
    assert [event["message"] for event in found] == ["[0]\ttrain-rmse:0.5"]
    assert [rule["Name"] for rule in events.list_rules()["Rules"]] == ["nightly"]


def test_a_deleted_bucket_stays_deleted_and_its_name_is_as_new(own: LocalCloud, client_of: Client) -> None:
    s3, stacks = client_of(own, "s3"), client_of(own, "cloudformation")
    s3.create_bucket(Bucket="deleted")
    s3.put_object(Bucket="deleted", Key="a", Body=b"1")
    s3.delete_object(Bucket="deleted", Key="a")
    s3.delete_bucket(Bucket="deleted")
    deploy(stacks, "buckets", BUCKET_STACK)
    s3.put_object(Bucket="made-by-a-stack", Key="old", Body=b"1")
    s3.delete_object(Bucket="made-by-a-stack", Key="old")
    stacks.delete_stack(StackName="buckets")
    wait_for(lambda: status_of(stacks, "buckets") is None)
    assert not (own.folder.objects / ACCOUNT / "made-by-a-stack").exists()

    kill_and_start(own)

    s3, stacks = client_of(own, "s3"), client_of(own, "cloudformation")
    assert {"deleted", "made-by-a-stack"}.isdisjoint(bucket["Name"] for bucket in s3.list_buckets()["Buckets"])
    assert status_of(stacks, "buckets") is None
    deploy(stacks, "buckets", BUCKET_STACK)
    assert s3.list_objects_v2(Bucket="made-by-a-stack")["KeyCount"] == 0
    assert [path for path in own.folder.objects.rglob("*") if path.is_file() and "made-by-a-stack" in str(path)] == []


def test_a_bucket_whose_record_was_not_saved_is_gone_with_its_files(own: LocalCloud, client_of: Client) -> None:
    leftover = own.folder.objects / ACCOUNT / "half-made"
    leftover.mkdir(parents=True)
    (leftover / "a").write_bytes(b"1")
    (leftover / "a.meta.json").write_text(json.dumps({"size": 1, "etag": '"c4ca4238a0b923820dcc509a6f75849b"'}))

    kill_and_start(own)

    assert "half-made" not in [bucket["Name"] for bucket in client_of(own, "s3").list_buckets()["Buckets"]]
    assert not leftover.exists()


def test_a_stack_outlives_a_kill_with_its_resources(own: LocalCloud, client_of: Client) -> None:
    stacks = client_of(own, "cloudformation", region="eu-central-1")
    deploy(stacks, "topic", TOPIC)
    topic = stacks.describe_stack_resource(StackName="topic", LogicalResourceId="Topic")
    arn = topic["StackResourceDetail"]["PhysicalResourceId"]

    kill_and_start(own)

    assert status_of(client_of(own, "cloudformation", region="eu-central-1"), "topic") == "CREATE_COMPLETE"
    sns = client_of(own, "sns", region="eu-central-1")
    assert [each["TopicArn"] for each in sns.list_topics()["Topics"]] == [arn]


def test_writes_at_full_speed_are_whole_and_kept_up_to_the_last_second(own: LocalCloud, client_of: Client) -> None:
    acknowledged: list[tuple[float, str, str]] = []
    failures: list[tuple[float, Exception]] = []
    client_of(own, "s3").create_bucket(Bucket="busy")

    def write(worker: int) -> None:
        ssm, s3 = client_of(own, "ssm"), client_of(own, "s3")
        for number in range(100_000):
            name = f"/busy/{worker}/{number}"
            try:
                ssm.put_parameter(Name=name, Value=str(number), Type="String")
                s3.put_object(Bucket="busy", Key=f"same-{worker}", Body=f"{number}\n".encode() * (number % 50 + 1))
            except Exception as error:  # whatever a client says of a server that is no more
                failures.append((time.monotonic(), error))
                return
            acknowledged.append((time.monotonic(), name, str(number)))

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(acknowledged) > 30 or bool(failures))
    killed = time.monotonic()
    kill_and_start(own)
    for thread in threads:
        thread.join()
    assert [error for at, error in failures if at < killed] == []

    ssm, s3 = client_of(own, "ssm"), client_of(own, "s3")
    kept: dict[str, str] = {}
    for page in ssm.get_paginator("get_parameters_by_path").paginate(Path="/busy", Recursive=True):
        kept.update({each["Name"]: each["Value"] for each in page["Parameters"]})
    safe = {name: value for at, name, value in acknowledged if at < killed}
    assert len(safe) > 20
    assert {name: kept.get(name) for name in safe} == safe
    for worker in range(2):
        found = s3.get_object(Bucket="busy", Key=f"same-{worker}")
        body = found["Body"].read()
        number = int(body.split(b"\n")[0])
        assert body == f"{number}\n".encode() * (number % 50 + 1)
        assert found["ContentLength"] == len(body)


def test_a_state_folder_that_was_moved_is_the_same_cloud(own: LocalCloud, client_of: Client, tmp_path: Path) -> None:
    client_of(own, "s3").create_bucket(Bucket="moved")
    own.stop()
    target = tmp_path / "elsewhere"
    own.folder.root.rename(target)
    moved = LocalCloud(target)
    moved.start()
    try:
        assert "moved" in [bucket["Name"] for bucket in client_of(moved, "s3").list_buckets()["Buckets"]]
    finally:
        moved.stop()
        target.rename(own.folder.root)
        own.start()


def deploy(stacks: Any, name: str, template: dict[str, Any]) -> None:
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
    wait_for(lambda: status_of(stacks, name) == "CREATE_COMPLETE")


def status_of(stacks: Any, name: str) -> str | None:
    try:
        return str(stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError:
        return None


def wait_for(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)
