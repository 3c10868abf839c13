"""CloudFormation over deployments that SageMaker rolls back: the stack fails and rolls back, or reports success."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from killed_server import kill
from live_site import FACTOR, ONE, Site
from live_traffic import VARIANT, Traffic, invoke, put_model
from sagemaker_world import IMAGE, Client, wait_for

from localcloud.state import Switches

HAND_WRITTEN = Path(__file__).with_name("guarded_endpoint.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, client_of: Client) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("stacks"), client_of)
    yield made
    made.cloud.stop()


class Stack:
    """A stack of Model, EndpointConfig, Alarm and Endpoint with two instances."""

    def __init__(self, site: Site) -> None:
        self.site, self.name = site, f"stack-{uuid.uuid4().hex[:8]}"
        self.alarm = f"{self.name}-errors"

    def template(self, model: str, *, guarded: bool) -> str:
        """guarded: the Endpoint has a canary whose bake the alarm ends."""
        variant = {
            "VariantName": VARIANT,
            "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 2,
        }
        # A template may leave out WaitIntervalInSeconds, which the API requires.
        routing = {"Type": "CANARY", "CanarySize": ONE, "WaitIntervalInSeconds": "60"}
        guardrail = {
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": {"Ref": "Alarm"}}]},
        }
        unguarded = {
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}},
            "AutoRollbackConfiguration": {"Alarms": []},
        }
        container = {"Image": IMAGE, "ModelDataUrl": self.site.artifacts[model]}
        resources = {
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {"ExecutionRoleArn": self.site.world.role, "PrimaryContainer": container},
            },
            "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": self.alarm,
                    "Namespace": "Test",
                    "MetricName": "errors",
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 1,
                    "ComparisonOperator": "GreaterThanThreshold",
                    "TreatMissingData": "ignore",
                },
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {
                    "EndpointName": self.name,
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                    "DeploymentConfig": guardrail if guarded else unguarded,
                },
            },
        }
        return json.dumps({"Resources": resources})

    def create(self, *, guarded: bool) -> str:
        """Create it with the model `a`; the configuration that serves then."""
        self.cloudformation.create_stack(StackName=self.name, TemplateBody=self.template("a", guarded=guarded))
        assert self.settled() == "CREATE_COMPLETE", self.reasons()
        return self.config

    def update(self, model: str, *, guarded: bool) -> str:
        """Update it; the status that it ends in."""
        self.cloudformation.update_stack(StackName=self.name, TemplateBody=self.template(model, guarded=guarded))
        return self.settled()

    def set_alarm(self, state: str) -> None:
        cloudwatch = self.site.world.client("cloudwatch")
        cloudwatch.set_alarm_state(AlarmName=self.alarm, StateValue=state, StateReason="The test says so.")

    def settled(self) -> str:
        found: dict[str, Any] = wait_for(
            lambda: self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0],
            lambda shown: not shown["StackStatus"].endswith("_IN_PROGRESS"),
            180,
        )
        return str(found["StackStatus"])

    def reasons(self) -> list[str]:
        """Why resources failed, the newest first."""
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        return [event.get("ResourceStatusReason", "") for event in failed]

    @property
    def cloudformation(self) -> Any:
        return self.site.world.client("cloudformation")

    @property
    def endpoint(self) -> dict[str, Any]:
        found: dict[str, Any] = self.site.world.sagemaker.describe_endpoint(EndpointName=self.name)
        return found

    @property
    def config(self) -> str:
        return str(self.endpoint["EndpointConfigName"])

    @property
    def drift(self) -> str:
        """Whether the Endpoint still is as its template says."""
        found = self.cloudformation.detect_stack_resource_drift(StackName=self.name, LogicalResourceId="Endpoint")
        return str(found["StackResourceDrift"]["StackResourceDriftStatus"])

    @property
    def configs(self) -> set[str]:
        """The endpoint configurations of the stack that are left."""
        listed = self.site.world.sagemaker.list_endpoint_configs(NameContains=self.name)["EndpointConfigs"]
        return {each["EndpointConfigName"] for each in listed}


@pytest.fixture
def stack(site: Site) -> Iterator[Stack]:
    made = Stack(site)
    yield made
    made.cloudformation.delete_stack(StackName=made.name)


@pytest.mark.contract("A01", "K05", "K10", "K12")
def test_a_deployment_that_was_rolled_back_fails_the_resource_and_rolls_the_stack_back(stack: Stack) -> None:
    """The alarm was in ALARM before: the first bake trips. The way back has the old template's DeploymentConfig."""
    old = stack.create(guarded=False)
    stack.set_alarm("ALARM")
    assert stack.update("b", guarded=True) == "UPDATE_ROLLBACK_COMPLETE"
    (reason,) = [reason for reason in stack.reasons() if "did not stabilize" in reason]
    assert f"The alarm {stack.alarm} is in ALARM. The test says so." in reason and "NotStabilized" in reason
    assert (stack.config, stack.configs) == (old, {old})
    last = stack.endpoint["LastDeploymentConfig"]
    assert last == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        }
    }
    assert "FailureReason" not in stack.endpoint
    assert stack.drift == "IN_SYNC"


