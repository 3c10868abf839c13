"""What a key policy says of a principal: the policies are AWS's own examples and variants of them.

https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html,
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html,
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

from deployment.keys.policy import KeyUse, Principal, evaluate

OWNER, GUEST = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{GUEST}:role/ExampleRole"
MINE = f"arn:aws:iam::{OWNER}:role/ExampleRole"
VIA_S3 = {"kms:viaservice": "s3.us-west-2.amazonaws.com", "aws:securetransport": "true"}


def statement(principal: Any, action: Any = "kms:*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    named = principal if principal == "*" or isinstance(principal, dict) else {"AWS": principal}
    return {"Effect": effect, "Principal": named, "Action": action, "Resource": "*", **more}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "key-default-1", "Statement": list(statements)}


ENABLE_IAM = statement(f"arn:aws:iam::{OWNER}:root", Sid="Enable IAM User Permissions")
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
EXTERNAL = statement([f"arn:aws:iam::{GUEST}:root"], USE, Sid="Allow an external account to use this KMS key")
EXTERNAL_ROLE = statement(ROLE, USE, Sid="Allow an external role")
THROUGH = {"StringEquals": {"kms:ViaService": ["s3.us-west-2.amazonaws.com"], "kms:CallerAccount": [GUEST]}}


@pytest.mark.parametrize(
    ("statements", "role", "verdict", "by"),
    [
        ([ENABLE_IAM], MINE, "delegated", "Enable IAM User Permissions"),
        ([ENABLE_IAM], ROLE, "refused", ""),
        ([ENABLE_IAM, EXTERNAL], ROLE, "delegated", "Allow an external account to use this KMS key"),
        ([statement(GUEST, USE)], ROLE, "delegated", "statement 1"),
        ([ENABLE_IAM, EXTERNAL_ROLE], ROLE, "allowed", "Allow an external role"),
        ([ENABLE_IAM, EXTERNAL_ROLE], ROLE.replace("Example", "Other"), "refused", ""),
        ([statement("*", USE, Condition=THROUGH)], ROLE, "allowed", "statement 1"),
        ([statement("*", USE, Condition=THROUGH)], MINE, "refused", ""),
        ([statement(f"arn:aws:iam::{GUEST}:root", ["kms:Encrypt", "kms:GenerateDataKey*"])], ROLE, "refused", ""),
        ([statement(f"arn:aws:iam::{GUEST}:root", "kms:decrypt")], ROLE, "delegated", "statement 1"),
        ([EXTERNAL, statement("*", "kms:Decrypt", "Deny", Sid="No")], ROLE, "denied", "No"),
        (
            [EXTERNAL, statement("*", "kms:*", "Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})],
            ROLE,
            "delegated",
            EXTERNAL["Sid"],
        ),
        ([statement({"Service": "logs.us-west-2.amazonaws.com"})], ROLE, "refused", ""),
    ],
)
def test_what_is_known(statements: list[dict[str, Any]], role: str, verdict: str, by: str) -> None:
    said = evaluate(policy(*statements), KeyUse("kms:Decrypt", Principal(role.split(":")[4], role), VIA_S3))
    assert (said.verdict, said.by) == (verdict, by)
    # Another evaluator agrees: ministack's, which the local cloud asks.
    account = role.split(":")[4]
    context = {**VIA_S3, "kms:calleraccount": account}
    asked = EvalContext(role, "AssumedRole", account, "kms:Decrypt", "*", "us-west-2", "127.0.0.1", True)
    asked.service_context = context
    found = evaluate_resource_policy(json.dumps(policy(*statements)), asked).decision
    allowed = {"denied": "Deny", "refused": "ImplicitDeny"}.get(verdict, "Allow")
    assert found == allowed


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        ({"ArnEquals": {"aws:PrincipalArn": ROLE}}, "delegated"),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{GUEST}:role/Example*"}}, "delegated"),
        ({"StringLike": {"aws:PrincipalArn": "*:role/Other"}}, "refused"),
        ({"StringNotEquals": {"aws:PrincipalAccount": GUEST}}, "refused"),
        ({"StringNotLike": {"aws:PrincipalArn": "*:role/Other"}}, "delegated"),
        ({"StringEqualsIfExists": {"kms:CallerAccount": [OWNER, GUEST]}}, "delegated"),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, "unknown"),
        ({"StringEquals": {"kms:CallerAccount": OWNER, "aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, "refused"),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}, "unknown"),
        ({"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::b"}}, "unknown"),
        ({"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:role/ExampleRole"}}, "unknown"),
    ],
)
def test_a_condition_on_what_is_not_known_here_leaves_it_open(condition: dict[str, Any], verdict: str) -> None:
    found = policy(statement(f"arn:aws:iam::{GUEST}:root", USE, Sid="S", Condition=condition))
    assert evaluate(found, KeyUse("kms:Decrypt", Principal(GUEST, ROLE), VIA_S3)).verdict == verdict


def test_a_role_without_a_name_may_be_among_those_that_are_named() -> None:
    anybody = KeyUse("kms:Decrypt", Principal(OWNER), VIA_S3)
    assert evaluate(policy(statement(MINE, Sid="Named")), anybody).verdict == "unknown"
    assert evaluate(policy(statement(ROLE)), anybody).verdict == "refused"
    assert evaluate(policy(ENABLE_IAM), anybody).verdict == "delegated"
    other = statement("*", "kms:*", "Deny", Condition={"ArnEquals": {"aws:PrincipalArn": MINE}})
    assert evaluate(policy(ENABLE_IAM, other), anybody).verdict == "delegated"
    many = statement("*", "kms:*", "Deny", Condition={"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWNER}:role/*"}})
    assert evaluate(policy(ENABLE_IAM, many), anybody).verdict == "unknown"


def test_a_deny_that_may_hold_leaves_it_open_and_not_principal_too() -> None:
    perhaps = statement("*", "kms:*", "Deny", Sid="Org", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})
    asked = KeyUse("kms:Decrypt", Principal(OWNER, MINE), VIA_S3)
    assert (evaluate(policy(ENABLE_IAM, perhaps), asked).verdict, evaluate(policy(ENABLE_IAM, perhaps), asked).by) == (
        "unknown",
        "Org",
    )
    but = {"Effect": "Deny", "NotPrincipal": {"AWS": MINE}, "Action": "kms:*", "Resource": "*"}
    assert evaluate(policy(ENABLE_IAM, but), asked).verdict == "unknown"
    other = {"Effect": "Allow", "Principal": "*", "NotAction": "kms:Decrypt", "Resource": "*"}
    assert evaluate(policy(other), asked).verdict == "refused"
