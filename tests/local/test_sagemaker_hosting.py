"""Endpoints in the local cloud: real servers behind the runtime API."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_world import ACCOUNT, REGION, Client, World, make_world


@pytest.fixture(scope="module")
def world(client: Client) -> World:
    return make_world(client, f"host-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def artifact(world: World) -> str:
    return world.artifact()


@pytest.fixture(scope="module")
def endpoint(world: World, artifact: str) -> str:
    """An endpoint of one variant, in service."""
    name = f"ep-{uuid.uuid4().hex[:8]}"
    world.config(f"{name}-c1", ("AllTraffic", world.model(f"{name}-m1", artifact), 1))
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-c1")
    described = world.wait_for_endpoint(name)
    assert described["EndpointStatus"] == "InService", described
    return name


def invoke(client: Any, endpoint: str, body: bytes = b"0.5,0.5\n", **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.invoke_endpoint(
        EndpointName=endpoint, **{"ContentType": "text/csv", "Body": body, **given}
    )
    return {**answer, "Body": answer["Body"].read()}


def test_an_endpoint_predicts(world: World, endpoint: str) -> None:
    runtime = world.client("sagemaker-runtime")
    answer = invoke(runtime, endpoint, b"0.5,0.5\n0.1,0.9\n")
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["ContentType"].startswith("text/csv")
    values = [float(line) for line in answer["Body"].decode().splitlines()]
    assert values == pytest.approx([1.99, 1.2], abs=0.3)
    as_json = invoke(runtime, endpoint, Accept="application/json")
    assert as_json["ContentType"].startswith("application/json")
    assert list(json.loads(as_json["Body"])) == ["predictions"]


@pytest.mark.contract("H96")
def test_requests_in_parallel_keep_to_their_rows(world: World, endpoint: str) -> None:
    runtime = world.client("sagemaker-runtime")
    alone = [float(invoke(runtime, endpoint, b"%.2f,0.5\n" % (n / 20))["Body"]) for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        together = list(
            pool.map(lambda n: float(invoke(runtime, endpoint, b"%.2f,0.5\n" % (n / 20))["Body"]), range(20))
        )
    assert together == alone and alone[19] > alone[0]


def test_a_models_refusal_reaches_the_caller(world: World, endpoint: str) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(world.client("sagemaker-runtime"), endpoint, b"{}", ContentType="application/json")
    response: Any = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 415
    assert response["LogStreamArn"] == (
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/{endpoint}"
    )


@pytest.mark.contract("H97")
def test_an_unknown_endpoint(world: World) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(world.client("sagemaker-runtime"), "none")
    assert caught.value.response["Error"] == {
        "Code": "ValidationError",
        "Message": f"Endpoint none of account {ACCOUNT} not found.",
    }


def test_callers_need_the_right_to_invoke(world: World, endpoint: str) -> None:
    iam, caller = world.client("iam"), f"caller-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=caller)
    credentials = {**iam.create_access_key(UserName=caller)["AccessKey"], "SessionToken": None}
    runtime = world.client("sagemaker-runtime", credentials=credentials)
    with pytest.raises(ClientError) as caught:
        invoke(runtime, endpoint)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "sagemaker:InvokeEndpoint" in caught.value.response["Error"]["Message"]
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/"
    for resource, allowed in ((f"{arn}other", False), (f"{arn}{endpoint}", True)):
        statement = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=caller, PolicyName="p", PolicyDocument=document)
        if allowed:
            assert invoke(runtime, endpoint)["ResponseMetadata"]["HTTPStatusCode"] == 200
        else:
            with pytest.raises(ClientError):
                invoke(runtime, endpoint)


@pytest.mark.contract("H41", "G12", "D13")
def test_an_update_that_cannot_load_leaves_the_old_model(world: World, endpoint: str) -> None:
    before = invoke(world.client("sagemaker-runtime"), endpoint)["Body"]
    broken = world.model(f"{endpoint}-broken", world.broken_artifact())
    world.sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=world.config(f"{endpoint}-c2", ("AllTraffic", broken, 1))
    )
    described = world.wait_for_endpoint(endpoint)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", f"{endpoint}-c1")
    assert described["FailureReason"].startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check."
    )
    assert invoke(world.client("sagemaker-runtime"), endpoint)["Body"] == before


@pytest.mark.contract("G13")
def test_no_request_fails_while_an_endpoint_is_updated(world: World, endpoint: str, artifact: str) -> None:
    runtime = world.client("sagemaker-runtime")
    config = world.config(f"{endpoint}-c3", ("AllTraffic", world.model(f"{endpoint}-m3", artifact), 1))
    world.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    with ThreadPoolExecutor(4) as pool:
        while world.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Updating":
            list(pool.map(lambda _: invoke(runtime, endpoint), range(4)))
    assert world.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"] == config
    assert invoke(runtime, endpoint)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_model_out_of_its_roles_reach(world: World, client: Client, artifact: str) -> None:
    logs = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [logs]}
    other = make_world(client, f"bare-{uuid.uuid4().hex[:8]}", policy)
    with pytest.raises(ClientError, match="Could not access model data at"):
        other.model("m", artifact)
    with pytest.raises(ClientError, match=r"Could not find model data at s3://.*/none.tar.gz\."):
        world.model("m", f"s3://{world.bucket}/none.tar.gz")


def test_an_endpoint_can_be_deleted_and_made_again(world: World, artifact: str) -> None:
    name = f"gone-{uuid.uuid4().hex[:8]}"
    config = world.config(f"{name}-c", ("AllTraffic", world.model(f"{name}-m", artifact), 1))
    for _ in range(2):
        world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        waiter = world.sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 150})
        world.sagemaker.delete_endpoint(EndpointName=name)
        waiter = world.sagemaker.get_waiter("endpoint_deleted")
        waiter.wait(EndpointName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 150})