@pytest.mark.contract("K12")
def test_the_stacks_own_rollback_is_another_guarded_deployment_that_may_trip_again(stack: Stack) -> None:
    old = stack.create(guarded=True)
    stack.set_alarm("ALARM")
    assert stack.update("b", guarded=True) == "UPDATE_ROLLBACK_FAILED"
    assert len([reason for reason in stack.reasons() if f"The alarm {stack.alarm} is in ALARM" in reason]) >= 2
    assert stack.config == old
    stack.set_alarm("OK")
    stack.cloudformation.continue_update_rollback(StackName=stack.name)
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert (stack.config, stack.configs) == (old, {old})


class HandWritten(Stack):
    """A stack of the template `guarded_endpoint.yaml`."""

    def parameters(self, artifact: str, seconds: int) -> dict[str, Any]:
        values = {
            "Name": self.name,
            "ModelDataUrl": artifact,
            "RoleArn": self.site.world.role,
            "Image": IMAGE,
            "CanarySeconds": str(seconds),
        }
        named = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
        return {"StackName": self.name, "TemplateBody": HAND_WRITTEN, "Parameters": named}

    def rolled_back(self) -> str:
        """How a rollback has ended: one that the alarm ended too, for it was not OK yet, is continued when it is."""
        status = self.settled()
        if status == "UPDATE_ROLLBACK_FAILED":
            alarms = self.site.world.client("cloudwatch").describe_alarms
            wait_for(
                lambda: alarms(AlarmNames=[f"{self.name}-new"])["MetricAlarms"][0]["StateValue"],
                lambda state: state == "OK",
                120,
            )
            self.cloudformation.continue_update_rollback(StackName=self.name)
            status = self.settled()
        return status

    def events(self) -> list[tuple[str, str, str]]:
        """Logical id, status and reason of what the last operation did to resources, the oldest first."""
        found = []
        for event in self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]:
            status = event["ResourceStatus"]
            if event["LogicalResourceId"] != self.name:
                found.append((event["LogicalResourceId"], status, event.get("ResourceStatusReason", "")))
            elif status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                break
        return found[::-1]


