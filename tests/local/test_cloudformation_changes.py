"""Change sets and updates: what counts as a change, in what order it is made, what is refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from changed_stack import Client, Stack, parameter

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."

REFUSED = {
    "Type": "AWS::S3::Bucket",
    "Properties": {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 0}]}},
}


@pytest.fixture
def stack(client: Client) -> Stack:
    return Stack(client)


@pytest.fixture
def path() -> str:
    return f"/{uuid.uuid4().hex[:8]}"


def test_the_same_template_again_is_no_change(stack: Stack, path: str) -> None:
    template = {"Resources": {"A": parameter(path, "1")}, "Outputs": {"O": {"Value": {"Ref": "A"}}}}
    assert stack.deploy(template) == "CREATE_COMPLETE"

    again = stack.change_set(template)

    assert (again["Status"], again["ExecutionStatus"], again["StatusReason"]) == ("FAILED", "UNAVAILABLE", NO_CHANGES)


def test_outputs_alone_are_a_change(stack: Stack, path: str) -> None:
    template: dict[str, Any] = {"Resources": {"A": parameter(path, "1")}, "Description": "one"}
    stack.deploy(template)
    template["Outputs"] = {"O": {"Value": {"Ref": "A"}, "Export": {"Name": f"{stack.name}-o"}}}

    made = stack.change_set(template)
    assert (made["Status"], made["ExecutionStatus"], made["Changes"]) == ("CREATE_COMPLETE", "AVAILABLE", [])
    assert stack.deploy(template) == "UPDATE_COMPLETE"

    outputs = stack.describe()["Outputs"]
    assert [(o["OutputKey"], o["OutputValue"], o["ExportName"]) for o in outputs] == [("O", path, f"{stack.name}-o")]
    assert stack.describe()["Description"] == "one"
    assert stack.events() == [("Stack", "UPDATE_IN_PROGRESS"), ("Stack", "UPDATE_COMPLETE")]
    assert stack.change_set(template)["Status"] == "FAILED"
    del template["Outputs"]
    assert stack.deploy(template) == "UPDATE_COMPLETE"
    exports = [e["Name"] for page in stack.cfn.get_paginator("list_exports").paginate() for e in page["Exports"]]
    assert f"{stack.name}-o" not in exports


@pytest.mark.parametrize("what", ["Description", "Metadata"])
def test_what_aws_does_not_update_by_itself_is_no_change(stack: Stack, path: str, what: str) -> None:
    template: dict[str, Any] = {"Resources": {"A": parameter(path, "1")}}
    stack.deploy(template)
    template[what] = {"Description": "new", "Metadata": {"a": "b"}}[what]
    assert stack.change_set(template)["Status"] == "FAILED"


def test_stack_tags_alone_are_a_change(stack: Stack, path: str) -> None:
    template = {"Resources": {"A": parameter(path, "1")}}
    stack.deploy(template, Tags=[{"Key": "team", "Value": "a"}])

    made = stack.change_set(template, Tags=[{"Key": "team", "Value": "b"}])

    assert [c["ResourceChange"]["Scope"] for c in made["Changes"]] == [["Tags"]]


def test_a_change_set_shows_what_changes_because_its_reference_is_replaced(stack: Stack, path: str) -> None:
    def template(name: str) -> dict[str, Any]:
        value = {"Fn::Join": ["", ["of ", {"Ref": "A"}]]}
        return {"Resources": {"A": parameter(name, "1"), "B": parameter(f"{path}/b", value)}}

    stack.deploy(template(f"{path}/one"))

    changes = {
        c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]
        for c in stack.change_set(template(f"{path}/two"))["Changes"]
    }

    assert {name: (c["Action"], c["Replacement"]) for name, c in changes.items()} == {
        "A": ("Modify", "True"),
        "B": ("Modify", "False"),
    }
    assert changes["B"]["Details"] == [
        {
            "Target": {"Attribute": "Properties", "Name": "Value", "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "ResourceReference",
            "CausingEntity": "A",
        }
    ]


def test_the_resource_schemas_say_what_replaces(client: Client, stack: Stack) -> None:
    """Of a type whose replacing properties the emulator does not know by itself, in the change set and in the doing."""
    groups = client("logs")

    def template(name: str, days: int) -> dict[str, Any]:
        properties = {"LogGroupName": f"/{stack.name}/{name}", "RetentionInDays": days}
        return {"Resources": {"Log": {"Type": "AWS::Logs::LogGroup", "Properties": properties}}}

    def replacement(planned: dict[str, Any]) -> str:
        return str(stack.change_set(planned)["Changes"][0]["ResourceChange"]["Replacement"])

    stack.deploy(template("a", 30))
    assert replacement(template("a", 90)) == "False"
    assert replacement(template("b", 30)) == "True"
    assert stack.deploy(template("b", 30)) == "UPDATE_COMPLETE"
    found = groups.describe_log_groups(logGroupNamePrefix=f"/{stack.name}")["logGroups"]
    assert [group["logGroupName"] for group in found] == [f"/{stack.name}/b"]


def test_tags_of_a_resource_are_an_attribute_of_it(stack: Stack, path: str) -> None:
    def template(value: str) -> dict[str, Any]:
        one = parameter(path, "1")
        one["Properties"]["Tags"] = {"team": value}
        return {"Resources": {"A": one}}

    stack.deploy(template("a"))
    change = stack.change_set(template("b"))["Changes"][0]["ResourceChange"]
    assert (change["Scope"], change["Replacement"]) == (["Tags"], "False")
    assert [detail["Target"] for detail in change["Details"]] == [{"Attribute": "Tags", "RequiresRecreation": "Never"}]


def test_a_replacement_is_made_first_and_what_it_replaces_deleted_last(stack: Stack, path: str) -> None:
    def template(name: str) -> dict[str, Any]:
        return {
            "Resources": {
                "A": parameter(name, "1"),
                "B": parameter(f"{path}/b", {"Ref": "A"}),
                "Same": parameter(f"{path}/same", "1"),
            }
        }

    stack.deploy(template(f"{path}/one"))
    assert stack.deploy(template(f"{path}/two")) == "UPDATE_COMPLETE"

    assert stack.events() == [
        ("Stack", "UPDATE_IN_PROGRESS"),
        ("A", "UPDATE_IN_PROGRESS"),
        ("A", "UPDATE_COMPLETE"),
        ("B", "UPDATE_IN_PROGRESS"),
        ("B", "UPDATE_COMPLETE"),
        ("Stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("A", "DELETE_IN_PROGRESS"),
        ("A", "DELETE_COMPLETE"),
        ("Stack", "UPDATE_COMPLETE"),
    ]
    assert (stack.value(f"{path}/one"), stack.value(f"{path}/two")) == (None, "1")
    assert stack.value(f"{path}/b") == f"{path}/two"


def test_a_failed_update_keeps_the_old_and_removes_the_new(stack: Stack, path: str) -> None:
    stack.deploy({"Resources": {"A": parameter(f"{path}/one", "1"), "B": parameter(f"{path}/b", {"Ref": "A"})}})
    broken = {
        "Resources": {
            "A": parameter(f"{path}/two", "1"),
            "B": parameter(f"{path}/b", {"Ref": "A"}),
            "Broken": {**REFUSED, "DependsOn": "B"},
        }
    }

    assert stack.deploy(broken) == "UPDATE_ROLLBACK_COMPLETE"

    assert (stack.value(f"{path}/one"), stack.value(f"{path}/two")) == ("1", None)
    assert stack.value(f"{path}/b") == f"{path}/one"
    assert stack.events()[-5:] == [
        ("B", "UPDATE_COMPLETE"),
        ("Stack", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("A", "DELETE_IN_PROGRESS"),
        ("A", "DELETE_COMPLETE"),
        ("Stack", "UPDATE_ROLLBACK_COMPLETE"),
    ]


def test_an_export_in_use_stays(client: Client, stack: Stack, path: str) -> None:
    export = f"{stack.name}-e"
    template: dict[str, Any] = {
        "Resources": {"A": parameter(path, "1")},
        "Outputs": {"O": {"Value": "v", "Export": {"Name": export}}},
    }
    stack.deploy(template)
    user = Stack(client)
    user.deploy({"Resources": {"B": parameter(f"{path}/b", {"Fn::ImportValue": export})}})

    gone = {"Resources": template["Resources"]}
    other = {**template, "Outputs": {"O": {"Value": "w", "Export": {"Name": export}}}}
    for changed, verb in ((gone, "deleted"), (other, "updated")):
        assert stack.deploy(changed) == "UPDATE_ROLLBACK_COMPLETE"
        reasons = [
            e.get("ResourceStatusReason") for e in stack.cfn.describe_stack_events(StackName=stack.name)["StackEvents"]
        ]
        assert f"Export {export} cannot be {verb} as it is in use by {user.name}" in reasons
    with pytest.raises(ClientError, match=f"Export {export} is imported by stack {user.name}"):
        stack.cfn.delete_stack(StackName=stack.name)


def test_a_stack_that_could_not_be_made_is_not_updated(stack: Stack) -> None:
    assert stack.deploy({"Resources": {"A": REFUSED}}) == "ROLLBACK_COMPLETE"
    stack_id = stack.describe()["StackId"]

    with pytest.raises(ClientError) as refused:
        stack.change_set({"Resources": {"A": parameter("/x", "1")}})

    assert refused.value.response["Error"]["Message"] == (
        f"Stack:{stack_id} is in ROLLBACK_COMPLETE state and can not be updated."
    )


def test_one_operation_at_a_time(stack: Stack, path: str) -> None:
    stack.deploy({"Resources": {"A": parameter(path, "1")}})
    stuck = {
        "Resources": {
            "A": parameter(path, "2"),
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Stuck": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "3"},
            },
        }
    }
    pending = stack.change_set({"Resources": {"A": parameter(path, "3")}})
    made = stack.change_set(stuck)
    stack.cfn.execute_change_set(StackName=stack.name, ChangeSetName=made["ChangeSetName"])

    with pytest.raises(ClientError, match="is in UPDATE_IN_PROGRESS state and can not be updated"):
        stack.change_set({"Resources": {"A": parameter(path, "4")}})
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        stack.cfn.delete_stack(StackName=stack.name)
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        stack.cfn.execute_change_set(StackName=stack.name, ChangeSetName=pending["ChangeSetName"])

    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.value(path) == "1"


@pytest.mark.parametrize(
    ("region", "name", "there"),
    [
        ("us-east-1", "AWS::SageMaker::ModelPackageGroup", True),
        ("ap-south-2", "AWS::SageMaker::ModelPackageGroup", False),
        ("ap-south-2", "AWS::SageMaker::Endpoint", True),
        ("me-central-1", "AWS::SageMaker::Endpoint", False),
        ("us-east-1", "AWS::SageMaker::Modle", False),
    ],
)
def test_the_registry_has_the_types_of_each_region(client: Client, region: str, name: str, there: bool) -> None:
    cloudformation = client("cloudformation", region=region)
    if not there:
        with pytest.raises(cloudformation.exceptions.TypeNotFoundException):
            cloudformation.describe_type(Type="RESOURCE", TypeName=name)
        return
    found = cloudformation.describe_type(Type="RESOURCE", TypeName=name)
    assert found["Arn"] == f"arn:aws:cloudformation:{region}::type/resource/{name.replace('::', '-')}"
    assert json.loads(found["Schema"])["typeName"] == name
    assert cloudformation.describe_type(Arn=found["Arn"])["TypeName"] == name


def test_a_deleted_stack_stays_on_record_when_another_takes_its_name(stack: Stack, path: str) -> None:
    """ListStacks lists it, and its events and resources are those of its id."""
    ids = []
    for name in ("First", "Second"):
        assert stack.deploy({"Resources": {name: parameter(f"{path}/{name}", "1")}}) == "CREATE_COMPLETE"
        ids.append(stack.describe()["StackId"])
        if len(ids) == 1:
            stack.cfn.delete_stack(StackName=stack.name)
            stack.cfn.get_waiter("stack_delete_complete").wait(
                StackName=ids[0], WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
            )
    pages = stack.cfn.get_paginator("list_stacks").paginate()
    listed = {one["StackId"]: one["StackStatus"] for page in pages for one in page["StackSummaries"]}
    assert [listed[each] for each in ids] == ["DELETE_COMPLETE", "CREATE_COMPLETE"]
    assert stack.describe()["StackId"] == ids[1]
    for stack_id, name in zip(ids, ("First", "Second"), strict=True):
        events = stack.cfn.describe_stack_events(StackName=stack_id)["StackEvents"]
        assert {name, stack.name} == {one["LogicalResourceId"] for one in events}
        assert stack.cfn.describe_stacks(StackName=stack_id)["Stacks"][0]["StackId"] == stack_id
    assert [one["StackId"] for one in stack.cfn.describe_stacks()["Stacks"] if one["StackName"] == stack.name] == [
        ids[1]
    ]


@pytest.mark.contract("K20")
@pytest.mark.parametrize("kind", ["InferenceComponent", "InferenceExperiment", "ProcessingJob", "TrainingJob"])
def test_a_type_of_sagemakers_that_is_not_served_refuses_the_template(stack: Stack, kind: str) -> None:
    body = json.dumps({"Resources": {"R": {"Type": f"AWS::SageMaker::{kind}", "Properties": {}}}})
    with pytest.raises(ClientError, match=rf"Unrecognized resource types: \[AWS::SageMaker::{kind}\]"):
        stack.cfn.create_stack(StackName=stack.name, TemplateBody=body)
