"""A failed AWS call in words: what was tried, AWS's own words, and what to do next."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    SSLError,
    UnauthorizedSSOTokenError,
)

from kickstand.aws.errors import aws_error, error_code, explained
from kickstand.errors import KickstandError, Problem


def answer(code: str, message: str, status: int = 400, operation: str = "CreateModel") -> ClientError:
    answered: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answered, operation)


DENIED = (
    "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: iam:PassRole on resource: "
    "arn:aws:iam::111122223333:role/x because no identity-based policy allows the iam:PassRole action"
)


OF_A_KEY = (
    "User: arn:aws:sts::444455556666:assumed-role/r/s is not authorized to perform: kms:Decrypt on resource: "
    "arn:aws:kms:us-east-1:111122223333:key/k because no resource-based policy allows the kms:Decrypt action"
)


@pytest.mark.parametrize(
    ("error", "message", "fix"),
    [
        (
            answer("AccessDenied", OF_A_KEY, 403, "CopyObject"),
            f"CopyObject: AccessDenied: {OF_A_KEY}.",
            "The key's own policy does not allow it: its owner adds a statement (aws kms put-key-policy). kickstand "
            "doctor ENV names who needs what of an environment's keys.",
        ),
        (
            answer("KMS.DisabledException", "arn:aws:kms:us-east-1:111122223333:key/k is disabled.", 400, "PutObject"),
            "PutObject: KMS.DisabledException: arn:aws:kms:us-east-1:111122223333:key/k is disabled.",
            "The key cannot be used as it is: kickstand doctor ENV says what to do.",
        ),
        (
            answer("AccessDeniedException", DENIED),
            f"CreateModel: AccessDeniedException: {DENIED}.",
            "These credentials lack the permission iam:PassRole: "
            "attach the environment's policy for the job, or use others.",
        ),
        (
            answer("403", "Forbidden", 403, "HeadObject"),
            "HeadObject: 403: Forbidden.",
            "These credentials lack the permission for HeadObject: "
            "attach the environment's policy for the job, or use others.",
        ),
        (
            answer("ExpiredTokenException", "The security token included in the request is expired"),
            "CreateModel: ExpiredTokenException: The security token included in the request is expired.",
            "The credentials have expired: sign in again, then run the same command.",
        ),
        (
            answer("ThrottlingException", "Rate exceeded"),
            "CreateModel: ThrottlingException: Rate exceeded.",
            "AWS throttled the requests and every retry: wait a minute, then run the same command.",
        ),
        (
            answer("ResourceLimitExceeded", "The account-level service limit 'ml.m5.large' is 0 Instances."),
            "CreateModel: ResourceLimitExceeded: The account-level service limit 'ml.m5.large' is 0 Instances.",
            "Ask for a higher quota in the Service Quotas console, or choose another instance type.",
        ),
        (
            answer("InternalFailure", "Oops", 500),
            "CreateModel: InternalFailure: Oops.",
            "A fault on the service's side: run the same command again.",
        ),
        (
            answer("ValidationException", "Could not find\n  model."),
            "CreateModel: ValidationException: Could not find model.",
            "",
        ),
        (
            UnauthorizedSSOTokenError(),
            "The SSO session associated with this profile has expired or is otherwise invalid. To refresh this SSO "
            "session run aws sso login with the corresponding profile.",
            "Sign in again: aws sso login (with --profile where a profile is used).",
        ),
        (
            SSLError(endpoint_url="https://127.0.0.1:1/", error=Exception("bad certificate")),
            "SSL validation failed for https://127.0.0.1:1/ bad certificate.",
            "Check AWS_CA_BUNDLE; for the local cloud take all of kickstand local env.",
        ),
        (
            EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com/"),
            'Could not connect to the endpoint URL: "https://sts.us-east-1.amazonaws.com/".',
            "Check the network, the proxy settings and the environment's region.",
        ),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/model.tar.gz"),
            "/tmp/model.tar.gz: No space left on device.",
            "Make room on the disk, then run the same command.",
        ),
        (BotoCoreError(), "An unspecified error occurred.", ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_kind_of_failure(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str, fix: str) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    made = aws_error(error, "making the model", "stack bikes-dev-hosting")
    assert made.problems == (Problem(f"Failed while making the model: {message}", "stack bikes-dev-hosting", fix),)
    assert made.exit_code == 1


def test_nothing_answers_at_an_address_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:4566")
    [problem] = aws_error(ConnectTimeoutError(endpoint_url="https://127.0.0.1:4566/"), "asking").problems
    assert problem.fix == (
        "AWS_ENDPOINT_URL is https://127.0.0.1:4566: start it (kickstand local start), "
        "or unset AWS_ENDPOINT_URL to reach AWS."
    )


def test_an_upload_tells_its_cause() -> None:
    try:
        try:
            raise answer("AccessDenied", "Access Denied", 403, "PutObject")
        except ClientError as cause:
            raise S3UploadFailedError(f"Failed to upload a to b: {cause}") from None
    except S3UploadFailedError as error:
        [problem] = aws_error(error, "uploading").problems
    assert problem.message == "Failed while uploading: PutObject: AccessDenied: Access Denied."
    assert problem.fix.startswith("These credentials lack the permission for PutObject: ")


def test_a_block_is_explained_and_other_errors_pass() -> None:
    with pytest.raises(KickstandError, match=r"^Failed while asking: GetThing: Gone: No\.$"), explained("asking"):
        raise answer("Gone", "No", operation="GetThing")
    with pytest.raises(ZeroDivisionError), explained("asking"):
        _ = 1 / 0
    with pytest.raises(KickstandError, match=r"^ours$"), explained("asking"):
        raise KickstandError("ours")


def test_the_code_of_an_answer() -> None:
    assert error_code(answer("Gone", "No")) == "Gone"
    assert error_code(BotoCoreError()) == ""