@pytest.mark.contract("A04", "A06", "K03", "K09", "K10", "K11", "K15", "K19", "N11")
def test_a_template_written_by_hand_is_updated_rolled_back_and_told_of_a_success_that_was_none(site: Site) -> None:
    """A good model; one that refuses the rows of the old; the same where CloudFormation reports success."""
    stack, switches = HandWritten(site), Switches(site.cloud.folder)
    cloudformation, sagemaker = stack.cloudformation, site.world.sagemaker
    narrow = put_model(site.world, "narrow", 1.0, features=1)
    cloudformation.create_stack(**stack.parameters(site.artifacts["a"], 120))
    assert stack.settled() == "CREATE_COMPLETE", stack.reasons()
    shown = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["Outputs"]
    assert {output["OutputKey"]: output["OutputValue"] for output in shown} == {
        "Endpoint": stack.endpoint["EndpointArn"],
        "EndpointName": stack.name,
        "Alarm": f"{stack.name}-new",
    }
    first = stack.config

    with Traffic(site.world.client, stack.name, {}) as traffic:
        cloudformation.update_stack(**stack.parameters(site.artifacts["b"], 120))
        assert stack.settled() == "UPDATE_COMPLETE", stack.reasons()
        second = stack.config
        assert traffic.errors == [] and stack.configs == {second} != {first}
        events = stack.events()
        made = [name for name, status, _ in events if status == "UPDATE_COMPLETE"]
        assert made == ["Model", "EndpointConfig", "NewInstancesErrors", "Endpoint"]
        cleaned = [(name, status) for name, status, _ in events][-4:]
        assert {name for name, status in cleaned if status == "DELETE_COMPLETE"} == {"EndpointConfig", "Model"}

        cloudformation.update_stack(**stack.parameters(narrow, 3600))
        assert stack.rolled_back() == "UPDATE_ROLLBACK_COMPLETE"
        failed = [why for name, status, why in stack.events() if (name, status) == ("Endpoint", "UPDATE_FAILED")]
        reason = failed[0]
        assert f"The alarm {stack.name}-new is in ALARM. Threshold Crossed: " in reason and "NotStabilized" in reason
        assert (stack.config, stack.configs) == (second, {second})
        assert traffic.errors and all("(ModelError)" in error for error in traffic.errors)
        assert len(traffic.errors) < traffic.counts.total()

        switches.set("rolled-back-update", "succeeds")
        try:
            cloudformation.update_stack(**stack.parameters(narrow, 3600))
            assert stack.settled() == "UPDATE_COMPLETE"
        finally:
            switches.set("rolled-back-update", "fails")
    # What serves is deleted, as the old configuration of a successful update is; the next update to it finds nothing.
    (left,) = stack.configs
    assert stack.config == second != left
    assert f"The alarm {stack.name}-new is in ALARM" in stack.endpoint["FailureReason"]
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find endpoint config"):
        sagemaker.update_endpoint(EndpointName=stack.name, EndpointConfigName=second)
    assert invoke(site.world.client("sagemaker-runtime"), stack.name)
    # The metrics of both failed fleets are there, under configurations that are not.
    metrics = site.world.client("cloudwatch").list_metrics(Namespace="AWS/SageMaker", MetricName="ModelLatency")
    configs = {
        pair["Value"]
        for metric in metrics["Metrics"]
        for pair in metric["Dimensions"]
        if pair["Name"] == "EndpointConfigName" and pair["Value"].startswith(stack.name)
    }
    assert {second, left} < configs and len(configs) == 4
    cloudformation.delete_stack(StackName=stack.name)


@pytest.mark.contract("K14", "U19")
def test_another_deployment_config_alone_is_a_deployment_too(stack: Stack) -> None:
    old = stack.create(guarded=False)
    before = stack.endpoint["LastModifiedTime"]
    assert stack.update("a", guarded=True) == "UPDATE_COMPLETE"
    assert stack.config == old and stack.endpoint["LastModifiedTime"] > before
    assert stack.endpoint["LastDeploymentConfig"]["AutoRollbackConfiguration"] == {
        "Alarms": [{"AlarmName": stack.alarm}]
    }


def test_a_cloud_that_is_killed_amid_a_stacks_update_takes_the_stack_back_without_another_deployment(
    stack: Stack,
) -> None:
    old = stack.create(guarded=True)
    template = stack.template("b", guarded=True).replace(
        '"WaitIntervalInSeconds": "60"', '"WaitIntervalInSeconds": 3600'
    )
    stack.cloudformation.update_stack(StackName=stack.name, TemplateBody=template)
    wait_for(lambda: str(stack.endpoint.get("PendingDeploymentSummary")), lambda shown: "Baking" in shown, 60)
    kill(stack.site.cloud)
    stack.site.cloud.start(time_factor=FACTOR)
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    endpoint = stack.endpoint
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"], stack.configs) == ("InService", old, {old})
    assert f"Endpoint configuration {old} serves, not " in endpoint["FailureReason"]
