"""What a model package tells of who decided, and when a decision is refused."""

from __future__ import annotations

from typing import Any

import pytest
from samples import DIGEST, release

from kickstand.errors import InputError
from promotion.gates.approval import Package, approval_description, package_of, same_model, to_be_done

ANA = "arn:aws:iam::111122223333:user/ana"
BEN = "arn:aws:sts::111122223333:assumed-role/Approvers/ben"


def package(**changes: Any) -> Package:
    described = {
        "ModelPackageArn": release().model_package_arn,
        "CustomerMetadataProperties": {"artifact-sha256": DIGEST},
        "InferenceSpecification": {"Containers": [{"ModelDataUrl": release().artifact.s3_uri}]},
    }
    return package_of({**described, **changes})


def test_the_words_begin_with_who_says_them_and_are_one_line() -> None:
    assert approval_description(ANA, "  it is\n better ") == f"{ANA}: it is better"
    longest = 1024 - len(ANA) - 2
    assert len(approval_description(ANA, "x" * longest)) == 1024
    with pytest.raises(InputError, match=r"takes 1024 characters, .* it is 1027\. Shorten it by 3\."):
        approval_description(ANA, "x" * (longest + 3))
    with pytest.raises(InputError, match="A reason is needed"):
        approval_description(ANA, " \n")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"ApprovalDescription": f"{ANA}: better"}, f"Approved by {ANA}: better"),
        ({"LastModifiedBy": {"IamIdentity": {"Arn": BEN}}}, f"Approved by {BEN}"),
        (
            {"ApprovalDescription": "looks good", "LastModifiedBy": {"IamIdentity": {"Arn": BEN}}},
            f"Approved by {BEN}: looks good",
        ),
        ({}, "Approved, approver unknown"),
    ],
)
def test_who_decided(said: dict[str, Any], expected: str) -> None:
    assert package(ModelApprovalStatus="Approved", **said).decision() == expected


def test_a_package_of_another_artifact_is_refused() -> None:
    same_model(package(), release(), "releases/dev.json")
    for properties, told in (({"artifact-sha256": "cd" * 32}, "cd" * 32), ({}, "no artifact-sha256")):
        with pytest.raises(InputError, match=f"records {told}; the release's artifact is {DIGEST}"):
            same_model(package(CustomerMetadataProperties=properties), release(), "releases/dev.json")
    other = {"Containers": [{"ModelDataUrl": "s3://other/model.tar.gz"}]}
    with pytest.raises(InputError, match=r"The package's model is s3://other/model\.tar\.gz"):
        same_model(package(InferenceSpecification=other), release(), "releases/dev.json")


def test_what_somebody_decided_is_not_decided_again_by_the_way() -> None:
    assert to_be_done(package(), "Approved", again=False)
    yes = package(ModelApprovalStatus="Approved", ApprovalDescription=f"{ANA}: better")
    assert not to_be_done(yes, "Approved", again=False)
    assert to_be_done(yes, "Approved", again=True)
    assert to_be_done(yes, "Rejected", again=True)
    with pytest.raises(InputError, match=f"It is Approved by {ANA}: better.* --again"):
        to_be_done(yes, "Rejected", again=False)
