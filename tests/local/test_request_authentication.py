"""Nothing is answered without the secret of the key that a request names: every service, every way of signing."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable
from contextlib import closing
from ssl import create_default_context
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from http_calls import sent, signature
from local_client import ACCOUNT, REGION, Client
from service_reads import READS

from localcloud.cloud import LocalCloud
from localcloud.ministack.served import SERVED

UNKNOWN = {"InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException", "AuthFailure"}
WRONG = {"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"}
MISSING = {
    "UnrecognizedClientException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "AccessDenied",
    "403",
}


def test_the_table_has_every_service_that_is_served() -> None:
    assert set(SERVED) <= set(READS)


def code(call: Callable[[], Any]) -> str:
    """The error's code; empty where it is answered."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def with_key(cloud: LocalCloud, service: str, key: str, secret: str, token: str | None = None) -> Any:
    given = {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token}
    return boto3.session.Session().client(
        service,
        region_name=REGION,
        endpoint_url=cloud.url,
        verify=str(cloud.folder.ca),
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}, signature_version=None if key else UNSIGNED),
    )


@pytest.mark.parametrize("name", READS)
def test_a_service_answers_nobody_without_a_secret(cloud: LocalCloud, name: str) -> None:
    service, operation = READS[name]
    right = cloud.root_key(ACCOUNT)["SecretAccessKey"]
    of_another = cloud.root_key("444455556666")["SecretAccessKey"]

    def outcome(key: str, secret: str) -> str:
        return code(getattr(with_key(cloud, service, key, secret), operation))

    assert outcome(ACCOUNT, right) in ("", "ResourceNotFoundException")
    assert {outcome(ACCOUNT, secret) for secret in ("local", "test", of_another, right[:-1])} <= WRONG
    assert {outcome("test", "test"), outcome("AKIAIOSFODNN7EXAMPLE", "x"), outcome("11112222333", right)} <= UNKNOWN
    assert outcome("", "") in MISSING


def test_keys_of_users_and_sessions_need_their_own_secrets(cloud: LocalCloud, client: Client) -> None:
    iam, name = client("iam"), f"ana-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = key["AccessKeyId"], key["SecretAccessKey"]
    root = cloud.root_key(ACCOUNT)["SecretAccessKey"]
    assert code(with_key(cloud, "sts", *user).get_caller_identity) == ""
    for service, operation in READS.values():
        assert code(getattr(with_key(cloud, service, user[0], root), operation)) in WRONG, service
    iam.update_access_key(UserName=name, AccessKeyId=user[0], Status="Inactive")
    assert code(with_key(cloud, "sts", *user).get_caller_identity) in UNKNOWN

    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    given = client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
    assert code(with_key(cloud, "sts", *session).get_caller_identity) == ""
    assert code(with_key(cloud, "sts", session[0], root, session[2]).get_caller_identity) in WRONG
    assert code(with_key(cloud, "sts", *session[:2]).get_caller_identity) in UNKNOWN
    assert code(with_key(cloud, "sts", *session[:2], "other").get_caller_identity) in UNKNOWN
    # A token belongs to no root.
    assert code(with_key(cloud, "sts", ACCOUNT, root, session[2]).get_caller_identity) in UNKNOWN


LIST = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}
USERS = b"Action=ListUsers&Version=2010-05-08"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("service", ["s3", "iam", "kms", "dynamodb", "nonsense"])
def test_a_request_that_is_signed_for_another_service_is_refused(cloud: LocalCloud, service: str) -> None:
    headers = signature(cloud, service, "POST", "/", b"{}", **LIST)
    status, text = sent(cloud, "POST", "/", b"{}", headers)
    assert status in (400, 403)
    assert "InvalidSignatureException" in text
    assert "Credential should be scoped to correct service: 'sagemaker'" in text


def test_an_action_that_is_signed_for_another_service_is_refused(cloud: LocalCloud) -> None:
    assert sent(cloud, "POST", "/", USERS, signature(cloud, "iam", "POST", "/", USERS, **FORM))[0] == 200
    for service in ("sts", "cloudformation", "ec2"):
        headers = signature(cloud, service, "POST", "/", USERS, **FORM)
        assert "scoped to correct service: 'iam'" in sent(cloud, "POST", "/", USERS, headers)[1] or service == "ec2"
        assert sent(cloud, "POST", "/", USERS, headers)[0] in (401, 403)


