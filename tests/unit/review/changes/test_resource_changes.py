"""What a change of a template does to its resources: replacements, what they move, what is only listed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_templates import ACCOUNT, PLACE, REGION, Template, changes, edited, pair, template

from kickstand.aws.resource_schema import resource_schema
from review.changes.properties import Difference, differences
from review.changes.resources import output_sentences, resource_changes, stack_change, template_sha256
from review.changes.template import StackScope
from review.reports import PropertyChange


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
    ],
)
def test_the_pseudo_parameters_are_the_regions(region: str, partition: str, suffix: str) -> None:
    values = StackScope(ACCOUNT, region, "bikes-dev-hosting").values()
    assert (values["AWS::Partition"], values["AWS::URLSuffix"]) == (partition, suffix)


def test_a_new_model_moves_a_chain_of_three() -> None:
    def new_model(r: dict[str, Any]) -> None:
        r["Model"]["Properties"]["PrimaryContainer"]["ModelDataUrl"] = "s3://bikes-models/models/2/model.tar.gz"

    found = changes(edited(new_model))

    assert [(key, one.action, one.replacement, one.because_of) for key, one in found.items()] == [
        ("Config", "Modify", "True", ("Model",)),
        ("Model", "Modify", "True", ()),
        ("Endpoint", "Modify", "False", ("Config",)),
    ]
    assert found["Model"].properties == (
        PropertyChange(
            name="PrimaryContainer",
            path="PrimaryContainer.ModelDataUrl",
            before="s3://bikes-models/models/1/model.tar.gz",
            after="s3://bikes-models/models/2/model.tar.gz",
            replaces="True",
        ),
    )
    name = {"Fn::GetAtt": ["Model", "ModelName"]}
    assert found["Config"].properties == (
        PropertyChange(
            name="ProductionVariants",
            path="ProductionVariants[AllTraffic].ModelName",
            before=name,
            after=name,
            replaces="True",
            via="Model",
        ),
    )
    assert [one.says for one in found.values()] == [
        "The endpoint configuration Config is replaced (a new one is made, then the old one deleted) because it refers "
        "to the model Model.",
        "The model Model is replaced (a new one is made, then the old one deleted): PrimaryContainer.",
        "The endpoint bikes-dev is changed in place because it refers to the endpoint configuration Config.",
    ]


def test_what_asks_for_an_attribute_of_a_resource_changed_in_place_is_listed_and_idle() -> None:
    """CloudFormation lists the Model, as conditionally replaced, and what would follow; the role's ARN stays."""
    found = changes(edited(lambda r: r["Role"]["Properties"].update(Description="Other")))

    assert [(key, one.replacement, one.idle, one.because_of) for key, one in found.items()] == [
        ("Role", "False", False, ()),
        ("Config", "Conditional", True, ("Model",)),
        ("Endpoint", "False", True, ("Config",)),
        ("Model", "Conditional", True, ("Role",)),
    ]
    assert found["Model"].says == (
        "The model Model stays as it is: CloudFormation lists it because its ExecutionRoleArn asks for an attribute of "
        "the role Role, which changes in place and keeps its name and ARN."
    )


def test_a_ref_of_a_resource_changed_in_place_is_not_moved() -> None:
    found = changes(edited(lambda r: r["Bucket"]["Properties"].update(Tags=[{"Key": "a", "Value": "b"}])))
    assert list(found) == ["Bucket"]
    assert found["Bucket"].says == "The bucket bikes-models gets other tags; nothing else of it changes."


def test_what_depends_on_something_is_not_moved_by_it() -> None:
    assert changes(edited(lambda r: r["Alarm"].update(DependsOn=["Model"]))) == {}


def test_metadata_alone_is_listed_and_changes_nothing() -> None:
    found = changes(edited(lambda r: r["Alarm"].update(Metadata={"aws:cdk:path": "dev/hosting/Alarm"})))
    (change,) = found.values()
    assert (change.idle, change.replacement, [one.name for one in change.properties]) == (True, "False", ["Metadata"])


def test_removed_and_kept_and_added() -> None:
    live = edited(lambda r: r["Log"].update(DeletionPolicy="Retain"))
    planned = edited(lambda r: [r.pop("Log"), r.pop("Alarm"), r.update(Log2={"Type": "AWS::Logs::LogGroup"})])

    found = changes(planned, live)

    assert [(key, one.action, one.kept, one.says) for key, one in found.items()] == [
        ("Alarm", "Remove", False, "The alarm bikes-dev-errors is deleted."),
        (
            "Log",
            "Remove",
            True,
            "The log group /endpoint leaves the stack and stays in AWS: its deletion policy is Retain.",
        ),
        ("Log2", "Add", False, "The log group Log2 is made."),
    ]


def test_another_type_under_the_same_logical_id_is_a_replacement() -> None:
    found = changes(edited(lambda r: r.update(Alarm={"Type": "AWS::SNS::Topic", "Properties": {}})))
    assert [(one.replacement, one.says) for one in found.values()] == [
        ("True", "The topic Alarm is made, and the alarm bikes-dev-errors of the same logical id deleted.")
    ]


