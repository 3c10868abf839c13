"""What the roles of a stack may do, held against its template: widened, added, taken away."""

from __future__ import annotations

from typing import Any

import pytest

from review.role_drift import compare_role, document_differences

READ = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::b/data/*"]}
PASS = {"Sid": "Pass", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": [{"Fn::GetAtt": ["Other", "Arn"]}]}
PASSED = {**PASS, "Resource": ["arn:aws:iam::111122223333:role/other"]}
DOCUMENT = {"Version": "2012-10-17", "Statement": [READ, PASS]}
LIVE = {"Version": "2012-10-17", "Statement": [READ, PASSED]}
RESOURCES: dict[str, Any] = {
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": [{"Ref": "Managed"}]}},
    "Policy": {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "p", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]},
    },
    "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {}},
}
MANAGED = "arn:aws:iam::111122223333:policy/managed"


class Iam:
    """The part of IAM that is asked: inline policies by name, and what is attached."""

    def __init__(self, inline: dict[str, Any], attached: tuple[str, ...] = (MANAGED,)) -> None:
        self.inline, self.attached = inline, attached

    def get_paginator(self, operation: str) -> Any:
        page = {
            "list_role_policies": {"PolicyNames": [*self.inline]},
            "list_attached_role_policies": {"AttachedPolicies": [{"PolicyArn": arn} for arn in self.attached]},
        }[operation]
        return type("Pages", (), {"paginate": lambda _, RoleName: [page]})()  # noqa: N803

    def get_role_policy(self, *, RoleName: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803
        return {"PolicyDocument": self.inline[PolicyName]}


def drift(iam: Iam) -> list[tuple[str, str, tuple[str, ...]]]:
    found = compare_role(iam, "role", "Role", RESOURCES, {"Role": "role", "Managed": MANAGED})  # type: ignore[arg-type]
    return [(one.logical_id, one.status, one.differences) for one in found]


def test_what_was_deployed_is_no_drift() -> None:
    assert drift(Iam({"p": LIVE})) == []


def test_a_widened_statement_is_told_where_it_is() -> None:
    wide = {"Version": "2012-10-17", "Statement": [{**READ, "Resource": ["*"]}, PASSED]}
    assert drift(Iam({"p": wide})) == [
        (
            "Policy",
            "MODIFIED",
            ('PolicyDocument.Statement[0].Resource[0]: expected "arn:aws:s3:::b/data/*", found "*"',),
        )
    ]


def test_one_more_statement_is_told_alone() -> None:
    more = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, READ, PASSED]}
    (found,) = drift(Iam({"p": more}))
    assert found[2] == (
        'PolicyDocument.Statement[0]: expected nothing, found {"Action": "*", "Effect": "Allow", "Resource": "*"}',
    )


def test_a_policy_that_is_gone_and_one_that_was_added() -> None:
    assert drift(Iam({"q": LIVE}, attached=("arn:aws:iam::aws:policy/AdministratorAccess",))) == [
        ("Policy", "DELETED", ()),
        (
            "Role",
            "MODIFIED",
            (
                'Policies: expected no policy "q", found one',
                'ManagedPolicyArns: expected nothing, found "arn:aws:iam::aws:policy/AdministratorAccess"',
                f'ManagedPolicyArns: expected "{MANAGED}", found nothing',
            ),
        ),
    ]


@pytest.mark.parametrize("computed", [{"Ref": "A"}, {"Fn::Join": ["", ["a", {"Ref": "B"}]]}])
def test_what_the_template_computes_may_be_any_text_and_nothing_else(computed: dict[str, Any]) -> None:
    assert [*document_differences(computed, "arn:aws:iam::1:role/a", "R")] == []
    assert len([*document_differences(computed, ["*"], "R")]) == 1
