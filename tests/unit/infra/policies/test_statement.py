"""Statements refuse what least privilege forbids."""

from __future__ import annotations

import pytest

from infra.policies.statement import Statement, policy_document

ARN = "arn:aws:s3:::bucket/data/*"


def test_a_document_is_what_iam_reads() -> None:
    limited = Statement("A", ("s3:ListBucket",), (ARN,), conditions={"StringLike": {"s3:prefix": ("data/*",)}})
    everywhere = Statement("B", ("ecr:GetAuthorizationToken",), everywhere="has no resource")
    assert policy_document([limited, everywhere]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "A",
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [ARN],
                "Condition": {"StringLike": {"s3:prefix": ["data/*"]}},
            },
            {"Sid": "B", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
        ],
    }


@pytest.mark.parametrize(
    ("actions", "resources", "everywhere", "match"),
    [
        (("s3:Get*",), (ARN,), "", "name every action"),
        (("s3:GetObject",), ("*",), "", "a reason in place of the resource"),
        (("s3:GetObject",), (), "", "name its resources, or say why"),
        (("s3:GetObject",), (ARN,), "because", "name its resources, or say why"),
    ],
)
def test_a_wildcard_needs_a_reason(
    actions: tuple[str, ...], resources: tuple[str, ...], everywhere: str, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        Statement("A", actions, resources, everywhere=everywhere)
