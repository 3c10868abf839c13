"""AWS::SageMaker::Endpoint by its handlers: what a template may say, what is waited for, what fails, what is replaced.

What CloudFormation itself knows of the types is in AWS's resource schemas, as cfn-lint ships them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, ROLE, SCOPE, Plane, make_plane

from localcloud import state
from localcloud.ministack.cloudformation.template import ResourceType
from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.cloudformation.resource_types import resource_types
from localcloud.state import StateFolder, Switches

ARN = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/ep"
SCHEMAS = Path(str(distribution("cfn-lint").locate_file("cfnlint/data/schemas")))
CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "INSTANCE_COUNT", "Value": "1"},
            "WaitIntervalInSeconds": "60",
        }
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
}


def schema(kind: str) -> dict[str, Any]:
    types: dict[str, str] = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = json.loads((SCHEMAS / "resources" / f"{types[kind]}.json").read_text(encoding="utf-8"))
    return found


def named(pointers: Sequence[str] | None) -> set[str]:
    """The properties of `/properties/NAME`."""
    return {pointer.removeprefix("/properties/") for pointer in pointers or ()}


class Alarms:
    """Every alarm is there, and in ALARM where the test says so."""

    def __init__(self) -> None:
        self.raised = False

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(names) if self.raised else ()

    def missing(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        return ()

    def reason(self, scope: Scope, name: str) -> str:
        return "Threshold Crossed."


class Cloud:
    """A control plane, and CloudFormation's handlers over it."""

    def __init__(self, folder: Path) -> None:
        self.alarms = Alarms()
        self.plane: Plane = make_plane(folder, alarms=self.alarms)
        self.initiated: list[str] = []
        self.types = resource_types(
            self.plane.control, self.plane.fakes, scope=lambda: SCOPE, initiated=self.initiated.append
        )
        for config, key in (("c1", "one.tar.gz"), ("c2", "two.tar.gz"), ("bad", "broken.tar.gz")):
            self.plane.host(config, ("AllTraffic", key, 1.0), instances=2)

    @property
    def endpoint(self) -> ResourceType:
        return self.types["AWS::SageMaker::Endpoint"]

    def create(self, config: str = "c1", **properties: Any) -> tuple[str, dict[str, Any]]:
        return self.endpoint.create("Endpoint", properties_of(config, **properties), "stack")

    def update(self, old: dict[str, Any], new: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return self.endpoint.update(ARN, old, new, "stack")


def properties_of(config: str, **properties: Any) -> dict[str, Any]:
    return {"EndpointName": "ep", "EndpointConfigName": config, **properties}


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


@pytest.fixture
def switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Switches:
    made = Switches(StateFolder(tmp_path))
    monkeypatch.setattr(state, "_serving", made)
    return made


@pytest.mark.contract("K01", "K02", "Q05")
def test_what_replaces_a_resource_is_what_awss_schema_says(cloud: Cloud) -> None:
    for kind in ("Endpoint", "EndpointConfig", "Model"):
        found = schema(f"AWS::SageMaker::{kind}")
        known = cloud.types[f"AWS::SageMaker::{kind}"]
        assert set(known.replacing) == named(found["createOnlyProperties"]), kind
        assert {known.identifier} == named(found["primaryIdentifier"])
    endpoint, config = schema("AWS::SageMaker::Endpoint"), schema("AWS::SageMaker::EndpointConfig")
    assert named(endpoint["createOnlyProperties"]) == {"EndpointName"}
    assert set(config["properties"]) - named(config["createOnlyProperties"]) == {"Tags", "EndpointConfigArn"}
    assert "DataCaptureConfig" in config["properties"]
    model = schema("AWS::SageMaker::Model")
    assert set(model["properties"]) - named(model["createOnlyProperties"]) == {"Tags", "ModelArn"}


@pytest.mark.contract("K04")
def test_drift_compares_what_can_be_read(cloud: Cloud) -> None:
    found = schema("AWS::SageMaker::Endpoint")
    unread = named(found["writeOnlyProperties"])
    assert unread == {"RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig"}
    compared = set(cloud.endpoint.read_properties)
    assert compared == set(found["properties"]) - unread - named(found["readOnlyProperties"])
    cloud.create(DeploymentConfig=CANARY)
    expected = properties_of("c1", DeploymentConfig=CANARY)
    assert cloud.endpoint.read(ARN, expected) == {**expected, "Tags": {}}
    other = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "other"}]}}
    cloud.plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", DeploymentConfig=other)
    cloud.plane.endpoint()
    assert cloud.endpoint.read(ARN, expected) == {**properties_of("c2", DeploymentConfig=other), "Tags": {}}


