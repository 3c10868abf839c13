"""Models, configurations and endpoints in the control plane, and what invocations meet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from sagemaker_fakes import IMAGE, ROLE, SCOPE, Fakes, Plane, invoke, make_plane, refusal, serve

from localcloud.sagemaker.hosting.live_endpoints import SETTLED

PREFIX = "arn:aws:sagemaker:us-east-1:111122223333:"


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return make_plane(tmp_path)


def test_a_model(plane: Plane) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz"}
    made = plane("CreateModel", ModelName="M", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert made == {"ModelArn": f"{PREFIX}model/m"}
    assert plane("DescribeModel", ModelName="m") == {
        "ModelName": "M",
        "ModelArn": f"{PREFIX}model/m",
        "PrimaryContainer": {**container, "Mode": "SingleModel"},
        "ExecutionRoleArn": ROLE,
        "CreationTime": 1000.0,
        "EnableNetworkIsolation": False,
    }
    assert refusal(plane, "CreateModel", ModelName="M", ExecutionRoleArn=ROLE, PrimaryContainer=container) == (
        f'ValidationException: Cannot create already existing model "{PREFIX}model/m".'
    )
    assert plane("DeleteModel", ModelName="M") == {}
    assert refusal(plane, "DescribeModel", ModelName="M") == (
        f'ValidationException: Could not find model "{PREFIX}model/m".'
    )


def test_a_model_needs_its_artifact_and_its_role(plane: Plane) -> None:
    request: dict[str, Any] = {
        "ModelName": "m",
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "https://s3.us-east-1.amazonaws.com/b/m.tar.gz"},
    }
    plane.fakes.missing.add("b/m.tar.gz")
    url = request["PrimaryContainer"]["ModelDataUrl"]
    assert refusal(plane, "CreateModel", **request) == f"ValidationException: Could not find model data at {url}."
    plane.fakes.forbidden.add("b/m.tar.gz")
    assert refusal(plane, "CreateModel", **request).startswith(
        f'ValidationException: Could not access model data at {url}. Please ensure that the role "{ROLE}" exists'
    )
    plane.fakes.denied.add("iam:PassRole")
    assert refusal(plane, "CreateModel", **request).startswith("AccessDeniedException: ")


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"Image": IMAGE, "Mode": "MultiModel"}, "Mode MultiModel"),
        ({"Image": IMAGE, "ImageConfig": {"RepositoryAccessMode": "Vpc"}}, "PrimaryContainer.ImageConfig"),
        (
            {
                "Image": IMAGE,
                "ModelDataSource": {
                    "S3DataSource": {"S3Uri": "s3://b/m/", "S3DataType": "S3Prefix", "CompressionType": "None"}
                },
            },
            "ModelDataSource other than one compressed object",
        ),
    ],
)
def test_kinds_of_models_are_refused_by_name(plane: Plane, container: dict[str, Any], message: str) -> None:
    found = refusal(plane, "CreateModel", ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert found == f"ValidationException: {message} is not supported by the local cloud yet."


def test_a_configuration_needs_its_models(plane: Plane) -> None:
    variant = {"VariantName": "v", "ModelName": "none", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    request: dict[str, Any] = {"EndpointConfigName": "c", "ProductionVariants": [variant]}
    assert refusal(plane, "CreateEndpointConfig", **request) == (
        f'ValidationException: Could not find model "{PREFIX}model/none".'
    )
    plane.host("real", ("v", "m", 1.0))
    twice = [{**variant, "ModelName": "real-v"}] * 2
    assert "must be unique" in refusal(plane, "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=twice)
    serverless = {
        "VariantName": "v",
        "ModelName": "real-v",
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    assert refusal(plane, "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[serverless]) == (
        "ValidationException: Production variant v: ServerlessConfig is not supported by the local cloud yet."
    )
    assert refusal(plane, "DescribeEndpointConfig", EndpointConfigName="c") == (
        f'ValidationException: Could not find endpoint configuration "{PREFIX}endpoint-config/c".'
    )


def pending() -> dict[str, Any]:
    """An instance of the variant AllTraffic that is on its way."""
    return {
        "VariantName": "AllTraffic",
        "DeployedImages": [{"SpecifiedImage": IMAGE, "ResolvedImage": IMAGE, "ResolutionTime": 1000.0}],
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 0,
        "DesiredInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "VariantStatus": [
            {"Status": "Creating", "StatusMessage": "Launching 1 instance(s).", "StartTime": 1000.0},
        ],
    }


@pytest.mark.contract("D01", "D03", "D04")
def test_an_endpoint_comes_into_service(plane: Plane) -> None:
    plane.fakes.gate.clear()
    plane.host("c1", ("AllTraffic", "one.tar.gz", 1.0))
    assert plane("CreateEndpoint", EndpointName="Ep", EndpointConfigName="c1") == {
        "EndpointArn": f"{PREFIX}endpoint/ep"
    }
    creating = plane("DescribeEndpoint", EndpointName="Ep")
    assert creating == {
        "EndpointName": "Ep",
        "EndpointArn": f"{PREFIX}endpoint/ep",
        "EndpointConfigName": "c1",
        "EndpointStatus": "Creating",
        "CreationTime": 1000.0,
        "LastModifiedTime": 1000.0,
        "PendingDeploymentSummary": {
            "EndpointConfigName": "c1",
            "StartTime": 1000.0,
            "ProductionVariants": [pending()],
        },
    }
    assert refusal(plane, "DeleteEndpoint", EndpointName="Ep") == (
        f'ValidationException: Cannot update in-progress endpoint "{PREFIX}endpoint/ep".'
    )
    assert invoke(plane, "Ep").status == 400
    plane.fakes.gate.set()
    serving = plane.endpoint("Ep")
    assert serving["EndpointStatus"] == "InService"
    assert serving["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "DeployedImages": [{"SpecifiedImage": IMAGE, "ResolvedImage": IMAGE, "ResolutionTime": 1000.0}],
            "CurrentWeight": 1.0,
            "DesiredWeight": 1.0,
            "CurrentInstanceCount": 1,
            "DesiredInstanceCount": 1,
        }
    ]
    order = plane.fakes.servers[0].order
    assert (order.log_group, order.log_stream[:13]) == ("/aws/sagemaker/Endpoints/Ep", "AllTraffic/i-")
    assert order.environment()["AWS_ACCESS_KEY_ID"] == ROLE
    statuses = [detail["EndpointStatus"] for kind, _, detail in plane.fakes.events if "Endpoint" in kind]
    assert statuses == ["CREATING", "IN_SERVICE"]


@pytest.mark.contract("D01", "D12", "U21")
def test_an_endpoint_whose_model_does_not_load_has_failed(plane: Plane) -> None:
    endpoint = serve(plane, key="broken.tar.gz")
    assert endpoint["EndpointStatus"] == "Failed"
    assert endpoint["FailureReason"] == "AllTraffic did not pass the ping health check."
    assert "in status Failed" in refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    plane("DeleteEndpoint", EndpointName="ep")
    plane.control.hosting.wait_gone(SCOPE, "ep", 5)
    assert "Could not find endpoint" in refusal(plane, "DescribeEndpoint", EndpointName="ep")


@pytest.mark.contract("D01", "D03", "D06")
def test_an_update_switches_to_the_new_servers_and_stops_the_old(plane: Plane, tmp_path: Path) -> None:
    serve(plane)
    plane.host("c2", ("AllTraffic", "two.tar.gz", 1.0))
    plane.fakes.gate.clear()
    plane.fakes.clock.now = 2000.0
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    updating = plane("DescribeEndpoint", EndpointName="ep")
    assert (updating["EndpointStatus"], updating["EndpointConfigName"]) == ("Updating", "c1")
    assert updating["PendingDeploymentSummary"]["EndpointConfigName"] == "c2"
    assert updating["PendingDeploymentSummary"]["StartTime"] == 2000.0
    assert invoke(plane).body == b"s3://b/one.tar.gz"  # the old one serves until the new one can
    assert "in-progress" in refusal(plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    plane.fakes.gate.set()
    endpoint = plane.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c2")
    assert "PendingDeploymentSummary" not in endpoint and "FailureReason" not in endpoint
    assert invoke(plane).body == b"s3://b/two.tar.gz"
    deadline = time.monotonic() + 5
    while plane.fakes.servers[0].running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [server.running for server in plane.fakes.servers] == [False, True]


@pytest.mark.contract("D12", "G12")
def test_a_failed_update_leaves_the_old_model_serving(plane: Plane) -> None:
    serve(plane)
    plane.host("c2", ("AllTraffic", "broken.tar.gz", 1.0))
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    endpoint = plane.endpoint()
    # As on AWS: nothing but FailureReason says that the new configuration is not the one that serves.
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c1")
    assert endpoint["FailureReason"] == "AllTraffic did not pass the ping health check."
    assert invoke(plane).body == b"s3://b/one.tar.gz"


@pytest.mark.contract("U24")
def test_an_endpoint_outlives_its_configuration_and_model(plane: Plane, tmp_path: Path) -> None:
    serve(plane)
    plane("DeleteEndpointConfig", EndpointConfigName="c1")
    plane("DeleteModel", ModelName="c1-AllTraffic")
    assert invoke(plane).body == b"s3://b/one.tar.gz"
    plane.control.shutdown()
    assert not plane.fakes.servers[0].running
    restarted = make_plane(tmp_path, Fakes(), plane.rows)
    restarted.control.resume()
    assert invoke(restarted).body == b"s3://b/one.tar.gz"
    assert restarted.endpoint()["EndpointStatus"] == "InService"


def test_a_restart_amid_an_update_hosts_what_served(plane: Plane, tmp_path: Path) -> None:
    serve(plane)
    plane.host("c2", ("AllTraffic", "two.tar.gz", 1.0))
    plane.fakes.gate.clear()
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    plane.control.shutdown()
    restarted = make_plane(tmp_path / "again", Fakes(), plane.rows)
    restarted.control.resume()
    endpoint = restarted.endpoint()
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "c1")
    assert endpoint["FailureReason"] == (
        "The update was interrupted: the local cloud was stopped. Endpoint configuration c1 serves, not c2."
    )
    assert invoke(restarted).body == b"s3://b/one.tar.gz"
    plane.fakes.gate.set()


ALL_KINDS = ["DesiredInstanceCount", "DesiredWeight", "DataCaptureConfig"]


@pytest.mark.parametrize(
    ("retain", "excluded", "weight", "count"),
    [
        pytest.param(False, None, 1.0, 1, marks=pytest.mark.contract("P01")),
        pytest.param(True, None, 5.0, 4, marks=pytest.mark.contract("P02")),
        pytest.param(True, ["DesiredInstanceCount"], 5.0, 1, marks=pytest.mark.contract("P03")),
        pytest.param(True, ["DesiredWeight"], 1.0, 4, marks=pytest.mark.contract("P03")),
        pytest.param(True, ["DataCaptureConfig"], 5.0, 4, marks=pytest.mark.contract("P03")),
        pytest.param(True, ALL_KINDS, 1.0, 1, marks=pytest.mark.contract("P03")),
        pytest.param(False, ["DesiredWeight"], 1.0, 1, marks=pytest.mark.contract("P06")),
    ],
)
def test_an_update_keeps_variant_properties_when_asked(
    plane: Plane, retain: bool, excluded: list[str] | None, weight: float, count: int
) -> None:
    serve(plane)
    wanted = [{"VariantName": "AllTraffic", "DesiredWeight": 5.0, "DesiredInstanceCount": 4}]
    plane("UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=wanted)
    plane.endpoint()
    plane.host("c2", ("AllTraffic", "two.tar.gz", 1.0))
    request = {"EndpointName": "ep", "EndpointConfigName": "c2", "RetainAllVariantProperties": retain}
    if excluded is not None:
        request["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": name} for name in excluded]
    plane("UpdateEndpoint", **request)
    endpoint = plane.endpoint()
    (variant,) = endpoint["ProductionVariants"]
    assert (variant["DesiredWeight"], variant["DesiredInstanceCount"]) == (weight, count)
    assert [name for name in endpoint if "Retain" in name] == []


@pytest.mark.contract("P02")
def test_a_variant_of_another_name_retains_nothing(plane: Plane) -> None:
    serve(plane, instances=3)
    plane.host("c2", ("Other", "two.tar.gz", 2.0))
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", RetainAllVariantProperties=True)
    (variant,) = plane.endpoint()["ProductionVariants"]
    assert (variant["VariantName"], variant["DesiredWeight"], variant["DesiredInstanceCount"]) == ("Other", 2.0, 1)


@pytest.mark.contract("P03")
@pytest.mark.parametrize(
    ("types", "words"),
    [
        (["DesiredWeight"] * 4, "length less than or equal to 3"),
        (["Weight"], f"enum value set: [{', '.join(ALL_KINDS)}]"),
    ],
)
def test_at_most_three_known_properties_are_excluded(plane: Plane, types: list[str], words: str) -> None:
    serve(plane)
    request = {"EndpointName": "ep", "EndpointConfigName": "c1", "RetainAllVariantProperties": True}
    excluded = [{"VariantPropertyType": name} for name in types]
    assert words in refusal(plane, "UpdateEndpoint", **request, ExcludeRetainedVariantProperties=excluded)


@pytest.mark.contract("D11", "M13")
def test_settings_of_the_configuration_are_described_and_those_of_the_update_are_not(plane: Plane) -> None:
    metrics = {"EnableDetailedObservability": False, "MetricPublishFrequencyInSeconds": 60}
    capture = {
        "EnableCapture": False,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://b/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    given = {"ProductionVariants": [variant(plane, "ml.m5.large")]}
    plane("CreateEndpointConfig", EndpointConfigName="c1", **given, MetricsConfig=metrics, DataCaptureConfig=capture)
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    endpoint = plane.endpoint()
    assert endpoint["MetricsConfig"] == metrics
    assert endpoint["DataCaptureConfig"] == {
        "EnableCapture": False,
        "CaptureStatus": "Stopped",
        "CurrentSamplingPercentage": 20,
        "DestinationS3Uri": "s3://b/captured",
        "KmsKeyId": "",
    }
    plane("CreateEndpointConfig", EndpointConfigName="c2", **given)
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2", RetainDeploymentConfig=True)
    assert {"MetricsConfig", "DataCaptureConfig", "RetainDeploymentConfig"} & set(plane.endpoint()) == set()


@pytest.mark.contract("M13")
@pytest.mark.parametrize(
    "metrics",
    [
        {"EnableEnhancedMetrics": True},
        {"EnableDetailedObservability": True},
        {"MetricPublishFrequencyInSeconds": 10},
    ],
)
def test_metrics_of_instances_and_containers_are_refused_by_name(plane: Plane, metrics: dict[str, Any]) -> None:
    found = refusal(
        plane,
        "CreateEndpointConfig",
        EndpointConfigName="c",
        ProductionVariants=[variant(plane, "ml.m5.large")],
        MetricsConfig=metrics,
    )
    assert found == "ValidationException: MetricsConfig is not supported by the local cloud yet."


@pytest.mark.contract("D01", "U20")
def test_an_endpoint_that_is_being_deleted_shows_it_until_it_is_gone(plane: Plane) -> None:
    serve(plane)
    plane.fakes.events.clear()
    fleet = plane.control.hosting.fleet(SCOPE, "ep", 1)
    assert fleet is not None
    with fleet.lease("AllTraffic"):  # a request in flight
        plane("DeleteEndpoint", EndpointName="ep")
        assert plane("DescribeEndpoint", EndpointName="ep")["EndpointStatus"] == "Deleting"
        assert "Cannot update in-progress" in refusal(
            plane, "UpdateEndpoint", EndpointName="ep", EndpointConfigName="c1"
        )
    plane.control.hosting.wait_gone(SCOPE, "ep", 5)
    assert "Could not find endpoint" in refusal(plane, "DescribeEndpoint", EndpointName="ep")
    assert [detail["EndpointStatus"] for _, _, detail in plane.fakes.events] == ["DELETING"]


@pytest.mark.contract("D01")
def test_two_statuses_of_the_api_are_never_shown() -> None:
    shape: Any = botocore.session.get_session().get_service_model("sagemaker").shape_for("EndpointStatus")
    changing = {"Creating", "Updating", "RollingBack", "Deleting"}
    assert {*shape.enum} - {*SETTLED} - changing == {"OutOfService", "SystemUpdating"}


def test_lists_and_conflicts(plane: Plane) -> None:
    serve(plane)
    assert refusal(plane, "CreateEndpoint", EndpointName="EP", EndpointConfigName="c1") == (
        f'ValidationException: Cannot create already existing endpoint "{PREFIX}endpoint/ep".'
    )
    assert [found["EndpointName"] for found in plane("ListEndpoints", StatusEquals="InService")["Endpoints"]] == ["ep"]
    assert plane("ListEndpoints", StatusEquals="Failed") == {"Endpoints": []}
    assert plane("ListModels")["Models"][0] == {
        "ModelName": "c1-AllTraffic",
        "ModelArn": f"{PREFIX}model/c1-alltraffic",
        "CreationTime": 1000.0,
    }
    assert len(plane("ListEndpointConfigs")["EndpointConfigs"]) == 1


def variant(plane: Plane, instance_type: str) -> dict[str, Any]:
    plane.host("made", ("v", "m", 1.0))
    return {"VariantName": "v", "ModelName": "made-v", "InstanceType": instance_type, "InitialInstanceCount": 1}


def test_an_instance_type_must_be_one_of_the_services_enumeration(plane: Plane) -> None:
    wrong = variant(plane, "ml.m5.larg")
    found = refusal(plane, "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[wrong])
    assert found.startswith(
        "ValidationException: 1 validation error detected: Value 'ml.m5.larg' at "
        "'productionVariants.1.member.instanceType' failed to satisfy constraint: Member must satisfy enum value set: ["
    )


def test_an_endpoint_on_graviton_fails_as_its_container_cannot_start(plane: Plane) -> None:
    """SageMaker accepts the type; the image has no ARM build."""
    plane("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant(plane, "ml.c7g.large")])
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c")
    found = plane.endpoint()
    assert found["EndpointStatus"] == "Failed"
    assert found["FailureReason"].startswith(
        "The primary container for production variant v did not pass the ping health check. "
    )
    assert "ml.c7g.large has an ARM processor" in found["FailureReason"]
    assert plane.fakes.servers == []


def test_an_update_to_graviton_leaves_the_endpoint_serving(plane: Plane) -> None:
    plane.host("good", ("v", "m", 1.0))
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="good")
    assert plane.endpoint()["EndpointStatus"] == "InService"
    plane("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant(plane, "ml.r8g.large")])
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c")
    found = plane.endpoint()
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "good")
    assert "ml.r8g.large has an ARM processor" in found["FailureReason"]


@pytest.mark.contract("D04")
def test_how_a_variant_routes_is_shown_and_prefix_aware_routing_is_refused(plane: Plane) -> None:
    usual = {**variant(plane, "ml.m5.large"), "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}
    plane("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[usual])
    plane.fakes.gate.clear()
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c")
    (pending,) = plane("DescribeEndpoint", EndpointName="ep")["PendingDeploymentSummary"]["ProductionVariants"]
    plane.fakes.gate.set()
    assert plane.endpoint()["ProductionVariants"][0]["RoutingConfig"] == usual["RoutingConfig"]
    assert pending["RoutingConfig"] == usual["RoutingConfig"]
    aware = {**usual, "RoutingConfig": {"RoutingStrategy": "PREFIX_AWARE"}}
    found = refusal(plane, "CreateEndpointConfig", EndpointConfigName="d", ProductionVariants=[aware])
    assert found.startswith("ValidationException: Production variant v: RoutingStrategy PREFIX_AWARE is not supported")
    idle = {**usual, "InitialVariantWeight": 0.0}
    found = refusal(plane, "CreateEndpointConfig", EndpointConfigName="d", ProductionVariants=[idle])
    assert found == "ValidationException: At least one production variant must have a weight greater than 0."


def test_a_volume_key_for_an_instance_with_local_disks_is_refused(plane: Plane) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    request = {"EndpointConfigName": "c", "KmsKeyId": key}
    found = refusal(plane, "CreateEndpointConfig", **request, ProductionVariants=[variant(plane, "ml.g5.xlarge")])
    assert found == (
        "ValidationException: KmsKeyId cannot be specified with instance type ml.g5.xlarge: its local storage is "
        "encrypted by the instance."
    )
    usual = {"VariantName": "v", "ModelName": "made-v", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
    assert plane("CreateEndpointConfig", **request, ProductionVariants=[usual])
