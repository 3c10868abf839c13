"""SageMaker's resource types in CloudFormation: made, replaced, rolled back, deleted."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client, World, make_world, wait_for

PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"stack-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def artifact(world: World) -> str:
    return world.artifact()


def template(world: World, endpoint: str, artifact: str, **model: Any) -> str:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": "1",
    }
    resources = {
        "Group": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": {"ModelPackageGroupName": endpoint}},
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {
                "ExecutionRoleArn": world.role,
                "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": artifact, **model},
                "Tags": [{"Key": "team", "Value": "rides"}],
            },
        },
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": endpoint,
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                "RetainAllVariantProperties": True,
            },
        },
    }
    outputs = {
        "Model": {"Value": {"Ref": "Model"}},
        "ModelName": {"Value": {"Fn::GetAtt": ["Model", "ModelName"]}},
        "Config": {"Value": {"Ref": "Config"}},
        "ConfigName": {"Value": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
        "Endpoint": {"Value": {"Ref": "Endpoint"}},
        "EndpointName": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}},
        "Group": {"Value": {"Ref": "Group"}},
    }
    return json.dumps({"Resources": resources, "Outputs": outputs})


def settled(world: World, stack: str) -> dict[str, Any]:
    found: dict[str, Any] = wait_for(
        lambda: world.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0],
        lambda shown: not shown["StackStatus"].endswith("_IN_PROGRESS"),
        60,
    )
    return found


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def predict(world: World, endpoint: str) -> bytes:
    runtime = world.client("sagemaker-runtime")
    body: bytes = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=b"0.5,0.5\n")[
        "Body"
    ].read()
    return body


def reasons(world: World, stack: str) -> list[str]:
    events = world.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"].endswith("_FAILED")]


@pytest.mark.contract("G12", "K01", "K02", "K03", "K10")
def test_the_life_of_a_hosting_stack(world: World, artifact: str) -> None:
    """Given a stack that hosts; when its model changes, fails to load, and goes; then each end is CloudFormation's."""
    cloudformation, sagemaker = world.client("cloudformation"), world.sagemaker
    stack = f"hosting-{uuid.uuid4().hex[:8]}"
    body = template(world, stack, artifact)
    cloudformation.create_stack(StackName=stack, TemplateBody=body)
    made = settled(world, stack)
    assert made["StackStatus"] == "CREATE_COMPLETE", reasons(world, stack)
    first = outputs(made)
    assert first["Model"] == f"{PREFIX}model/{first['ModelName'].lower()}"
    assert first["ModelName"].startswith(f"{stack}-Model-") and len(first["ModelName"]) == len(f"{stack}-Model-") + 12
    assert first["Config"] == f"{PREFIX}endpoint-config/{first['ConfigName'].lower()}"
    assert (first["Endpoint"], first["EndpointName"]) == (f"{PREFIX}endpoint/{stack}", stack)
    assert first["Group"] == f"{PREFIX}model-package-group/{stack}"
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=first["Model"])["Tags"]}
    assert tags["team"] == "rides" and tags["aws:cloudformation:stack-name"] == stack
    before = predict(world, stack)

    # Another environment of the container: Model and EndpointConfig are replaced, the Endpoint stays.
    changed = template(world, stack, artifact, Environment={"OMP_NUM_THREADS": 2})
    cloudformation.update_stack(StackName=stack, TemplateBody=changed)
    updated = settled(world, stack)
    assert updated["StackStatus"] == "UPDATE_COMPLETE", reasons(world, stack)
    second = outputs(updated)
    assert second["ModelName"] != first["ModelName"] and second["ConfigName"] != first["ConfigName"]
    assert second["Endpoint"] == first["Endpoint"]
    assert [model["ModelName"] for model in sagemaker.list_models(NameContains=stack)["Models"]] == [
        second["ModelName"]
    ]
    assert len(sagemaker.list_endpoint_configs(NameContains=stack)["EndpointConfigs"]) == 1
    assert sagemaker.describe_endpoint(EndpointName=stack)["EndpointConfigName"] == second["ConfigName"]

    # A model that cannot be loaded: the stack rolls back, the old model goes on answering.
    cloudformation.update_stack(StackName=stack, TemplateBody=template(world, stack, world.broken_artifact()))
    rolled_back = settled(world, stack)
    assert rolled_back["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("did not pass the ping health check" in reason for reason in reasons(world, stack))
    assert outputs(rolled_back) == second
    assert sagemaker.describe_endpoint(EndpointName=stack)["EndpointConfigName"] == second["ConfigName"]
    assert float(predict(world, stack)) == pytest.approx(float(before))
    assert len(sagemaker.list_models(NameContains=stack)["Models"]) == 1

    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=made["StackId"], WaiterConfig={"Delay": 0.2, "MaxAttempts": 150}
    )
    assert sagemaker.list_models(NameContains=stack)["Models"] == []
    assert sagemaker.list_endpoint_configs(NameContains=stack)["EndpointConfigs"] == []
    assert sagemaker.list_endpoints(NameContains=stack)["Endpoints"] == []
    assert sagemaker.list_model_package_groups(NameContains=stack)["ModelPackageGroupSummaryList"] == []


