"""Whoever holds the policies of a deployed project: users with the managed ones, and the stacks' own roles."""

from __future__ import annotations

import json
import uuid
from typing import Any

from deployed_project import DeployedProject
from policy_probes import role_of
from sagemaker_world import ACCOUNT, IMAGE


def user(project: DeployedProject, *jobs: str) -> dict[str, Any]:
    """The access key of a new user who holds the managed policy of each job."""
    iam, name = project.client("iam"), f"{project.names.prefix}-{jobs[-1]}-{uuid.uuid4().hex[:6]}"
    iam.create_user(UserName=name)
    for job in jobs:
        iam.attach_user_policy(
            UserName=name, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/{project.names.managed_policy(job)}"
        )
    return {**iam.create_access_key(UserName=name)["AccessKey"], "SessionToken": None}


def session_of(project: DeployedProject, stack: str) -> dict[str, Any]:
    """Credentials of a role: its policies are untouched, its trust is widened to let the account take it on."""
    iam, arn = project.client("iam"), role_of(project, stack)
    name = arn.rpartition("/")[2]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    account = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    iam.update_assume_role_policy(
        RoleName=name, PolicyDocument=json.dumps({**trust, "Statement": [*trust["Statement"], account]})
    )
    try:
        given: dict[str, Any] = project.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    return given


def job_of_role(project: DeployedProject, channel: str, output: str) -> dict[str, Any]:
    """A job that root starts in the training role, which nobody has touched."""
    bucket = project.names.bucket
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{channel}"}
    return {
        "TrainingJobName": f"{project.names.prefix}-{uuid.uuid4().hex[:6]}",
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": role_of(project, project.names.training_stack),
        "HyperParameters": {"num_round": "2"},
        "InputDataConfig": [
            {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{output}"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
