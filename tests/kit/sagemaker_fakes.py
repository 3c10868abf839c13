"""A SageMaker control plane in memory: no processes, no emulator, a clock that tests set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud.clock import Clock as Durations
from localcloud.jobs.events import JobEvent
from localcloud.jobs.hosting.model_process import Answer, NotServingError
from localcloud.ministack.registry import Request, Response
from localcloud.sagemaker.api.call import Scope, ServiceError, access_denied, validation_error
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.hosting.rollback_alarms import AlarmStates
from localcloud.sagemaker.hosting.runtime import Runtime
from localcloud.sagemaker.image import Images
from localcloud.sagemaker.processes import JobOrder, ServerOrder
from localcloud.sagemaker.store import TABLES, Stores

SCOPE = Scope("111122223333", "us-east-1")
ROLE = "arn:aws:iam::111122223333:role/train"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


class Rows:
    """What the emulator's scoped store does, in a plain dict."""

    def __init__(self) -> None:
        self.data: dict[tuple[str, str, Any], Any] = {}

    def get_scoped(self, account_id: str, region: str, key: Any, default: Any = None) -> Any:
        return self.data.get((account_id, region, key), default)

    def set_scoped(self, account_id: str, region: str, key: Any, value: Any) -> None:
        self.data[account_id, region, key] = value

    def pop_scoped(self, account_id: str, region: str, key: Any, *default: Any) -> Any:
        return self.data.pop((account_id, region, key), *default)

    def values_scoped(self, account_id: str, region: str) -> Iterable[Any]:
        return [value for key, value in self.data.items() if key[:2] == (account_id, region)]

    def all_items(self) -> Iterable[tuple[Any, Any]]:
        return list(self.data.items())


class Run:
    """A job's run that does what the test says."""

    def __init__(
        self,
        request: Mapping[str, Any],
        environment: Mapping[str, str],
        on_event: Callable[[JobEvent], None],
        clock: Clock,
    ) -> None:
        self.request, self.environment, self._on_event, self._clock = request, environment, on_event, clock
        self.started = self.terminated = False
        self.interruptions = 0
        self.stopped_as: list[str] = []

    def start(self) -> None:
        self.started = True

    def stop(self, *, final_status: str = "Stopped") -> None:
        self.stopped_as.append(final_status)

    def interrupt(self) -> None:
        self.interruptions += 1

    def terminate(self) -> None:
        self.terminated = True
        self.say("finished", outcome="Failed", failure_reason="InternalServerError: killed")

    def say(self, kind: Any, secondary: str = "", message: str = "", **fields: Any) -> None:
        self._on_event(JobEvent(self._clock(), kind, secondary, message, **fields))


