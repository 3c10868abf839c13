"""InvokeEndpoint: a request to the variant that its turn or its header chooses, the model's own answer back.

Source of codes and words: API reference, InvokeEndpoint; the messages are those that boto3 users know.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Protocol

from localcloud.jobs.hosting.model_process import NotServingError
from localcloud.ministack.registry import Request, Response
from localcloud.sagemaker.api.access import endpoint_of
from localcloud.sagemaker.api.call import NOT_SUPPORTED, Scope, ServiceError
from localcloud.sagemaker.capture.records import Exchange
from localcloud.sagemaker.hosting.fleet import Fleet, Instance, RetiredError, UnansweredError
from localcloud.sagemaker.hosting.live_endpoints import Hosting
from localcloud.sagemaker.processes import Answer
from localcloud.sagemaker.store import Stores

MAX_BODY = 6_291_456
"""Bytes; the API's own limit for request bodies."""

_TIMEOUT = 60.0
_RESUME_WAIT = 60.0
_ELSEWHERE_SECONDS = 0.01
"""Until the death of a process is known, and its instance gets no request any more."""
_CUSTOM = "x-amzn-sagemaker-custom-attributes"
_INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_TO_CONTAINER = (_CUSTOM, _INFERENCE_ID)
_LONGEST = {_CUSTOM: ("customAttributes", 1024), _INFERENCE_ID: ("inferenceId", 64)}
_REFUSED = {
    "x-amzn-sagemaker-target-model": "TargetModel",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-session-id": "SessionId",
}


class Recorder(Protocol):
    """Counts requests that were passed to a model: `InvocationMetrics`."""

    def record(
        self,
        scope: Scope,
        endpoint: str,
        variant: str,
        config: str,
        instances: int,
        status: int | None,
        model_us: int,
        overhead_us: int,
    ) -> None: ...


