"""Buckets, keys and users of two accounts, for what S3 asks KMS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

OWNER, GUEST, REGION = "222233334444", "555566667777", "us-east-1"
BOTH = ("kms:Decrypt", "kms:GenerateDataKey")


def allow(actions: tuple[str, ...] | list[str] | str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def account(number: str, actions: Any = "kms:*", **more: Any) -> dict[str, Any]:
    return allow(actions, Principal={"AWS": f"arn:aws:iam::{number}:root"}, **more)


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def body(s3: Any, **place: Any) -> bytes:
    with s3.get_object(**place)["Body"] as stream:
        return bytes(stream.read())


class World:
    """The clients of an account's root, and what tests make with them."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def root(self, service: str, number: str = OWNER) -> Any:
        return self.client(service, account=number, region=REGION)

    def key(self, *statements: dict[str, Any], number: str = OWNER, **more: Any) -> str:
        given = {"Policy": document(*statements)} if statements else {}
        return str(self.root("kms", number).create_key(**given, **more)["KeyMetadata"]["Arn"])

    def bucket(self, *statements: dict[str, Any], default: dict[str, Any] | None = None) -> str:
        name = f"kms-{uuid.uuid4().hex[:10]}"
        s3 = self.root("s3")
        s3.create_bucket(Bucket=name)
        for one in statements:
            one["Resource"] = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
        if statements:
            s3.put_bucket_policy(Bucket=name, Policy=document(*statements))
        if default:
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [default]})
        return name

    def user(self, *statements: dict[str, Any], number: str = OWNER) -> tuple[Any, str]:
        """An S3 client of a new user who may do all of S3, and the user's ARN."""
        iam, name = self.root("iam", number), f"u-{uuid.uuid4().hex[:8]}"
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(allow("s3:*"), *statements))
        key = {**iam.create_access_key(UserName=name)["AccessKey"], "SessionToken": None}
        return self.client("s3", region=REGION, credentials=key), arn


def sse(key: str, algorithm: str = "aws:kms") -> dict[str, str]:
    return {"ServerSideEncryption": algorithm, "SSEKMSKeyId": key}


def lacks(user: str, action: str, key: str, which: str = "identity") -> tuple[str, str, int]:
    """AWS's answer (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)."""
    return (
        "AccessDenied",
        f"User: {user} is not authorized to perform: {action} on resource: {key} because no {which}-based policy "
        f"allows the {action} action",
        403,
    )
