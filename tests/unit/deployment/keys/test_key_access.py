"""What is answered to each need of a key: from its policy, its grants and IAM, and what cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samples import environment

from deployment.keys.access import KeyAccess, key_access
from deployment.keys.needs import Need, key_needs
from kickstand.config.model import Environment, Hosting, Roles, Storage
from kickstand.config.operation import Capture
from kickstand.errors import KickstandError
from review.make import key_headlines

OWN, THEIRS = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{OWN}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TRAINER = f"arn:aws:iam::{OWN}:role/team/trainer"
RELEASE = f"arn:aws:iam::{THEIRS}:role/bikes-staging-release-us-east-1"
DEV = environment(storage=Storage(kms_key_arn=KEY), roles=Roles(training=TRAINER))
STAGING = environment(name="staging", account=THEIRS, promotes_from="dev")
DEFAULT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OWN}:root"}, "Action": "kms:*", "Resource": "*"}


class Account:
    """KMS and IAM of one account, as a session, a client and a paginator at once."""

    def __init__(self, *statements: dict[str, Any], denied: tuple[str, ...] = (), **more: Any) -> None:
        self.statements, self.denied = statements, denied
        self.grants: list[dict[str, Any]] = more.get("grants", [])
        self.refused: tuple[str, ...] = more.get("refused", ())
        self.simulated: list[tuple[str, str]] = []

    def client(self, service: str) -> Account:
        return self

    def _ask(self, operation: str) -> None:
        if operation in self.denied:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)

    def get_key_policy(self, **_: Any) -> dict[str, str]:
        self._ask("GetKeyPolicy")
        return {"Policy": json.dumps({"Statement": self.statements})}

    def get_paginator(self, operation: str) -> Account:
        self._ask("ListGrants")
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Grants": self.grants}]

    def simulate_principal_policy(self, **asked: Any) -> dict[str, Any]:
        self._ask("SimulatePrincipalPolicy")
        (action,) = asked["ActionNames"]
        self.simulated.append((asked["PolicySourceArn"], action))
        decision = "implicitDeny" if action in self.refused else "allowed"
        return {"EvaluationResults": [{"EvalActionName": action, "EvalDecision": decision}]}


def answered(dev: Account, one: Environment = DEV, staging: Account | None = None) -> dict[str, KeyAccess]:
    def session(wanted: Environment) -> Any:
        if wanted.name == "staging" and staging is None:
            raise KickstandError("no credentials")
        return dev if wanted.name == "dev" else staging

    project: dict[Any, Environment] = {"dev": DEV, "staging": STAGING}
    return {found.need.who: found for found in key_access(key_needs(one, project), session)}


def test_the_default_policy_leaves_its_account_to_iam_and_nobody_else_in() -> None:
    dev = Account(DEFAULT)
    found = answered(dev)
    assert {who: one.status for who, one in found.items()} == {
        "holders of the managed policies of dev": "ok",
        "the training role of dev": "ok",
        "the hosting role of dev": "ok",
        "the trigger role of dev": "ok",
        "the release role of staging": "refused",
    }
    # IAM is asked about the one role that has a name, for each action that a training job needs.
    needed = ["kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt", "kms:DescribeKey", "kms:CreateGrant"]
    assert dev.simulated == [(TRAINER, action) for action in needed]


def test_a_role_that_iam_does_not_let_is_named_with_what_it_lacks() -> None:
    (found,) = [
        one for one in answered(Account(DEFAULT, refused=("kms:CreateGrant",))).values() if one.need.arn == TRAINER
    ]
    assert (found.status, found.found, found.fix) == (
        "refused",
        f"The IAM policies of {TRAINER} do not let it use the key {KEY} to train: kms:CreateGrant is missing.",
        f"Allow it kms:CreateGrant on {KEY} in a policy of the role.",
    )


def test_a_grant_or_a_statement_of_the_source_lets_the_release_role() -> None:
    grant = {"GranteePrincipal": RELEASE, "Operations": ["Decrypt"]}
    who = "the release role of staging"
    assert answered(Account(DEFAULT, grants=[grant]))[who].status == "ok"
    assert answered(Account(DEFAULT, grants=[{**grant, "Operations": ["Encrypt"]}]))[who].status == "refused"
    assert answered(Account(DEFAULT, grants=[grant], denied=("ListGrants",)))[who].status == "refused"
    (need,) = [one for one in key_needs(STAGING, {"dev": DEV, "staging": STAGING}) if one.arn == RELEASE]
    assert answered(Account(DEFAULT, need.statement(["kms:Decrypt"])))[who].status == "ok"


def test_a_release_role_of_an_older_stack_lacks_its_own_policy() -> None:
    (need,) = key_needs(STAGING, {"dev": DEV, "staging": STAGING})
    dev = Account(DEFAULT, need.statement(["kms:Decrypt"]))
    (found,) = answered(dev, STAGING, Account(refused=("kms:Decrypt",))).values()
    assert (found.status, found.fix) == (
        "refused",
        "Deploy the training stack of its environment, which gives the release role its policy.",
    )


@pytest.mark.parametrize(
    ("dev", "why"),
    [
        (Account(DEFAULT, denied=("GetKeyPolicy",)), "these credentials lack kms:GetKeyPolicy on it"),
        (Account({**DEFAULT, "Sid": "Org", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}), "Org"),
    ],
)
def test_what_cannot_be_read_is_unknown_by_name(dev: Account, why: str) -> None:
    found = answered(dev)["the training role of dev"]
    assert found.status == "unknown"
    assert f"Whether the key {KEY} lets the training role of dev ({TRAINER}) train (kms:Decrypt, " in found.found
    assert why in found.found


def test_a_key_of_another_account_shows_its_policy_there_alone() -> None:
    foreign = DEV.model_copy(update={"storage": Storage(kms_key_arn=KEY.replace(OWN, "777788889999"))})
    need = next(iter(key_needs(foreign, {"dev": foreign})))
    (found,) = key_access([need], lambda _: Account(DEFAULT))  # type: ignore[arg-type,return-value]
    assert (found.status, found.found.rpartition(": ")[2]) == (
        "unknown",
        "KMS shows a key policy to its own account 777788889999 alone.",
    )


def test_without_keys_nothing_is_needed() -> None:
    plain = environment()
    assert key_needs(plain, {"dev": plain, "staging": STAGING}) == []


def test_a_review_fears_for_its_own_jobs_and_warns_of_promotions() -> None:
    other = {**DEFAULT, "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}
    headlines = key_headlines(answered(Account(other)).values(), "dev")
    assert [one.level for one in headlines] == ["danger", "danger", "danger", "danger", "warning"]
    assert headlines[1].sentence == (
        f"The policy of the key {KEY} does not let the training role of dev ({TRAINER}) train: kms:Decrypt, "
        "kms:GenerateDataKey, kms:Encrypt, kms:DescribeKey, kms:CreateGrant are missing; no statement allows it. The "
        "statement to add: kickstand doctor dev."
    )


def test_the_statement_of_a_role_without_a_name_is_its_accounts() -> None:
    need = Need("the hosting role of dev", "", OWN, KEY, (), "", DEV, DEV)
    assert need.statement(["kms:Decrypt"]) == {
        "Sid": "KickstandHostingRoleOfDev",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OWN}:root"},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }


OTHER = KEY.replace("1234abcd-12ab", "2234abcd-12ab")


@pytest.mark.parametrize(
    ("capture", "storage", "needs"),
    [
        (
            Capture(kms_key_arn=OTHER),
            None,
            {
                "the hosting role of dev": (OTHER, ("kms:Decrypt", "kms:GenerateDataKey"), "write captured requests"),
                "holders of the policy bikes-dev-captured-us-east-1": (
                    *(OTHER, ("kms:Decrypt",), "read captured requests"),
                ),
            },
        ),
        (Capture(kms_key_arn=OTHER, enabled=False), None, {}),
        (Capture(), None, {}),
        (Capture(kms_key_arn=KEY), KEY, {}),  # its own needs are those of `[storage]`
    ],
)
def test_a_key_of_captured_requests_alone_is_needed_by_who_writes_and_reads_them(
    capture: Capture, storage: str | None, needs: dict[str, tuple[object, ...]]
) -> None:
    one = environment(hosting=Hosting(capture=capture), storage=Storage(kms_key_arn=storage))
    found = {
        need.who: (need.key, need.actions, need.purpose) for need in key_needs(one, {"dev": one}) if need.key != KEY
    }
    assert found == needs