class Server:
    """A model server that answers with its artifact's address, and fails to start where the address says so."""

    def __init__(self, order: ServerOrder, gate: threading.Event) -> None:
        self.order = order
        self.running = self.stopped = False
        self.pid: int | None = None
        self.answers: list[Answer] = []
        self.asked: list[tuple[bytes, str | None, str | None, Mapping[str, str]]] = []
        self._gate = gate

    @property
    def ready(self) -> bool:
        return self.running

    def start(self) -> None:
        self.order.environment()
        self._gate.wait(10)
        if "broken" in self.order.model_data_url:
            raise RuntimeError(f"{self.order.variant} did not pass the ping health check.")
        self.running = True

    def invoke(
        self,
        body: bytes,
        content_type: str | None = None,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Answer:
        assert not self.stopped, "asked after its stop"
        if not self.running:
            raise NotServingError("The model server broke the connection: it died.")
        self.asked.append((body, content_type, accept, dict(headers or {})))
        if self.answers:
            return self.answers.pop(0)
        return Answer(200, {"content-type": "text/csv"}, self.order.model_data_url.encode())

    def stop(self) -> None:
        self.running, self.stopped = False, True


@dataclass
class Clock:
    """Seconds since 1970, as the test sets them."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Written:
    """An object that a role put into S3."""

    role: str
    bucket: str
    key: str
    body: bytes
    kms_key: str


@dataclass
class _Writing:
    fakes: Fakes
    role: str

    def put(self, bucket: str, key: str, body: bytes, kms_key: str) -> None:
        if bucket in self.fakes.forbidden:
            raise PermissionError(f"{self.role} may not write to {bucket}")
        self.fakes.written.append(Written(self.role, bucket, key, body, kms_key))


@dataclass
class Fakes:
    """Processes, roles and bus of a control plane, and what was asked of them."""

    clock: Clock = field(default_factory=Clock)
    runs: list[Run] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    transforms: list[tuple[JobOrder, Run]] = field(default_factory=list)
    events: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    caller: Mapping[str, str] = field(default_factory=dict)
    """The caller's IamIdentity."""
    counted: list[tuple[Any, ...]] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    """Cleared: servers wait in their start until it is set."""

    def __post_init__(self) -> None:
        self.gate.set()

    def record(self, *counted: Any) -> None:
        """Count a request that was passed to a model, as the metrics of invocations do."""
        self.counted.append(counted)

    def job(
        self,
        agent: str,
        order: JobOrder,
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[JobEvent], None],
    ) -> Run:
        run = Run(order.request, environment, on_event, self.clock)
        if agent == "training":
            self.runs.append(run)
        else:
            self.transforms.append((order, run))
        return run

    def hosting(self, order: ServerOrder) -> Server:
        server = Server(order, self.gate)
        self.servers.append(server)
        return server

    def environment(self, scope: Scope, role_arn: str, session: str, seconds: int) -> Mapping[str, str]:
        if role_arn.endswith("/nobody"):
            raise validation_error(f"Could not assume role {role_arn}.")
        return {"AWS_ACCESS_KEY_ID": role_arn, "SECONDS": str(seconds)}

    def reading(self, scope: Scope, role_arn: str) -> Fakes:
        self.environment(scope, role_arn, "SageMaker", 900)
        return self

    def has_object(self, bucket: str, key: str) -> bool:
        if f"{bucket}/{key}" in self.forbidden:
            raise PermissionError
        return f"{bucket}/{key}" not in self.missing

    has_prefix = has_object

    def writing(self, scope: Scope, role_arn: str) -> _Writing:
        self.environment(scope, role_arn, "SageMaker", 900)
        return _Writing(self, role_arn)

    def denial(self, scope: Scope, role_arn: str, action: str, resource: str) -> str:
        return f"{role_arn} is not authorized to perform: {action} on resource: {resource}" * (action in self.denied)

    def vpc_of(self, scope: Scope, kind: str, name: str) -> str | None:
        return None if name in self.missing else "vpc-2" if name.endswith("2") else "vpc-1"

    def key_problem(self, scope: Scope, key: str) -> str:
        return f"Key '{key}' does not exist" if key in self.missing else ""

    def key_denial(self, scope: Scope, key: str, actions: tuple[str, ...], role_arn: str) -> str:
        lacking = [action for action in actions if action in self.denied]
        who = role_arn or "caller"
        return f"{who} is not authorized to perform: {lacking[0]} on resource: {key}" if lacking else ""

    def require(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> None:
        if action in self.denied:
            raise access_denied(f"not authorized to perform: {action} on resource: {resource}")

    def identity(self) -> Mapping[str, str]:
        return self.caller

    def put(self, scope: Scope, detail_type: str, resource: str, detail: Mapping[str, Any]) -> None:
        self.events.append((detail_type, resource, detail))


@dataclass
class Plane:
    """A control plane over fakes; `plane("CreateModel", ModelName="m", …)` calls an operation."""

    control: Control
    fakes: Fakes
    rows: dict[str, Rows]

    def __call__(self, operation: str, /, **request: Any) -> dict[str, Any]:
        return self.control.perform(operation, SCOPE, request, self.fakes)

    def train(self, name: str = "job", **changes: Any) -> dict[str, Any]:
        return self("CreateTrainingJob", **{**training_request(name), **changes})

    def job(self, name: str = "job") -> dict[str, Any]:
        return self("DescribeTrainingJob", TrainingJobName=name)

    def host(self, config: str, *variants: tuple[str, str, float], instances: int = 1) -> str:
        """Make models and a configuration of (variant, artifact key, weight); gives the configuration's name."""
        for variant, key, _ in variants:
            self(
                "CreateModel",
                ModelName=f"{config}-{variant}",
                ExecutionRoleArn=ROLE,
                PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://b/{key}"},
            )
        self(
            "CreateEndpointConfig",
            EndpointConfigName=config,
            ProductionVariants=[
                {
                    "VariantName": variant,
                    "ModelName": f"{config}-{variant}",
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": instances,
                    "InitialVariantWeight": weight,
                }
                for variant, _, weight in variants
            ],
        )
        return config

    def endpoint(self, name: str = "ep") -> dict[str, Any]:
        """DescribeEndpoint once nothing is in progress."""
        self.control.hosting.wait(SCOPE, name, 10)
        return self("DescribeEndpoint", EndpointName=name)


def training_request(name: str = "job") -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"num_round": "5"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/data/train/"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://b/training"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def make_plane(
    folder: Path,
    fakes: Fakes | None = None,
    rows: dict[str, Rows] | None = None,
    alarms: AlarmStates | None = None,
) -> Plane:
    """A control plane whose waits take no time; rows: those of another, to see what a restart makes of them."""
    fakes = fakes or Fakes()
    rows = rows or {name: Rows() for name in TABLES}
    control = Control(
        Stores(rows),
        fakes,
        fakes,
        Images({}),
        folder=folder,
        resources=fakes,
        bus=fakes,
        clock=fakes.clock,
        durations=Durations(1e7),
        alarms=alarms,
    )
    return Plane(control, fakes, rows)


def refusal(plane: Plane, operation: str, **request: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        plane(operation, **request)
    return f"{caught.value.code}: {caught.value.message}"


def invoke(plane: Plane, name: str = "ep", body: bytes = b"1", **headers: str) -> Response:
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    runtime = Runtime(plane.control.stores, plane.control.hosting, plane.fakes)
    return runtime.answer(Request("POST", f"/endpoints/{name}/invocations", sent, body, {}), SCOPE)


def serve(plane: Plane, config: str = "c1", key: str = "one.tar.gz", instances: int = 1) -> dict[str, Any]:
    plane.host(config, ("AllTraffic", key, 1.0), instances=instances)
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName=config)
    return plane.endpoint()
