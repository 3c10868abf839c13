"""An approval is of this very model, by somebody who is not the one that promotes."""

from __future__ import annotations

from typing import Any

import pytest

from promotion.gates.approval import Approval, Principal, approval, approval_verdict, is_same, principal

MODEL = "s3://b/models/x/model.tar.gz"
PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/bikes-dev/1"
ANA = "arn:aws:iam::111122223333:user/team/ana"
BEN = "arn:aws:iam::111122223333:user/ben"
SSO = "arn:aws:sts::{}:assumed-role/AWSReservedSSO_{}_0123456789abcdef/{}"
ROLE = "arn:aws:sts::{}:assumed-role/{}/{}"


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        (ANA, Principal("user", "111122223333", "ana")),
        (
            ROLE.format("111122223333", "Deployer", "ana@example.com"),
            Principal("session", "111122223333/Deployer", "ana@example.com"),
        ),
        (SSO.format("111122223333", "Approver", "ana@example.com"), Principal("person", "", "ana@example.com")),
        ("arn:aws:iam::111122223333:root", Principal("root", "111122223333", "root")),
        (
            "arn:aws:sts::111122223333:federated-user/ana",
            Principal("other", "111122223333", "federated-user/ana"),
        ),
        ("ana", Principal("other", "", "ana")),
    ],
)
def test_whom_an_arn_names(arn: str, found: Principal) -> None:
    assert principal(arn) == found


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ANA, ANA, True),
        (ANA, BEN, False),
        (ANA, "arn:aws:iam::444455556666:user/ana", False),
        # Identity Center: one person in two accounts and two permission sets.
        (SSO.format("1" * 12, "Approver", "ana@x.y"), SSO.format("2" * 12, "Promoter", "ana@x.y"), True),
        (SSO.format("1" * 12, "Approver", "ana@x.y"), SSO.format("1" * 12, "Approver", "ben@x.y"), False),
        # Any other role: the session's name is whatever its caller wrote.
        (ROLE.format("1" * 12, "Deployer", "ana"), ROLE.format("1" * 12, "Deployer", "ana"), True),
        (ROLE.format("1" * 12, "Deployer", "ana"), ROLE.format("2" * 12, "Deployer", "ana"), False),
        (ROLE.format("1" * 12, "Deployer", "ana"), ROLE.format("1" * 12, "Deployer", "ben"), False),
    ],
)
def test_who_is_the_same(one: str, other: str, same: bool) -> None:
    assert is_same(one, other) is same


def described(**changes: Any) -> dict[str, Any]:
    return {
        "ModelPackageArn": PACKAGE,
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": f"{ANA}: Looked at the errors:\nas before.",
        "InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": MODEL}]},
        **changes,
    }


def test_the_registrys_answer() -> None:
    assert approval(described()) == Approval("Approved", MODEL, ANA, "Looked at the errors:\nas before.", "")
    by_aws: dict[str, Any] = {"LastModifiedBy": {"IamIdentity": {"Arn": BEN}}}
    assert approval(described(**by_aws)).changed_by == BEN
    assert approval(described(**by_aws)).approver == BEN
    plain = approval(described(ApprovalDescription="fine"))
    assert (plain.described_by, plain.reason) == ("", "fine")
    assert approval({"ModelPackageArn": PACKAGE, "ModelApprovalStatus": "Rejected"}) == Approval(
        "Rejected", "", "", "", ""
    )


def judged(callers: tuple[str, ...] = (BEN,), **changes: Any) -> tuple[bool, str]:
    found = approval_verdict(approval(described(**changes)), MODEL, callers, PACKAGE)
    return found.passed, found.figure


def test_somebody_elses_approval_passes_with_who_and_why() -> None:
    found = approval_verdict(approval(described()), MODEL, (BEN,), PACKAGE)
    assert (found.passed, found.figure) == (True, f"Approved by {ANA}: Looked at the errors: as before.")
    assert found.details == (f"{PACKAGE} is Approved.",)


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_another_status_fails(status: str) -> None:
    found = approval_verdict(approval(described(ModelApprovalStatus=status)), MODEL, (BEN,), PACKAGE)
    assert (found.passed, found.figure) == (False, status)
    assert found.details == (f"{PACKAGE} is {status}.", "Reason: Looked at the errors: as before.")


def test_ones_own_approval_fails() -> None:
    assert judged(callers=(ANA,)) == (False, "Approved by who promotes it")
    assert judged(callers=(BEN, ANA)) == (False, "Approved by who promotes it")


def test_a_forged_description_does_not_help() -> None:
    """Ben wrote that Ana approved; AWS says that it was Ben."""
    assert judged(LastModifiedBy={"IamIdentity": {"Arn": BEN}}) == (False, "Approved by who promotes it")
    other = "arn:aws:iam::111122223333:user/eva"
    found = approval_verdict(
        approval(described(LastModifiedBy={"IamIdentity": {"Arn": other}})), MODEL, (BEN,), PACKAGE
    )
    assert (found.passed, found.figure) == (True, f"Approved by {other}: Looked at the errors: as before.")
    assert found.details[-1] == f"The description names {ANA}; AWS says that {other} changed it last."


def test_an_approval_without_a_reason_says_so() -> None:
    """Whoever approved past Kickstand gave none; AWS names them."""
    by_aws: dict[str, Any] = {"LastModifiedBy": {"IamIdentity": {"Arn": ANA}}}
    assert judged(ApprovalDescription="", **by_aws) == (True, f"Approved by {ANA}, without a reason")


def test_an_approval_of_another_model_fails() -> None:
    other: dict[str, Any] = {
        "InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://b/models/y/model.tar.gz"}]}
    }
    assert judged(**other) == (False, "approved is another model")


def test_nobodys_approval_fails() -> None:
    assert judged(ApprovalDescription="") == (False, "Approved, approver unknown")


def test_an_accounts_root_is_nobody_in_particular_and_that_is_said() -> None:
    root = "arn:aws:iam::111122223333:root"
    found = approval_verdict(approval(described(ApprovalDescription=f"{root}: Fine.")), MODEL, (root,), PACKAGE)
    assert (found.passed, found.figure) == (True, f"Approved by {root}: Fine.")
    assert found.details[-1].startswith("AWS names as the approver only the account's root")
