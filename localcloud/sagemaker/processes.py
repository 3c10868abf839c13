"""The processes behind the control plane, as it needs them, and the real ones of `localcloud.jobs`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from localcloud.jobs.hosting.model_server import ModelContainer, ModelServer
from localcloud.jobs.runs import TrainingRun, TransformModel, TransformRun


class Event(Protocol):
    """What a training run reports: see `localcloud.jobs.events.JobEvent`."""

    @property
    def time(self) -> float: ...
    @property
    def kind(self) -> str: ...
    @property
    def secondary_status(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def metric(self) -> tuple[str, float] | None: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def failure_reason(self) -> str: ...
    @property
    def artifact(self) -> str: ...
    @property
    def training_seconds(self) -> int: ...


class Run(Protocol):
    """A training job's processes."""

    def start(self) -> None: ...
    def stop(self, *, final_status: str = "Stopped") -> None: ...
    def interrupt(self) -> None: ...
    def terminate(self) -> None: ...


class Answer(Protocol):
    """A model server's answer; header names are in lower case."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Server(Protocol):
    """A model server's process. `start` and `invoke` raise an exception whose text is the reason."""

    def start(self) -> None: ...
    def invoke(
        self,
        body: bytes,
        content_type: str | None = None,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Answer: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ServerOrder:
    """What a model server is started from."""

    image: str
    model_data_url: str
    variables: Mapping[str, str]
    variant: str
    folder: Path
    environment: Callable[[], Mapping[str, str]]
    log_group: str
    log_stream: str
    startup_seconds: float


@dataclass(frozen=True, slots=True)
class TransformOrder:
    """What a transform job is started from: the CreateTransformJob request and its model, as that was then.

    environment: AWS_* in the name of `role`, the model's execution role.
    """

    request: Mapping[str, Any]
    image: str
    model_data_url: str
    variables: Mapping[str, str]
    role: str
    folder: Path
    environment: Mapping[str, str]


class Processes(Protocol):
    """Starts nothing itself: gives runs and servers that can be started."""

    def training(
        self,
        request: Mapping[str, Any],
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[Event], None],
    ) -> Run: ...
    def hosting(self, order: ServerOrder) -> Server: ...
    def transform(self, order: TransformOrder, on_event: Callable[[Event], None]) -> Run: ...


class Programs:
    """Gives runs and servers that work as processes of their own."""

    def training(
        self,
        request: Mapping[str, Any],
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[Event], None],
    ) -> Run:
        return TrainingRun(request, folder=folder, environment=environment, on_event=on_event)

    def hosting(self, order: ServerOrder) -> Server:
        return ModelServer(
            ModelContainer(order.image, order.model_data_url, order.variables),
            variant=order.variant,
            folder=order.folder,
            environment=order.environment,
            log_group=order.log_group,
            log_stream=order.log_stream,
            startup_seconds=order.startup_seconds,
        )

    def transform(self, order: TransformOrder, on_event: Callable[[Event], None]) -> Run:
        return TransformRun(
            order.request,
            TransformModel(order.image, order.model_data_url, order.variables, order.role),
            folder=order.folder,
            environment=order.environment,
            on_event=on_event,
        )