@pytest.mark.contract("K03")
def test_ref_is_the_arn_and_getatt_the_name(cloud: Cloud) -> None:
    assert cloud.create() == (ARN, {"EndpointName": "ep", "EndpointArn": ARN})
    variant = {"VariantName": "v", "ModelName": "c1-AllTraffic", "InstanceType": "ml.m5.large"}
    config = cloud.types["AWS::SageMaker::EndpointConfig"]
    given = {"ProductionVariants": [{**variant, "InitialInstanceCount": "1"}]}
    arn, attributes = config.create("Config", given, "stack")
    name = attributes["EndpointConfigName"]
    assert name.startswith("stack-Config-") and arn == SCOPE.arn("endpoint-config", name)


@pytest.mark.contract("K05")
def test_a_template_may_leave_out_what_the_api_requires(cloud: Cloud) -> None:
    routing = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}}
    given = schema("AWS::SageMaker::Endpoint")["definitions"]
    assert given["TrafficRoutingConfig"]["required"] == ["Type"]
    assert given["AutoRollbackConfig"]["properties"]["Alarms"]["minItems"] == 0
    cloud.create(DeploymentConfig={**routing, "AutoRollbackConfiguration": {"Alarms": []}})
    waits = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    assert cloud.plane.endpoint()["LastDeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": waits}
    }


@pytest.mark.contract("K06")
def test_what_the_schema_lets_pass_and_the_api_does_not_fails_the_resource(cloud: Cloud) -> None:
    given = schema("AWS::SageMaker::Endpoint")
    assert given["properties"]["EndpointName"]["maxLength"] == 64
    assert given["definitions"]["VariantProperty"]["properties"]["VariantPropertyType"].keys() & {"enum"} == set()
    with pytest.raises(ValueError, match=r"length less than or equal to 63.*HandlerErrorCode: InvalidRequest"):
        cloud.create(EndpointName="e" * 64)
    cloud.create()
    old = properties_of("c1")
    for excluded, words in (({"VariantPropertyType": "Weight"}, "enum value set"), ({}, "Member must not be null")):
        new = properties_of("c2", RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=[excluded])
        with pytest.raises(ValueError, match=words):
            cloud.update(old, new)


@pytest.mark.contract("K08", "K09")
def test_it_waits_as_long_as_the_schema_says(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    wait = cloud.plane.control.hosting.wait

    def recorded(scope: Scope, name: str, seconds: float) -> Any:
        waited.append(seconds)
        return wait(scope, name, 10)

    monkeypatch.setattr(cloud.plane.control.hosting, "wait", recorded)
    handlers = schema("AWS::SageMaker::Endpoint")["handlers"]
    cloud.create()
    assert {seconds / 60 for seconds in waited} == {handlers["create"]["timeoutInMinutes"]} == {160}
    assert cloud.plane("DescribeEndpoint", EndpointName="ep")["EndpointStatus"] == "InService"
    waited.clear()
    cloud.update(properties_of("c1"), properties_of("c2"))
    assert {seconds / 60 for seconds in waited} == {handlers["update"]["timeoutInMinutes"]} == {970}
    shown = cloud.plane("DescribeEndpoint", EndpointName="ep")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "c2")
    assert cloud.initiated == [ARN, ARN]


