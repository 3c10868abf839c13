"""Bodies that no service of AWS reads, and those that one does."""

from __future__ import annotations

import pytest

from localcloud.ministack.requests.body import check_body, check_form
from localcloud.ministack.requests.signature import RefusedError

TARGET = {"x-amz-target": "AmazonSSM.PutParameter"}


def refusal(body: bytes) -> tuple[str, int | None]:
    with pytest.raises(RefusedError) as refused:
        check_body("ssm", "POST", {}, TARGET, body)
    return refused.value.message, refused.value.status


@pytest.mark.parametrize("body", [b"", b"{}", b'{"Name": "a", "Value": "\\u20ac", "Number": 1.5e3}'])
def test_an_object_is_read(body: bytes) -> None:
    check_body("ssm", "POST", {}, TARGET, body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "The request's body must be a JSON object"),
        (b"null", "The request's body must be a JSON object"),
        (b"hello", "The request's body is not JSON: Expecting value (line 1, column 1)"),
        (b'{"a": NaN}', "The request's body is not JSON: NaN is no number of JSON (line 1, column 7)"),
    ],
)
def test_what_is_no_object_is_refused(body: bytes, message: str) -> None:
    assert refusal(body) == (message, 400)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a": 1e400}', b'{"a": "\xff"}', b'{"a": ' + b"9" * 5_000 + b"}"])
def test_what_python_fails_on_is_refused_in_few_words(body: bytes) -> None:
    message, status = refusal(body)
    assert (message[:32], len(message) < 200, status) == ("The request's body is not JSON: ", True, 400)


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ({"policy": [""]}, b"", "MissingRequestBodyError"),
        ({"policy": [""]}, b"[]", "MalformedPolicy"),
        ({"policy": [""]}, b"[" * 100_000, "MalformedPolicy"),
        ({"policy": [""]}, b'{"Statement": []}', ""),
        ({}, b"an object", ""),
    ],
)
def test_a_bucket_policy_is_an_object(query: dict[str, list[str]], body: bytes, code: str) -> None:
    found = ""
    try:
        check_body("s3", "PUT", query, {}, body)
    except RefusedError as refused:
        found = refused.code
    assert found == code


def form(**members: str) -> dict[str, str]:
    return {"Action": "CreateRole", "RoleName": "a", "AssumeRolePolicyDocument": "{}", **members}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"RoleName": "a\x1b[2J"},
            "1 validation error detected: Value 'a\\x1b[2J' at 'roleName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [\\w+=,.@-]+",
        ),
        (
            {"RoleName": "a" * 65},
            f"1 validation error detected: Value '{'a' * 65}' at 'roleName' failed to satisfy constraint: Member must "
            "have length between 1 and 64, inclusive",
        ),
        ({"AssumeRolePolicyDocument": "[]"}, "This policy contains invalid Json"),
        ({"AssumeRolePolicyDocument": "hello"}, "This policy contains invalid Json"),
    ],
)
def test_iam_takes_what_its_api_model_says(members: dict[str, str], message: str) -> None:
    check_form("iam", form())
    with pytest.raises(RefusedError) as refused:
        check_form("iam", form(**members))
    assert (refused.value.message, refused.value.status) == (message, 400)


def test_parameters_of_others_are_theirs_to_check() -> None:
    check_form("sts", form(RoleName="a\x1b"))
    check_form("iam", {"Action": "Nothing", "RoleName": "a\x1b"})
