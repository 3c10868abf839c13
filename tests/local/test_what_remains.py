"""`kickstand destroy` asks AWS what is left, and fails where that is not what is to be kept."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from deployed_project import DeployedProject, Done, make_deployed_project
from sagemaker_world import ACCOUNT

from localcloud.cloud import LocalCloud


@pytest.fixture
def project(cloud: LocalCloud, tmp_path: Path) -> DeployedProject:
    return make_deployed_project(tmp_path, cloud)


def destroy(project: DeployedProject, *words: str) -> Done:
    return project.kickstand(project.cloud.root_key(ACCOUNT), "destroy", "dev", "--yes", *words)


def test_what_is_left_behind_fails_until_it_is_gone(project: DeployedProject) -> None:
    """Given logs without a stack and a schedule made by hand; then the logs go, and destroy names the schedule."""
    names, logs, scheduler = project.names, project.client("logs"), project.client("scheduler")
    group = names.endpoint_log_group
    logs.create_log_group(logGroupName=group)
    transforms = names.transform_machine_log_group
    logs.create_log_group(logGroupName=transforms)
    event = {"timestamp": int(time.time() * 1000), "message": "served"}
    for place in (group, transforms):
        logs.create_log_stream(logGroupName=place, logStreamName="s")
        logs.put_log_events(logGroupName=place, logStreamName="s", logEvents=[event])
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = project.client("iam").create_role(RoleName=f"{names.prefix}-byhand", AssumeRolePolicyDocument=document)
    scheduler.create_schedule(
        Name=names.schedule,
        ScheduleExpression="rate(7 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": names.state_machine_arn, "RoleArn": role["Role"]["Arn"]},
    )
    project.client("s3").put_object(Bucket=names.bucket, Key="data/x", Body=b"1")

    kept = destroy(project, "--hosting")
    assert (kept.code, kept.err) == (0, "")
    assert f"artifact bucket {names.bucket}  1 object versions, 0.0 MB" in kept.out
    assert "(kept: --hosting leaves training as it is)" in kept.out
    for place in (group, transforms):
        assert f"Deleted the log group {place}: it was there without its stack." in kept.out
    trigger = names.state_machine_log_group
    left = [
        one["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for one in page["logGroups"]
    ]
    assert [name for name in left if names.prefix in name] == [trigger]  # the training stack's own

    failed = destroy(project)
    assert failed.code == 1
    assert f"The schedule {names.schedule} is still there and is charged for: starts training at rate(7 days)." in (
        failed.err
    )
    assert names.bucket not in failed.err

    scheduler.delete_schedule(Name=names.schedule)
    done = destroy(project)
    assert (done.code, done.err) == (0, "")
    # A deleted stack has no template by its name, or its bucket would be emptied once more.
    assert done.out == f"No stack of {names.prefix} is deployed.\nNothing remains.\n"


def test_an_emptied_bucket_that_is_filled_again_is_charged_for(project: DeployedProject) -> None:
    """Given a bucket that somebody filled again after the stack had gone; then it is named."""
    assert destroy(project).code == 0
    names, s3 = project.names, project.client("s3")
    s3.create_bucket(Bucket=names.bucket)
    s3.put_bucket_versioning(Bucket=names.bucket, VersioningConfiguration={"Status": "Enabled"})
    assert destroy(project).code == 0  # an empty one costs nothing
    s3.put_object(Bucket=names.bucket, Key="data/x", Body=b"1" * 1000)
    failed = destroy(project)
    assert (failed.code, f"The artifact bucket {names.bucket} is still there" in failed.err) == (1, True)
