"""Signature Version 4, compared with the signatures of AWS's documentation and with those that botocore makes."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.ministack.requests.signature import RefusedError, SignedRequest, read_request

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CREDENTIALS = Credentials(KEY, SECRET)
CHUNK_SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)


def scope_of(method: str, url: str, headers: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the server makes of a request: an ASGI scope, and the headers by their names in lower case."""
    parts = urlsplit(url)
    scope = {"method": method, "path": parts.path, "raw_path": parts.path.encode()}
    scope["query_string"] = parts.query.encode()
    return scope, {"host": parts.netloc, **{name.lower(): value for name, value in headers.items()}}


def read(method: str, url: str, headers: dict[str, str]) -> SignedRequest:
    found = read_request(*scope_of(method, url, headers))
    assert found is not None
    return found


def signed(
    auth: type[SigV4Auth], service: str, method: str, url: str, body: bytes = b"", **headers: str
) -> SignedRequest:
    """A request as botocore signs it."""
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    auth(CREDENTIALS, service, "us-east-1").add_auth(request)
    assert request.url is not None
    return read(method, request.url, dict(request.headers.items()))


def code(check: Any, *given: Any) -> str:
    """The code of a refusal; empty where nothing is refused."""
    try:
        check(*given)
    except RefusedError as refusal:
        return refusal.code
    return ""


def documented_chunks(**headers: str) -> SignedRequest:
    """The first request of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html"""
    sent = {
        "host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
    }
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={';'.join(sorted(sent))},"
        "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    )
    url = "https://s3.amazonaws.com/examplebucket/chunkObject.txt"
    return read("PUT", url, {**sent, "authorization": authorization, **headers})


def chunks(*parts: bytes) -> bytes:
    return b"".join(
        b"%x;chunk-signature=%s\r\n%s\r\n" % (len(part), signature.encode(), part)
        for part, signature in zip(parts, CHUNK_SIGNATURES, strict=True)
    )


def test_the_documented_upload_in_chunks_is_right_and_any_change_of_it_is_not() -> None:
    request = documented_chunks()
    request.check_signature(SECRET)
    whole = chunks(b"a" * 65536, b"a" * 1024, b"")
    request.check_body(SECRET, whole)
    assert code(documented_chunks(**{"x-amz-storage-class": "STANDARD"}).check_signature, SECRET) != ""
    for changed in (
        chunks(b"a" * 65536, b"a" * 1023 + b"b", b""),
        chunks(b"a" * 65535, b"a" * 1025, b""),
        whole[: whole.rindex(b"0;chunk")],
        whole.replace(b"\r\n400;", b"\r\n0400;x=y;"),
        b"",
        b"a" * 66560,
    ):
        assert code(request.check_body, SECRET, changed) == "SignatureDoesNotMatch"


