"""A bucket, and an execution role's environment, for platform tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from localcloud.cloud import LocalCloud

ACCOUNT = "111122223333"
REGION = "us-east-1"


def bucket(client: Callable[..., Any]) -> str:
    """A new bucket's name."""
    name = f"platform-{uuid4().hex[:12]}"
    client("s3").create_bucket(Bucket=name)
    return name


def role_environment(
    cloud: LocalCloud, client: Callable[..., Any], *statements: tuple[list[str], list[str]]
) -> dict[str, str]:
    """AWS_* with the credentials of a new role that may do `statements`: (actions, resources)."""
    iam, name = client("iam"), f"execution-{uuid4().hex[:12]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    if statements:
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in statements],
        }
        iam.put_role_policy(RoleName=name, PolicyName="execution", PolicyDocument=json.dumps(document))
    given = client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="job")["Credentials"]
    return {
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_CA_BUNDLE": str(cloud.folder.ca),
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


LOGS = (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], ["*"])
"""What a role needs to write its logs."""


def reading(name: str, prefix: str = "") -> tuple[list[str], list[str]]:
    """A statement: read a bucket below a prefix."""
    return ["s3:GetObject", "s3:ListBucket"], [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/{prefix}*"]


def writing(name: str, prefix: str) -> tuple[list[str], list[str]]:
    """A statement: write below a prefix of a bucket."""
    return ["s3:PutObject", "s3:AbortMultipartUpload"], [f"arn:aws:s3:::{name}/{prefix}*"]