def test_a_body_that_was_not_signed_is_not_taken(cloud: LocalCloud, client: Client) -> None:
    s3, bucket = client("s3"), f"door-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    headers = signature(cloud, "s3", "PUT", f"/{bucket}/key", b"mine")
    # botocore leaves the digest out over TLS: here it is signed.
    digest = AWSRequest(method="PUT", url=f"{cloud.url}/{bucket}/key", data=b"mine")
    digest.context["payload_signing_enabled"] = True
    S3SigV4Auth(Credentials(ACCOUNT, cloud.root_key(ACCOUNT)["SecretAccessKey"]), "s3", REGION).add_auth(digest)
    status, text = sent(cloud, "PUT", f"/{bucket}/key", b"evil", dict(digest.headers.items()))
    assert (status, "<Code>XAmzContentSHA256Mismatch</Code>" in text) == (400, True)
    assert code(lambda: s3.head_object(Bucket=bucket, Key="key")) == "404"
    assert sent(cloud, "PUT", f"/{bucket}/key", b"mine", dict(digest.headers.items()))[0] == 200
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"mine"
    assert sent(cloud, "PUT", f"/{bucket}/other", b"mine", headers)[0] == 403
    changed = sent(cloud, "POST", "/", b'{"MaxResults":1}', signature(cloud, "sagemaker", "POST", "/", b"{}", **LIST))
    assert changed[0] == 400
    assert "InvalidSignatureException" in changed[1]


def test_a_presigned_url_is_as_good_as_its_signature(cloud: LocalCloud) -> None:
    key, bucket = cloud.root_key(ACCOUNT), f"door-{uuid.uuid4().hex[:8]}"
    s3 = boto3.session.Session().client(
        "s3",
        region_name=REGION,
        endpoint_url=cloud.url,
        verify=str(cloud.folder.ca),
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(signature_version="s3v4"),
    )
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"bytes")
    parts = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü"}))
    assert sent(cloud, "GET", f"{parts.path}?{parts.query}") == (200, "bytes")
    assert sent(cloud, "GET", f"{parts.path}x?{parts.query}")[0] == 403
    assert sent(cloud, "PUT", f"{parts.path}?{parts.query}", b"evil")[0] == 403
    assert sent(cloud, "GET", f"{parts.path}?{parts.query}", headers={"Authorization": "AWS4-HMAC-SHA256 x"})[0] == 400