@pytest.mark.contract("K13")
def test_an_endpoint_whose_creation_failed_is_deleted(cloud: Cloud) -> None:
    with pytest.raises(ValueError, match=r"did not stabilize: AllTraffic did not pass .*NotStabilized"):
        cloud.create("bad")
    cloud.plane.control.hosting.wait_gone(SCOPE, "ep", 5)
    assert cloud.plane("ListEndpoints")["Endpoints"] == []


@pytest.mark.contract("K10")
@pytest.mark.parametrize("cause", ["alarm", "health check"])
def test_an_update_that_was_rolled_back_fails_unless_the_switch_says_success(
    cloud: Cloud, switches: Switches, cause: str
) -> None:
    cloud.create()
    cloud.alarms.raised = cause == "alarm"
    new = properties_of("c2" if cause == "alarm" else "bad", DeploymentConfig=CANARY)
    words = "errors is in ALARM" if cause == "alarm" else "ping health check"
    with pytest.raises(ValueError, match=f"did not stabilize: .*{words}.*NotStabilized"):
        cloud.update(properties_of("c1"), new)
    switches.set("rolled-back-update", "succeeds")
    assert cloud.update(properties_of("c1"), new)[0] == ARN
    assert cloud.plane.endpoint()["EndpointConfigName"] == "c1"


@pytest.mark.contract("K14")
def test_another_deployment_config_is_an_update_by_itself_and_retaining_is_none(cloud: Cloud) -> None:
    cloud.create()
    before = len(cloud.plane.fakes.servers)
    old = properties_of("c1")
    cloud.update(old, {**old, "RetainAllVariantProperties": True})
    assert len(cloud.plane.fakes.servers) == before
    cloud.update(old, {**old, "DeploymentConfig": CANARY})
    assert len(cloud.plane.fakes.servers) == before + 2
    shown = cloud.plane.endpoint()
    assert shown["EndpointConfigName"] == "c1"
    assert shown["LastDeploymentConfig"]["AutoRollbackConfiguration"] == CANARY["AutoRollbackConfiguration"]


@pytest.mark.contract("K16")
def test_a_deletion_during_an_update_fails_unless_the_switch_waits(cloud: Cloud, switches: Switches) -> None:
    cloud.create()
    gate = cloud.plane.fakes.gate
    gate.clear()
    cloud.plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    with pytest.raises(ValueError, match=r"Cannot update in-progress endpoint .*HandlerErrorCode: InvalidRequest"):
        cloud.endpoint.delete(ARN, {})
    switches.set("deletion-in-update", "waits")
    wait = cloud.plane.control.hosting.wait

    def opened(scope: Scope, name: str, seconds: float) -> Any:
        gate.set()
        return wait(scope, name, seconds)

    cloud.plane.control.hosting.wait = opened  # type: ignore[method-assign]
    cloud.endpoint.delete(ARN, {})
    assert cloud.plane("ListEndpoints")["Endpoints"] == []


@pytest.mark.contract("K17", "P08")
def test_what_an_update_retains_is_not_sent_at_a_creation(cloud: Cloud) -> None:
    retaining: dict[str, Any] = {
        "RetainAllVariantProperties": "true",
        "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
        "RetainDeploymentConfig": True,
    }
    cloud.create(**retaining)
    assert cloud.plane.endpoint()["EndpointStatus"] == "InService"
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 3}]
    cloud.plane("UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=wanted)
    cloud.plane.endpoint()
    cloud.update(properties_of("c1", **retaining), properties_of("c2", **retaining))
    (variant,) = cloud.plane.endpoint()["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 3


def test_a_model_is_made_and_deleted_by_its_arn(cloud: Cloud) -> None:
    model = cloud.types["AWS::SageMaker::Model"]
    container = {"Image": IMAGE, "ModelDataUrl": "s3://b/one.tar.gz"}
    arn, attributes = model.create("Model", {"ExecutionRoleArn": ROLE, "PrimaryContainer": container}, "stack")
    assert arn == SCOPE.arn("model", attributes["ModelName"])
    model.delete(arn, {})
    assert model.read(arn, {}) is None
