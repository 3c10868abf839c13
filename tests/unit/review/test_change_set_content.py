"""A change set against the review: the same content, whatever ids and times; every difference by name."""

from __future__ import annotations

from typing import Any

import pytest
from reviews import config_change, hosting, model_change, training

from review.change_set_content import content_differences
from review.reports import PropertyChange, ResourceChange


def detail(name: str, recreation: str, cause: str = "", *, evaluation: str = "Static") -> dict[str, Any]:
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
    more = {"CausingEntity": cause, "ChangeSource": "ResourceAttribute"} if cause else {}
    return {"Target": target, "Evaluation": evaluation, **more}


def change(logical_id: str, kind: str, *details: dict[str, Any], **more: Any) -> dict[str, Any]:
    fields = {"Action": "Modify", "LogicalResourceId": logical_id, "ResourceType": kind, "Replacement": "True"}
    resource = {**fields, "PhysicalResourceId": "arn:…", "Details": list(details), **more}
    return {"Type": "Resource", "ResourceChange": resource}


def model(*details: dict[str, Any], **more: Any) -> dict[str, Any]:
    return change("Model", "AWS::SageMaker::Model", *(details or (detail("PrimaryContainer", "Always"),)), **more)


def config(replacement: str = "True", evaluation: str = "Static") -> dict[str, Any]:
    because = detail("ProductionVariants", "Always", "Model.ModelName", evaluation=evaluation)
    return change("Config", "AWS::SageMaker::EndpointConfig", because, Replacement=replacement)


def test_the_same_content_is_equal() -> None:
    assert content_differences(hosting(), [config(), model()]) == ()


def test_nothing_to_do_is_equal_to_an_empty_change_set() -> None:
    assert content_differences(training(), []) == ()


def test_a_reference_to_what_moves_may_be_conditional() -> None:
    assert content_differences(hosting(), [model(), config("Conditional", "Dynamic")]) == ()


def test_a_change_of_the_template_may_not() -> None:
    conditional = model(detail("PrimaryContainer", "Always", evaluation="Dynamic"), Replacement="Conditional")
    assert content_differences(hosting(), [conditional, config()]) == (
        "bikes-dev-hosting: Model: the review has replacement True, the change set Conditional.",
        "bikes-dev-hosting: Model: PrimaryContainer replaces it: True in the review, Conditional in the change set.",
    )


def test_a_replacement_is_never_taken_for_none() -> None:
    kept = change(
        "Config",
        "AWS::SageMaker::EndpointConfig",
        detail("ProductionVariants", "Never", "Model.ModelName"),
        Replacement="False",
    )
    assert content_differences(hosting(), [model(), kept]) == (
        "bikes-dev-hosting: Config: the review has replacement True, the change set False.",
        "bikes-dev-hosting: Config: ProductionVariants replaces it: True in the review, False in the change set.",
    )


def test_another_resource_and_a_missing_one_are_named() -> None:
    role = change("Role", "AWS::IAM::Role", Action="Add", Replacement="False")
    assert content_differences(hosting(), [model(), role]) == (
        "bikes-dev-hosting: Config (AWS::SageMaker::EndpointConfig) is to be changed by the review, not by the change "
        "set.",
        "bikes-dev-hosting: Role (AWS::IAM::Role) is to be added by the change set, not by the review.",
    )


def test_another_property_is_named() -> None:
    more = model(detail("PrimaryContainer", "Always"), detail("ExecutionRoleArn", "Always"))
    assert content_differences(hosting(), [more, config()]) == (
        "bikes-dev-hosting: Model: ExecutionRoleArn is changed by the change set alone.",
    )


def test_another_action_is_named() -> None:
    removed = change("Model", "AWS::SageMaker::Model", Action="Remove", PolicyAction="Delete")
    assert content_differences(hosting(resources=(model_change(),)), [removed]) == (
        "bikes-dev-hosting: Model: the review has Modify of AWS::SageMaker::Model, the change set Remove of "
        "AWS::SageMaker::Model.",
    )


def test_tags_and_other_attributes_are_compared_by_their_name() -> None:
    tags = PropertyChange(name="Tags", path="Tags[team]", replaces="False")
    reviewed = ResourceChange(logical_id="Role", type="AWS::IAM::Role", action="Modify", properties=(tags,))
    told = {"Target": {"Attribute": "Tags", "RequiresRecreation": "Never"}, "Evaluation": "Static"}
    found = change("Role", "AWS::IAM::Role", told, Replacement="False")
    assert content_differences(training(resources=(reviewed,)), [found]) == ()


@pytest.mark.parametrize(("kept", "policy", "equal"), [(True, "Retain", True), (True, "Delete", False)])
def test_whether_a_removed_resource_stays(kept: bool, policy: str, equal: bool) -> None:
    reviewed = ResourceChange(logical_id="Bucket", type="AWS::S3::Bucket", action="Remove", kept=kept)
    found = change("Bucket", "AWS::S3::Bucket", Action="Remove", PolicyAction=policy)
    sentence = "bikes-dev-training: Bucket: by the review it stays in AWS, by the other it is deleted."
    assert content_differences(training(resources=(reviewed,)), [found]) == (() if equal else (sentence,))


def test_several_reasons_for_one_property_are_the_strongest() -> None:
    both = config_change(
        properties=(
            PropertyChange(name="ProductionVariants", path="a", replaces="Conditional"),
            PropertyChange(name="ProductionVariants", path="b", replaces="True", via="Model"),
        )
    )
    direct = detail("ProductionVariants", "Always", evaluation="Dynamic")
    found = change(
        "Config", "AWS::SageMaker::EndpointConfig", direct, detail("ProductionVariants", "Always", "Model.ModelName")
    )
    assert content_differences(hosting(resources=(both,)), [found]) == ()
