"""InvokeEndpoint: which variant is asked, what reaches it, what comes back."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import Plane, invoke, make_plane, serve

from localcloud.jobs.hosting.model_process import Answer
from localcloud.ministack.registry import Response
from localcloud.sagemaker.hosting.fleet import Fleet
from localcloud.sagemaker.hosting.runtime import refusal
from localcloud.sagemaker.service import InvocationQueue


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return make_plane(tmp_path)


@pytest.mark.contract("H92", "H93")
def test_variants_share_the_requests_by_weight(plane: Plane) -> None:
    plane.host("c", ("a", "a.tar.gz", 3.0), ("b", "b.tar.gz", 1.0))
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c")
    plane.endpoint()
    invoked = [invoke(plane).headers["x-Amzn-Invoked-Production-Variant"] for _ in range(8)]
    assert (invoked.count("a"), invoked.count("b")) == (6, 2)
    targeted = invoke(plane, x_amzn_sagemaker_target_variant="b")
    assert targeted.body == b"s3://b/b.tar.gz"
    missing = invoke(plane, x_amzn_sagemaker_target_variant="z")
    assert json.loads(missing.body)["Message"] == "Variant z not found for Endpoint ep of account 111122223333."
    weights = [{"VariantName": "a", "DesiredWeight": 0.0}, {"VariantName": "b", "DesiredInstanceCount": 2}]
    plane("UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=weights)
    shown = plane.endpoint()["ProductionVariants"]
    assert [(v["CurrentWeight"], v["DesiredInstanceCount"]) for v in shown] == [(0.0, 1), (1.0, 2)]
    assert {invoke(plane).body for _ in range(4)} == {b"s3://b/b.tar.gz"}


@pytest.mark.contract("H94", "H95")
def test_an_invocation_passes_headers_and_the_models_own_answer(plane: Plane) -> None:
    serve(plane)
    server = plane.fakes.servers[0]
    server.answers.append(
        Answer(200, {"content-type": "application/json", "x-amzn-sagemaker-custom-attributes": "t=1"}, b'{"a": 1}')
    )
    answer = invoke(
        plane,
        body=b"1,2",
        content_type="text/csv",
        accept="application/json",
        x_amzn_sagemaker_custom_attributes="trace",
        x_amzn_sagemaker_inference_id="id-1",
        authorization="secret",
    )
    assert (answer.status, answer.body, answer.verbatim) == (200, b'{"a": 1}', True)
    assert answer.headers == {
        "Content-Type": "application/json",
        "x-Amzn-Invoked-Production-Variant": "AllTraffic",
        "X-Amzn-SageMaker-Custom-Attributes": "t=1",
    }
    passed = {"x-amzn-sagemaker-custom-attributes": "trace", "x-amzn-sagemaker-inference-id": "id-1"}
    assert server.asked == [(b"1,2", "text/csv", "application/json", passed)]


@pytest.mark.contract("H90")
@pytest.mark.parametrize(("status", "side"), [(415, "client"), (500, "server")])
def test_an_error_of_the_model_is_a_model_error(plane: Plane, status: int, side: str) -> None:
    serve(plane)
    plane.fakes.servers[0].answers.append(Answer(status, {"content-type": "text/plain"}, b"no"))
    answer = invoke(plane)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert json.loads(answer.body) == {
        "Message": f'Received {side} error ({status}) from primary with message "no". See '
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
        "#logEventViewer:group=/aws/sagemaker/Endpoints/ep in account 111122223333 for more information.",
        "OriginalStatusCode": status,
        "OriginalMessage": "no",
        "LogStreamArn": "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/Endpoints/ep",
    }


@pytest.mark.contract("H91", "H94", "H95", "H97")
def test_limits_of_an_invocation(plane: Plane) -> None:
    serve(plane)
    assert invoke(plane, body=b"x" * 6_291_456).status == 200
    large = invoke(plane, body=b"x" * 6_291_457)
    assert (large.status, json.loads(large.body)) == (413, {"message": "HTTP content length exceeded 6291456 bytes."})
    for name in ("none", "EP"):
        missing = invoke(plane, name)
        assert (missing.status, missing.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
        assert json.loads(missing.body) == {"Message": f"Endpoint {name} of account 111122223333 not found."}
    refused = invoke(plane, x_amzn_sagemaker_target_model="m")
    assert json.loads(refused.body) == {"Message": "TargetModel is not supported by the local cloud yet."}
    for header, member, longest in (
        ("custom_attributes", "customAttributes", 1024),
        ("inference_id", "inferenceId", 64),
    ):
        right: dict[str, Any] = {f"x_amzn_sagemaker_{header}": "a" * longest}
        wrong: dict[str, Any] = {f"x_amzn_sagemaker_{header}": "a" * (longest + 1)}
        assert invoke(plane, **right).status == 200
        long = invoke(plane, **wrong)
        assert (long.status, long.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
        words = f"at '{member}' failed to satisfy constraint: Member must have length less than or equal to {longest}"
        assert json.loads(long.body)["Message"].endswith(words)


@pytest.mark.contract("H96")
def test_more_invocations_than_may_wait_are_throttled_and_none_is_lost() -> None:
    at_work, done = threading.Semaphore(0), threading.Event()

    def ask() -> Response:
        at_work.release()
        done.wait(10)
        return Response(200, b"1.0\n")

    async def crowd() -> list[Response]:
        queue = InvocationQueue(at_work=2, waiting=3)
        answers = [asyncio.create_task(queue.answer(ask, refusal)) for _ in range(8)]
        while sum(answer.done() for answer in answers) < 3:
            await asyncio.sleep(0.001)
        done.set()
        return [*await asyncio.gather(*answers), await queue.answer(ask, refusal)]

    answers = asyncio.run(crowd())
    assert [answer.status for answer in answers] == [200] * 5 + [400] * 3 + [200]
    throttled = answers[5]
    assert throttled.headers["x-amzn-ErrorType"] == "ThrottlingException"
    assert json.loads(throttled.body) == {"Message": "Rate exceeded"}
    assert sum(at_work.acquire(blocking=False) for _ in range(8)) == 6


@pytest.mark.contract("M09")
def test_each_request_that_reaches_a_model_is_counted(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    leased = Fleet._leased
    monkeypatch.setattr(Fleet, "_leased", lambda fleet, variant, _seconds: leased(fleet, variant, 0.1))
    serve(plane)
    server = plane.fakes.servers[0]
    server.answers += [Answer(200, {}, b"1"), Answer(415, {}, b"no"), Answer(500, {}, b"broken")]
    for _ in range(3):
        invoke(plane)
    # What SageMaker refuses itself.
    invoke(plane, name="none")
    invoke(plane, x_amzn_sagemaker_target_variant="Other")
    invoke(plane, body=b"x" * 6_291_457)
    server.running = False
    invoke(plane)
    told = [(scope.account, *counted) for scope, *counted in (one[:6] for one in plane.fakes.counted)]
    assert told == [("111122223333", "ep", "AllTraffic", "c1", 1, status) for status in (200, 415, 500, None)]
    assert all(isinstance(model, int) and model >= 0 and overhead >= 0 for *_, model, overhead in plane.fakes.counted)