def test_a_type_that_nobody_knows_may_be_replaced() -> None:
    def custom(value: str) -> Template:
        return {"Resources": {"C": {"Type": "Custom::Thing", "Properties": {"A": value}}}}

    (change,) = changes(custom("2"), custom("1")).values()
    assert (change.replacement, change.properties[0].replaces) == ("Conditional", "Conditional")


@pytest.mark.parametrize(
    ("type_name", "name", "expected"),
    [
        ("AWS::SageMaker::Endpoint", "EndpointName", "Always"),
        ("AWS::SageMaker::Endpoint", "EndpointConfigName", "Never"),
        ("AWS::SageMaker::EndpointConfig", "ProductionVariants", "Always"),
        ("AWS::S3::Bucket", "LifecycleConfiguration", "Never"),
        ("AWS::Events::Rule", "EventBusName", "Conditionally"),
        ("Custom::Thing", "A", "Conditionally"),
    ],
)
def test_the_resource_schemas_say_what_replaces(type_name: str, name: str, expected: str) -> None:
    assert resource_schema("eu-central-1", type_name).recreation(name) == expected


def test_what_comes_to_the_same_is_no_change() -> None:
    live = template()
    planned = edited(lambda r: r["Log"]["Properties"].update(LogGroupName={"Fn::Join": ["", ["/", "endpoint"]]}))
    planned["Parameters"] = {"Days": {"Type": "Number", "Default": 30}}
    planned["Conditions"] = {"Never": {"Fn::Equals": [{"Ref": "AWS::Region"}, "nowhere"]}}
    resources = planned["Resources"]
    resources["Log"]["Properties"]["RetentionInDays"] = {"Fn::If": ["Never", 1, {"Ref": "Days"}]}
    resources["Model"]["Properties"]["ExecutionRoleArn"] = {"Fn::GetAtt": "Role.Arn"}
    resources["Alarm"]["Properties"]["Tags"] = {"Ref": "AWS::NoValue"}
    resources["Extra"] = {"Type": "AWS::SNS::Topic", "Condition": "Never"}
    assert changes(planned, live) == {}


def test_tags_of_the_stack_reach_every_resource() -> None:
    found = resource_changes(pair(template(), template(), live_tags={"a": "1"}, planned_tags={"a": "2"}), PLACE)
    assert {one.logical_id for one in found} == set(template()["Resources"])
    assert {one.properties for one in found} == {
        (PropertyChange(name="Tags", path="Tags[a].Value", before="1", after="2", replaces="False"),)
    }


def test_lists_are_compared_by_what_names_their_members() -> None:
    before = [{"Sid": "A", "Action": ["x"]}, {"Sid": "B", "Action": ["y"]}]
    after = [{"Sid": "C", "Action": ["z"]}, {"Sid": "A", "Action": ["x"]}, {"Sid": "B", "Action": ["w"]}]
    assert list(differences("Statement", before, after)) == [
        Difference("Statement[B].Action", ["y"], ["w"]),
        Difference("Statement[C]", None, {"Sid": "C", "Action": ["z"]}),
    ]
    assert list(differences("L", [{"a": 1}, {"a": 2}], [{"a": 1}])) == [Difference("L[1]", {"a": 2}, None)]


def test_outputs_in_sentences() -> None:
    planned = edited(lambda r: r["Model"]["Properties"].update(EnableNetworkIsolation=False))
    planned["Outputs"]["New"] = {"Value": "x", "Export": {"Name": "bikes-new"}}
    both = pair({**template(), "Outputs": {**template()["Outputs"], "Old": {"Value": "1"}}}, planned)
    assert output_sentences(both, resource_changes(both, PLACE), PLACE) == (
        "The output Name gets another value, of the replaced Model.",
        "The output New is added (exported as bikes-new: other stacks may depend on it).",
        "The output Old is removed.",
    )


def test_a_stack_without_a_plan_is_left_alone() -> None:
    found = stack_change(pair(template(), None), PLACE)
    assert (found.exists, found.resources, found.outputs, found.template_sha256) == (True, (), (), "")
    assert found.live_template_sha256 == template_sha256(template())


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        keys = sorted(value)
        chance.shuffle(keys)
        return {key: _shuffled(value[key], chance) for key in keys}
    return [_shuffled(item, chance) for item in value] if isinstance(value, list) else value


@given(seed=st.integers(0, 2**32), edits=st.sets(st.sampled_from(sorted(template()["Resources"]))))
def test_the_order_of_keys_does_not_matter(seed: int, edits: set[str]) -> None:
    chance = random.Random(seed)
    live, planned = template(), template()
    for key in sorted(edits):
        live["Resources"][key]["Properties"]["Some"] = {"a": {"b": 0, "c": 0}, "d": 0}
        planned["Resources"][key]["Properties"]["Some"] = {"a": {"b": 1, "c": 1}, "d": 1}

    found = resource_changes(pair(live, planned), PLACE)

    mixed = pair(_shuffled(live, chance), _shuffled(planned, chance))
    assert resource_changes(mixed, PLACE) == found
    assert {one.logical_id for one in found if not one.because_of} == edits
    assert resource_changes(pair(planned, _shuffled(planned, chance)), PLACE) == ()
    assert template_sha256(planned) == template_sha256(_shuffled(planned, chance))


def test_the_region_has_a_schema() -> None:
    assert resource_schema(REGION, "AWS::SageMaker::Model").name_property == "ModelName"