class Runtime:
    """The data plane."""

    def __init__(self, stores: Stores, hosting: Hosting, metrics: Recorder) -> None:
        self._stores, self._hosting, self._metrics = stores, hosting, metrics

    def answer(self, request: Request, scope: Scope, received: float | None = None) -> Response:
        """The answer to a request of the runtime API. Blocks until the model has answered.

        received: when the request came, by `time.perf_counter`; None: now.
        """
        try:
            return self._invoke(request, scope, time.perf_counter() if received is None else received)
        except _NoAnswerError as silence:
            return silence.response
        except ServiceError as error:
            return refusal(error)

    def _invoke(self, request: Request, scope: Scope, received: float) -> Response:
        name = endpoint_of(request.path)
        if name is not None and request.method != "POST":
            message = f"{request.method} {request.path} is no operation of the API: endpoints are invoked by POST."
            raise ServiceError("UnknownOperationException", message, 404)
        if name is None or not request.path.endswith("/invocations"):
            raise ServiceError("UnknownOperationException", f"{request.method} {request.path} is {NOT_SUPPORTED}.", 404)
        for header, member in _REFUSED.items():
            if request.headers.get(header):
                raise ServiceError("ValidationError", f"{member} is {NOT_SUPPORTED}.")
        for header, (member, longest) in _LONGEST.items():
            if len(value := request.headers.get(header, "")) > longest:
                raise ServiceError(
                    "ValidationError",
                    f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
                    f"Member must have length less than or equal to {longest}",
                )
        if len(request.body) > MAX_BODY:
            # AWS's front answers this one, without an error code: boto3 shows "(413)".
            text = f"HTTP content length exceeded {MAX_BODY} bytes."
            return Response(413, json.dumps({"message": text}).encode(), {"Content-Type": "application/json"})
        deadline = 0.0
        while True:
            fleet = self._fleet(scope, name)
            variant = self._variant(fleet, request, scope, name)
            try:
                with fleet.lease(variant) as instance:
                    answer = self._measured(fleet, variant, instance, request, scope, name, received)
            except RetiredError:
                continue  # replaced between the two lines: the next turn finds its successor
            except NotServingError as error:
                deadline = deadline or time.monotonic() + _TIMEOUT
                if time.monotonic() > deadline:
                    self._count(fleet, variant, scope, name, None, time.perf_counter(), received)
                    raise _NoAnswerError(_model_error(0, str(error), scope, name)) from error
                time.sleep(_ELSEWHERE_SECONDS)  # its process has just died, and nothing was sent
                continue
            except UnansweredError as error:
                self._count(fleet, variant, scope, name, None, time.perf_counter(), received)
                raise _NoAnswerError(_model_error(0, str(error), scope, name)) from error
            return self._shown(answer, variant, request, scope, name)

    def _fleet(self, scope: Scope, name: str) -> Fleet:
        record = self._stores.endpoints.get(scope, name)
        # Case counts here, where it does not in the control plane (API reference, CreateEndpoint).
        if record is not None and record["EndpointName"] == name and record["EndpointStatus"] != "Deleting":
            fleet = self._hosting.fleet(scope, name, _RESUME_WAIT)
            if fleet is not None:
                return fleet
        waits = record is not None and record["EndpointStatus"] == "Failed" and record.get("_pending")
        why = f" {record['FailureReason']}" if record is not None and waits else ""
        raise ServiceError("ValidationError", f"Endpoint {name} of account {scope.account} not found.{why}")

    def _variant(self, fleet: Fleet, request: Request, scope: Scope, name: str) -> str:
        target = request.headers.get("x-amzn-sagemaker-target-variant")
        if not target:
            return fleet.traffic.choose()
        if target not in fleet:
            raise ServiceError(
                "ValidationError", f"Variant {target} not found for Endpoint {name} of account {scope.account}."
            )
        return target

    def _measured(
        self,
        fleet: Fleet,
        variant: str,
        instance: Instance,
        request: Request,
        scope: Scope,
        name: str,
        received: float,
    ) -> Answer:
        """Ask the model, and count the request, answered or not; not one of which nothing was sent."""
        asked = time.perf_counter()
        try:
            answer = self._ask(instance, request, scope, name)
        except NotServingError:
            raise
        except _NoAnswerError:
            self._count(fleet, variant, scope, name, None, asked, received)
            raise
        self._count(fleet, variant, scope, name, answer.status, asked, received)
        if (capture := fleet.capture) is not None:
            # Here, and not when the instance is given back: before it ends all that it answered is taken.
            headers = request.headers
            exchange = Exchange(
                *(time.time(), request.body, headers.get("content-type")),
                *(headers.get(_CUSTOM, ""), headers.get(_INFERENCE_ID, "")),
                *(answer.body, answer.headers.get("content-type")),
            )
            capture.take(variant, exchange)
        return answer

    def _count(
        self, fleet: Fleet, variant: str, scope: Scope, name: str, status: int | None, asked: float, received: float
    ) -> None:
        model, overhead = time.perf_counter() - asked, asked - received
        self._metrics.record(
            scope,
            name,
            variant,
            fleet.config,
            max(1, fleet.instances(variant)),
            status,
            int(model * 1e6),
            int(overhead * 1e6),
        )

    def _ask(self, instance: Instance, request: Request, scope: Scope, name: str) -> Answer:
        passed = {header: request.headers[header] for header in _TO_CONTAINER if header in request.headers}
        try:
            return instance.server.invoke(
                request.body, request.headers.get("content-type"), request.headers.get("accept"), passed, _TIMEOUT
            )
        except NotServingError:
            raise
        except Exception as error:
            raise _NoAnswerError(_model_error(0, str(error), scope, name)) from error

    def _shown(self, answer: Answer, variant: str, request: Request, scope: Scope, name: str) -> Response:
        if not 200 <= answer.status < 300:
            return _model_error(answer.status, answer.body.decode("utf-8", "replace"), scope, name)
        headers = {
            "Content-Type": answer.headers.get("content-type", "application/octet-stream"),
            "x-Amzn-Invoked-Production-Variant": variant,
        }
        if _CUSTOM in answer.headers:
            headers["X-Amzn-SageMaker-Custom-Attributes"] = answer.headers[_CUSTOM]
        return Response(answer.status, answer.body, headers, verbatim=True)


class _NoAnswerError(Exception):
    """The model server gave no answer; carries what the caller is told."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__("no answer")


def _model_error(status: int, message: str, scope: Scope, endpoint: str) -> Response:
    """ModelError: what the container said, wrapped as SageMaker wraps it."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    side = "client" if 400 <= status < 500 else "server"
    text = (
        f'Received {side} error ({status}) from primary with message "{message}". See '
        f"https://{scope.region}.console.aws.amazon.com/cloudwatch/home?region={scope.region}"
        f"#logEventViewer:group={group} in account {scope.account} for more information."
    )
    details = {
        "Message": text,
        "OriginalStatusCode": status,
        "OriginalMessage": message,
        "LogStreamArn": scope.service_arn("logs", f"log-group:{group}"),
    }
    return _error(424, "ModelError", details)


def refusal(error: ServiceError) -> Response:
    """What the runtime API answers for an error of its own."""
    return _error(error.status, error.code, {"Message": error.message})


def _error(status: int, code: str, members: Mapping[str, object]) -> Response:
    body = json.dumps(members).encode()
    return Response(status, body, {"Content-Type": "application/json", "x-amzn-ErrorType": code})
