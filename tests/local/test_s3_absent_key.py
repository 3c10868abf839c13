"""A key that is not there: told as 404 to those who may list the bucket, as 403 to the others."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[..., Any]


@pytest.mark.parametrize(("actions", "head", "get"), [(["s3:GetObject"], 403, 403), (["s3:*"], 404, 404)])
def test_an_absent_key_is_told_to_those_who_may_list(client: Client, actions: list[str], head: int, get: int) -> None:
    bucket, name = f"absent-{uuid.uuid4().hex[:12]}", f"reader-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key="there", Body=b"1")
    iam = client("iam")
    iam.create_user(UserName=name)
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    allowed = {"Effect": "Allow", "Action": actions, "Resource": resources}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=policy)
    key = {**iam.create_access_key(UserName=name)["AccessKey"], "SessionToken": None}
    s3 = client("s3", credentials=key)
    assert s3.get_object(Bucket=bucket, Key="there")["Body"].read() == b"1"
    found = {}
    for operation in ("head_object", "get_object"):
        with pytest.raises(ClientError) as refused:
            getattr(s3, operation)(Bucket=bucket, Key="absent")
        found[operation] = refused.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert found == {"head_object": head, "get_object": get}
    code = "AccessDenied" if get == 403 else "NoSuchKey"
    assert refused.value.response["Error"]["Code"] == code
    assert ("s3:ListBucket" in str(refused.value)) is (get == 403)