def test_a_stranger_reads_only_what_a_bucket_policy_makes_public(cloud: LocalCloud, client: Client) -> None:
    s3, bucket = client("s3"), f"door-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    for key in ("open/one", "shut/one"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert sent(cloud, "GET", f"/{bucket}/open/one")[0] == 403
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/open/*",
    }
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    assert sent(cloud, "GET", f"/{bucket}/open/one") == (200, "open/one")
    for method, path in (
        ("GET", f"/{bucket}/shut/one"),
        ("GET", f"/{bucket}?list-type=2"),
        ("GET", f"/{bucket}"),
        ("GET", "/"),
        ("HEAD", f"/{bucket}"),
        ("PUT", f"/{bucket}/open/one"),
        ("DELETE", f"/{bucket}/open/one"),
        ("POST", f"/{bucket}?delete"),
        ("OPTIONS", f"/{bucket}/open/one"),
    ):
        assert sent(cloud, method, path, b"x" if method in ("PUT", "POST") else b"")[0] == 403, (method, path)
    assert sent(cloud, "GET", f"/{bucket}/open/one", headers={"X-Amz-Target": "SageMaker.ListModels"})[0] == 400


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        *(("GET", path, {}) for path in ("/", "/health", "/latest/meta-data/", "/v2/_catalog", "/iceberg/v1/config")),
        *(("GET", path, {}) for path in ("/2015-03-31/functions/", "/oauth2/token", "/v1/apis", "/clusters")),
        *(("OPTIONS", path, {}) for path in ("/", "/bucket/key")),
        *(("GET", "/", {"Host": host}) for host in ("a1.execute-api.localhost", "b.s3.localhost", "evil.org")),
        ("POST", "/v1/chat/completions", {"Content-Type": "application/json"}),
        ("POST", "/2015-03-31/functions/f/invocations", {}),
        ("POST", "/endpoints/e/invocations", {"Content-Type": "text/csv"}),
        ("POST", "/", {"Content-Type": "multipart/form-data; boundary=x"}),
        ("POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", {"smithy-protocol": "rpc-v2-cbor"}),
        ("PUT", "/_ministack/cfn-response/token", {}),
    ],
)  # fmt: skip
def test_no_other_way_in_is_open(cloud: LocalCloud, method: str, target: str, headers: dict[str, str]) -> None:
    body = b"{}" if method in ("POST", "PUT") else b""
    assert sent(cloud, method, target, body, headers)[0] in (400, 403, 404)


@pytest.mark.parametrize("action", ["GetCallerIdentity", "AssumeRole", "AssumeRoleWithSAML", "GetSessionToken"])
def test_sts_is_asked_without_a_signature_for_one_thing_alone(cloud: LocalCloud, action: str) -> None:
    status, text = sent(cloud, "POST", "/", f"Action={action}&Version=2011-06-15".encode(), FORM)
    assert (status, "MissingAuthenticationToken" in text) == (403, True)


def test_a_body_is_not_read_of_whom_the_headers_refuse(cloud: LocalCloud) -> None:
    """Ten gigabytes are announced and none is sent: an answer comes all the same."""
    huge = {"Content-Length": "10000000000", "Content-Type": "application/x-amz-json-1.1"}
    for headers in (
        {},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, "
         "Signature=0", "X-Amz-Date": "20130524T000000Z"},
        signature(cloud, "sagemaker", "POST", "/", b"{}", **LIST),
        {**signature(cloud, "s3", "PUT", "/bucket/key", b""), "X-Amz-Date": "20130524T000000Z"},
    ):  # fmt: skip
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            urlsplit(cloud.url).port,
            context=create_default_context(cafile=str(cloud.folder.ca)),
            timeout=10,
        )
        with closing(connection):
            connection.putrequest("POST", "/")
            for name, value in {**headers, **huge}.items():
                connection.putheader(name, value)
            connection.endheaders()
            assert connection.getresponse().status in (400, 403, 413)


def test_lambda_is_not_there(client: Client) -> None:
    with pytest.raises(ClientError, match=r"The local cloud does not have the service lambda\."):
        client("lambda").list_functions()
    cloudformation, name = client("cloudformation"), f"door-{uuid.uuid4().hex[:8]}"
    template = json.dumps({"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Role": "r"}}}})
    with pytest.raises(ClientError, match="AWS::Lambda::Function"):
        cloudformation.create_stack(StackName=name, TemplateBody=template)


def test_a_subscription_calls_nobody(client: Client) -> None:
    """A topic's HTTP subscription must not reach a port of this machine."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1)
        sns = client("sns")
        topic = sns.create_topic(Name=f"door-{uuid.uuid4().hex[:8]}")["TopicArn"]
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint)
        sns.publish(TopicArn=topic, Message="hello")
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_secret_is_in_its_file_and_nowhere_in_the_log(cloud: LocalCloud) -> None:
    secret = cloud.folder.root_secret.read_text().strip()
    derived = cloud.root_key(ACCOUNT)["SecretAccessKey"]
    log = cloud.log.read_text()
    assert secret not in log
    assert derived not in log


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "TRACE", "OPTIONS"])
def test_an_endpoint_is_invoked_by_post_alone(cloud: LocalCloud, method: str) -> None:
    target = "/endpoints/none/invocations"
    status, answer = sent(cloud, method, target, headers=signature(cloud, "sagemaker", method, target))
    message = f"{method} {target} is no operation of the API: endpoints are invoked by POST."
    assert (status, json.loads(answer)) == (404, {"Message": message})