def test_the_documented_upload_with_a_trailer() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html"""
    sent = {
        "host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "x-amz-trailer": "x-amz-checksum-crc32c",
    }
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={';'.join(sorted(sent))},"
        "Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    )
    request = read(
        "PUT", "https://s3.amazonaws.com/examplebucket/chunkObject.txt", {**sent, "authorization": authorization}
    )
    request.check_signature(SECRET)
    body = (
        b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
        + b"a" * 65536
        + b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
        + b"a" * 1024
        + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
        b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
        b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )
    request.check_body(SECRET, body)
    assert code(request.check_body, SECRET, body.replace(b"sOO8/Q==", b"sOO8/A==")) == "SignatureDoesNotMatch"
    assert code(request.check_body, SECRET, body[: body.index(b"x-amz-checksum")]) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:4566/bucket/a%20b/%C3%BC%2Bx",
        "https://127.0.0.1:4566/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F&marker=",
        "https://127.0.0.1:4566/bucket/a//b/../c",
    ],
)
def test_what_botocore_signs_for_s3_is_right(url: str) -> None:
    request = signed(S3SigV4Auth, "s3", "PUT", url, b"body", **{"x-amz-meta-name": "two  blanks "})
    request.check_scope()
    request.check_signature(SECRET)
    assert code(request.check_signature, f"{SECRET}x") == "SignatureDoesNotMatch"


def test_a_body_that_was_not_signed_is_refused_by_s3s_own_code() -> None:
    digest = hashlib.sha256(b"body").hexdigest()
    url = "http://127.0.0.1:4566/bucket/key"  # over plain HTTP botocore signs the body
    request = signed(S3SigV4Auth, "s3", "PUT", url, b"body", **{"X-Amz-Content-SHA256": digest})
    assert request.payload == digest
    request.check_body(SECRET, b"body")
    assert code(request.check_body, SECRET, b"other") == "XAmzContentSHA256Mismatch"
    assert code(request.check_body, SECRET, b"") == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize("more", [{}, {"x-amz-content-sha256": hashlib.sha256(b'{"a":1}').hexdigest()}])
def test_of_another_service_the_body_is_part_of_the_signature(more: dict[str, str]) -> None:
    headers = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1", **more}
    request = signed(SigV4Auth, "sagemaker", "POST", "https://127.0.0.1:4566/", b'{"a":1}', **headers)
    request.check_scope()
    request.check_signature(SECRET, b'{"a":1}')
    assert code(request.check_signature, SECRET, b'{"a":2}') == "SignatureDoesNotMatch"


def test_a_word_for_the_payload_is_no_way_around_the_body_of_another_service() -> None:
    headers = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    request = signed(SigV4Auth, "sagemaker", "POST", "https://127.0.0.1:4566/", b"", **headers)
    assert code(request.check_signature, SECRET, b"body") == "SignatureDoesNotMatch"


def test_a_presigned_url_is_right_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    request = AWSRequest(method="GET", url="https://127.0.0.1:4566/bucket/a%20b?versionId=1")
    S3SigV4QueryAuth(CREDENTIALS, "s3", "us-east-1", expires=60).add_auth(request)
    assert request.url is not None
    found = read("GET", request.url, {})
    found.check_scope()
    found.check_signature(SECRET)
    other = read("GET", request.url.replace("a%20b", "a%20c"), {})
    assert code(other.check_signature, SECRET) == "SignatureDoesNotMatch"
    longer = read("GET", request.url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), {})
    assert code(longer.check_signature, SECRET) == "SignatureDoesNotMatch"
    old = read("GET", request.url.replace("X-Amz-Date=2", "X-Amz-Date=1"), {})
    assert code(old.check_scope) == "RequestExpired"
    for expires in ("604801", "0", "-1", "x", "9" * 400):
        far = read("GET", request.url.replace("X-Amz-Expires=60", f"X-Amz-Expires={expires}"), {})
        assert code(far.check_scope) == "AuthorizationQueryParametersError", expires


SCOPE = "20130524/us-east-1/s3/aws4_request"


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Bearer token", "UnsupportedSignature"),
        ("AWS key:signature", "UnsupportedSignature"),
        ("AWS4-ECDSA-P256-SHA256 Credential=k/1/s3/aws4_request,SignedHeaders=h,Signature=0", "UnsupportedSignature"),
        ("AWS4-HMAC-SHA256 ", "IncompleteSignature"),
        (f"AWS4-HMAC-SHA256 Credential=k/{SCOPE},SignedHeaders=host", "IncompleteSignature"),
        (f"AWS4-HMAC-SHA256 XCredential=111122223333/,Credential=k/{SCOPE},SignedHeaders=host,Signature=0",
         "IncompleteSignature"),
        (f"AWS4-HMAC-SHA256 XCredential=111122223333/,Credential=k/{SCOPE},Signature=0", "IncompleteSignature"),
        (f"AWS4-HMAC-SHA256 Credential=k/{SCOPE},Credential=l/{SCOPE},Signature=0", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=k/20130524/us-east-1/s3,SignedHeaders=h,Signature=0", "IncompleteSignature"),
        ("AWS4-HMAC-SHA256 Credential=k/20130524/us-east-1/s3/a,SignedHeaders=h,Signature=0", "SignatureDoesNotMatch"),
    ],
)  # fmt: skip
def test_what_is_no_signature_is_named(authorization: str, expected: str) -> None:
    headers = {"authorization": authorization, "x-amz-date": "20130524T000000Z"}
    assert code(read, "GET", "https://127.0.0.1/bucket", headers) == expected


@pytest.mark.parametrize(
    "query", ["X-Amz-Credential=k", "x-amz-credential=k", "AWSAccessKeyId=k", "X-Amz-Algorithm=AWS4-HMAC-SHA256"]
)
def test_credentials_in_two_places_are_refused(query: str) -> None:
    authorization = f"AWS4-HMAC-SHA256 Credential=k/{SCOPE},SignedHeaders=host,Signature=0"
    given = {"authorization": authorization, "x-amz-date": "20130524T000000Z"}
    assert code(read, "GET", f"https://127.0.0.1/bucket?{query}", given) == "UnsupportedSignature"
    assert code(read, "GET", f"https://127.0.0.1/bucket?{query}", {}) != ""


def test_a_request_without_credentials_is_none() -> None:
    assert read_request(*scope_of("GET", "https://127.0.0.1/bucket?list-type=2", {})) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "RequestTimeTooSkewed"),
        ({"x-amz-date": "20139924T000000Z"}, "IncompleteSignature"),
        ({"x-amz-date": "yesterday"}, "IncompleteSignature"),
    ],
)
def test_a_time_that_is_long_past_or_none_is_refused(changes: dict[str, str], expected: str) -> None:
    assert code(documented_chunks(**changes).check_scope) == expected


def now(**changes: str) -> SignedRequest:
    """A request that botocore signed now, with its headers changed since."""
    request = AWSRequest(method="GET", url="https://127.0.0.1:4566/bucket")
    S3SigV4Auth(CREDENTIALS, "s3", "us-east-1").add_auth(request)
    assert request.url is not None
    sent = {name.lower(): value for name, value in request.headers.items()}
    return read("GET", request.url, {**sent, **changes})


def test_what_is_not_signed_for_this_day_this_place_and_these_headers_is_refused() -> None:
    now().check_scope()
    authorization = now().headers["authorization"]
    day = authorization.partition("/")[2][:8]
    cases = {
        authorization.replace(f"/{day}/", "/20130524/"): "CredentialDateMismatch",
        authorization.replace("/us-east-1/", "/nowhere/"): "SignatureDoesNotMatch",
        authorization.replace("SignedHeaders=host;", "SignedHeaders="): "SignatureDoesNotMatch",
    }
    for changed, expected in cases.items():
        assert changed != authorization
        assert code(now(authorization=changed).check_scope) == expected, changed
    assert code(now(**{"x-amz-acl": "public-read"}).check_scope) == "SignatureDoesNotMatch"
    assert code(now(**{"x-amz-content-sha256": ""}).check_scope) == "InvalidArgument"
    assert (
        code(now(**{"x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}).check_scope)
        == "InvalidArgument"
    )
