"""Application Auto Scaling in the local cloud: a stack's endpoint under load that rises and falls, boto3 and `aws`."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace, TracebackType
from typing import Any

import pytest
from live_site import Site
from live_traffic import ROW, VARIANT
from printed_environment import printed_environment
from sagemaker_world import ACCOUNT, IMAGE, REGION, Client, wait_for
from warm_server import AWS, shared_python

from deployment.assembly import AssembledStack
from deployment.endpoint.scaling import autoscaling_off

TARGET, MOST = 10.0, 3
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, client_of: Client) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("scaled"), client_of)
    yield made
    made.cloud.stop()


class Load:
    """Requests at a rate that can be changed, one after the other at even distances, whichever thread sends them:
    twelve at once would be another load in the second that is a minute here. Every answer that is none is kept."""

    def __init__(self, client: Any, endpoint: str, rate: float) -> None:
        self._runtime, self._endpoint, self.rate = client, endpoint, rate
        self.failures: list[str] = []
        self.answered = 0
        self._ended, self._lock, self._due = threading.Event(), threading.Lock(), time.monotonic()
        self._threads = [threading.Thread(target=self._run) for _ in range(12)]

    def _run(self) -> None:
        while not self._ended.wait(self._until_next()):
            try:
                self._runtime.invoke_endpoint(EndpointName=self._endpoint, Body=ROW, ContentType="text/csv")
                self.answered += 1
            except Exception as error:
                self.failures.append(str(error))

    def _until_next(self) -> float:
        """Seconds until the next request is due; what is late is not made up for."""
        with self._lock:
            now = time.monotonic()
            self._due = max(self._due + 1 / self.rate, now)
            return self._due - now

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


class Scaled:
    """A stack of Model, EndpointConfig, Endpoint, ScalableTarget and ScalingPolicy."""

    def __init__(self, site: Site) -> None:
        self.site, self.name = site, f"scaled-{uuid.uuid4().hex[:8]}"
        self.resource = f"endpoint/{self.name}/variant/{VARIANT}"
        self.place = {"ServiceNamespace": "sagemaker", "ResourceId": self.resource, "ScalableDimension": DIMENSION}

    def template(
        self, model: str = "a", *, instance_type: str = "ml.m5.large", scaled: bool = True, least: int = 1
    ) -> str:
        variant = {
            "VariantName": VARIANT,
            "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
            "InstanceType": instance_type,
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1,
        }
        container = {"Image": IMAGE, "ModelDataUrl": self.site.artifacts[model]}
        resources: dict[str, Any] = {
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {"ExecutionRoleArn": self.site.world.role, "PrimaryContainer": container},
            },
            "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {
                    "EndpointName": self.name,
                    "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
                    "RetainAllVariantProperties": True,
                    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
                },
            },
        }
        if scaled:
            resources["Target"] = {
                "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
                "Properties": {
                    "ServiceNamespace": "sagemaker",
                    "ScalableDimension": DIMENSION,
                    "ResourceId": {"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/" + VARIANT},
                    "MinCapacity": least,
                    "MaxCapacity": MOST,
                },
            }
            resources["Policy"] = {
                "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
                "Properties": {
                    "PolicyName": "load",
                    "PolicyType": "TargetTrackingScaling",
                    "ScalingTargetId": {"Ref": "Target"},
                    "TargetTrackingScalingPolicyConfiguration": {
                        "TargetValue": TARGET,
                        "PredefinedMetricSpecification": {
                            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                        },
                        "ScaleOutCooldown": 60,
                        "ScaleInCooldown": 60,
                    },
                },
            }
        return json.dumps({"Resources": resources})

    def settled(self) -> str:
        found: dict[str, Any] = wait_for(
            lambda: self.site.world.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0],
            lambda shown: not shown["StackStatus"].endswith("_IN_PROGRESS"),
            300,
        )
        return str(found["StackStatus"])

    def deploy(self, **changes: Any) -> str:
        """Create or update the stack; how it ends."""
        cloudformation = self.site.world.client("cloudformation")
        known = any(stack["StackName"] == self.name for stack in cloudformation.describe_stacks()["Stacks"])
        act = cloudformation.update_stack if known else cloudformation.create_stack
        act(StackName=self.name, TemplateBody=self.template(**changes))
        return self.settled()

    def delete(self) -> None:
        cloudformation = self.site.world.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=self.name)
        wait_for(
            lambda: cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"],
            lambda status: status == "DELETE_COMPLETE",
            120,
        )

    def reasons(self) -> list[str]:
        events = self.site.world.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return [one.get("ResourceStatusReason", "") for one in events if one["ResourceStatus"].endswith("_FAILED")]

    @property
    def autoscaling(self) -> Any:
        return self.site.world.client("application-autoscaling")

    def instances(self) -> tuple[int, int, str]:
        """Current and wanted ones, and the endpoint's status."""
        shown = self.site.world.sagemaker.describe_endpoint(EndpointName=self.name)
        (variant,) = shown["ProductionVariants"]
        return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"], shown["EndpointStatus"]

    def until(self, count: int, seconds: float = 240) -> None:
        """Wait until so many instances serve and nothing is in progress."""
        wait_for(self.instances, lambda found: found == (count, count, "InService"), seconds)

    def activities(self, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.autoscaling.describe_scaling_activities(
            ServiceNamespace="sagemaker", ResourceId=self.resource, **more
        )["ScalingActivities"]
        return found


@pytest.fixture(scope="module")
def scaled(site: Site) -> Iterator[Scaled]:
    made = Scaled(site)
    assert made.deploy() == "CREATE_COMPLETE", made.reasons()
    yield made


@pytest.mark.contract("S36")
def test_instances_follow_the_load_and_an_update_keeps_them(scaled: Scaled) -> None:
    runtime = scaled.site.world.client("sagemaker-runtime")
    with Load(runtime, scaled.name, TARGET * 2.9) as load:
        scaled.until(MOST)
        assert scaled.deploy(model="b") == "UPDATE_COMPLETE", scaled.reasons()
        assert scaled.instances()[:2] == (MOST, MOST)
        load.rate = TARGET / 2
        scaled.until(1)
    assert load.failures == []
    assert load.answered > 100
    found = [one for one in reversed(scaled.activities()) if one["StatusCode"] == "Successful"]
    counts = [one["Description"] for one in found]
    assert counts[-2:] == ["Setting desired instance count to 2.", "Setting desired instance count to 1."]
    assert f"Setting desired instance count to {MOST}." in counts
    (policy,) = scaled.autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    high, low = (alarm["AlarmName"] for alarm in policy["Alarms"])
    assert found[0]["Cause"] == f"monitor alarm {high} in state ALARM triggered policy load"
    assert found[-1]["Cause"] == f"monitor alarm {low} in state ALARM triggered policy load"
    assert found[-1]["StatusMessage"] == (
        "Successfully set desired instance count to 1. Change successfully fulfilled by sagemaker."
    )


def test_alarms_read_as_awss(scaled: Scaled) -> None:
    (policy,) = scaled.autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=scaled.resource)[
        "ScalingPolicies"
    ]
    assert policy["PolicyARN"].startswith(f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:")
    assert policy["PolicyARN"].endswith(f":resource/sagemaker/{scaled.resource}:policyName/load")
    names = [alarm["AlarmName"] for alarm in policy["Alarms"]]
    alarms = scaled.site.world.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    shown = {
        one["AlarmName"].split(f"TargetTracking-{scaled.resource}-")[1].split("-")[0]: (
            *(one["ComparisonOperator"], one["Threshold"], one["Period"], one["EvaluationPeriods"]),
            *(one["Statistic"], one["MetricName"], one["AlarmActions"] == [policy["PolicyARN"]]),
        )
        for one in alarms
    }
    assert shown == {
        "AlarmHigh": ("GreaterThanThreshold", 10, 60, 3, "Sum", "InvocationsPerInstance", True),
        "AlarmLow": ("LessThanThreshold", 9, 60, 15, "Sum", "InvocationsPerInstance", True),
    }


def test_another_minimum_takes_effect_without_an_update_of_the_endpoint(scaled: Scaled) -> None:
    config = scaled.site.world.sagemaker.describe_endpoint(EndpointName=scaled.name)["EndpointConfigName"]
    assert scaled.deploy(model="b", least=2) == "UPDATE_COMPLETE", scaled.reasons()
    scaled.until(2)
    shown = scaled.site.world.sagemaker.describe_endpoint(EndpointName=scaled.name)
    assert shown["EndpointConfigName"] == config
    assert scaled.activities()[0]["Cause"] == "minimum capacity was set to 2"


@pytest.mark.contract("S40")
def test_another_instance_type_takes_two_steps(scaled: Scaled) -> None:
    assert scaled.deploy(model="b", least=2, instance_type="ml.m5.xlarge") == "UPDATE_ROLLBACK_COMPLETE"
    assert any("registered as a scalable target. Deregister it first." in reason for reason in scaled.reasons())
    template = json.loads(scaled.template("b", least=2, instance_type="ml.m5.xlarge"))
    planned = AssembledStack(scaled.name, "scaled", f"aws://{ACCOUNT}/{REGION}", template, "")
    said: list[str] = []
    session: Any = SimpleNamespace(client=scaled.site.world.client)
    with autoscaling_off(session, planned, said.append, rerun_command="again"):
        assert scaled.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
        assert scaled.instances() == (2, 2, "InService")
        assert scaled.deploy(model="b", least=2, instance_type="ml.m5.xlarge") == "UPDATE_COMPLETE"
    assert [line for line in said if "step" in line or "delete complete" in line] == [
        f"{scaled.name}: the instance type changes from ml.m5.large to ml.m5.xlarge while the endpoint scales, which "
        "SageMaker refuses. It is done in two steps.",
        f"{scaled.name}: step 1 of 2, autoscaling is taken off; the endpoint keeps its instances",
        "delete complete: Policy (AWS::ApplicationAutoScaling::ScalingPolicy)",
        "delete complete: Target (AWS::ApplicationAutoScaling::ScalableTarget)",
        f"{scaled.name}: step 2 of 2, ml.m5.xlarge, and autoscaling as the project file has it",
    ]
    assert scaled.instances() == (2, 2, "InService")
    (target,) = scaled.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, MOST)


def test_the_aws_command_reads_the_same(scaled: Scaled) -> None:
    words = ["application-autoscaling", "describe-scaling-activities", "--service-namespace", "sagemaker"]
    done = subprocess.run(
        [*shared_python(*AWS), "-m", "awscli", *words, "--resource-id", scaled.resource, "--output", "json"],
        env=printed_environment(scaled.site.cloud),
        capture_output=True,
        text=True,
        check=True,
    )
    shown = json.loads(done.stdout)["ScalingActivities"]
    assert [one["ActivityId"] for one in shown] == [one["ActivityId"] for one in scaled.activities()]
    assert {"ActivityId", "Cause", "Description", "StatusCode", "StatusMessage", "StartTime", "EndTime"} <= set(
        shown[0]
    )


def test_a_stack_takes_all_of_it_along(scaled: Scaled) -> None:
    scaled.delete()
    targets = scaled.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert targets == []
    alarms = scaled.site.world.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    assert alarms == []