@pytest.mark.contract("K13")
def test_a_first_model_that_cannot_load_leaves_nothing(world: World) -> None:
    cloudformation, stack = world.client("cloudformation"), f"never-{uuid.uuid4().hex[:8]}"
    cloudformation.create_stack(StackName=stack, TemplateBody=template(world, stack, world.broken_artifact()))
    assert settled(world, stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("did not stabilize" in reason and "ping health check" in reason for reason in reasons(world, stack))
    assert world.sagemaker.list_endpoints(NameContains=stack)["Endpoints"] == []
    assert world.sagemaker.list_models(NameContains=stack)["Models"] == []


@pytest.mark.contract("K01", "K02")
def test_change_sets_tell_what_is_replaced(world: World, artifact: str) -> None:
    cloudformation, stack = world.client("cloudformation"), f"review-{uuid.uuid4().hex[:8]}"
    cloudformation.create_stack(StackName=stack, TemplateBody=template(world, stack, artifact))
    assert settled(world, stack)["StackStatus"] == "CREATE_COMPLETE"
    changed = template(world, stack, artifact, Environment={"OMP_NUM_THREADS": "2"})
    cloudformation.create_change_set(StackName=stack, ChangeSetName="c", TemplateBody=changed)
    shown = wait_for(
        lambda: cloudformation.describe_change_set(StackName=stack, ChangeSetName="c"),
        lambda change_set: change_set["Status"].endswith(("COMPLETE", "FAILED")),
        20,
    )
    found = {
        change["ResourceChange"]["LogicalResourceId"]: (
            change["ResourceChange"]["Action"],
            change["ResourceChange"].get("Replacement"),
        )
        for change in shown["Changes"]
    }
    assert found == {
        "Model": ("Modify", "True"),
        "Config": ("Modify", "True"),
        "Endpoint": ("Modify", "False"),
    }
    cloudformation.delete_stack(StackName=stack)


def test_refusals_are_the_resource_handlers(world: World) -> None:
    cloudformation, stack = world.client("cloudformation"), f"bad-{uuid.uuid4().hex[:8]}"
    body = template(world, stack, f"s3://{world.bucket}/none.tar.gz")
    cloudformation.create_stack(StackName=stack, TemplateBody=body)
    assert settled(world, stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    told = next(reason for reason in reasons(world, stack) if "Could not find" in reason)
    assert told.startswith(
        f'Resource handler returned message: "Could not find model data at s3://{world.bucket}/none.tar.gz. '
        "(Service: SageMaker, Status Code: 400, Request ID: "
    )
    assert told.endswith("(HandlerErrorCode: InvalidRequest)")


def test_a_model_package_group_that_was_kept_is_imported_by_its_arn(world: World) -> None:
    cloudformation, name = world.client("cloudformation"), f"kept-{uuid.uuid4().hex[:8]}"
    arn = world.sagemaker.create_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupArn"]
    group = {
        "Type": "AWS::SageMaker::ModelPackageGroup",
        "Properties": {"ModelPackageGroupName": name},
        "DeletionPolicy": "Retain",
    }
    resource = {
        "ResourceType": group["Type"],
        "LogicalResourceId": "Group",
        "ResourceIdentifier": {"ModelPackageGroupArn": arn},
    }
    cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        ResourcesToImport=[resource],
        TemplateBody=json.dumps({"Resources": {"Group": group}}),
    )
    cloudformation.get_waiter("change_set_create_complete").wait(
        StackName=name, ChangeSetName="import", WaiterConfig={"Delay": 0.2, "MaxAttempts": 50}
    )
    cloudformation.execute_change_set(StackName=name, ChangeSetName="import")
    assert settled(world, name)["StackStatus"] == "IMPORT_COMPLETE"
    (held,) = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    assert held["PhysicalResourceId"] == arn
