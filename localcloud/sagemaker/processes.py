"""The processes behind the control plane, as it needs them, and the real ones of `localcloud.jobs`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from localcloud.container.contract import ACCEPTED_FAULTS
from localcloud.jobs.events import JobEvent
from localcloud.jobs.hosting.model_server import ModelContainer, ModelServer
from localcloud.jobs.runs import JobRun


class Run(Protocol):
    """A job's processes."""

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
    """A model server's process. `start` and `invoke` raise an exception whose text is the reason.

    `invoke` raises NotServingError where nothing was sent. `ready`: it can be invoked; no longer so once the process
    has died, and so again when it was started anew.
    """

    @property
    def ready(self) -> bool: ...
    @property
    def pid(self) -> int | None: ...
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

    @property
    def instance(self) -> str:
        """The instance's id."""
        return self.log_stream.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What a job is started from.

    request:         of its creation.
    role:            whose credentials it works with, for `session_seconds`.
    model:           that of a transform job, as it was then (`image`, `url`, `variables`, `role`): it may be deleted.
    """

    request: Mapping[str, Any]
    role: str
    session_seconds: int
    model: Mapping[str, Any] = field(default_factory=dict)


class Processes(Protocol):
    """Starts nothing itself: gives runs and servers that can be started."""

    def job(
        self,
        agent: str,
        order: JobOrder,
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[JobEvent], None],
    ) -> Run: ...
    def hosting(self, order: ServerOrder) -> Server: ...


class Programs:
    """Gives runs and servers that work as processes of their own.

    faults_accepted_for: of a training job's name, the known faults of AWS's image that its project accepts. AWS's image
                         knows no such thing, so no request to AWS has them; the program that trains here gets them
                         where the request's own Environment does not say otherwise.
    """

    def __init__(self, faults_accepted_for: Callable[[str], Mapping[str, str]] = lambda job: {}) -> None:
        self._faults_accepted_for = faults_accepted_for

    def job(
        self,
        agent: str,
        order: JobOrder,
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[JobEvent], None],
    ) -> Run:
        request = self._with_faults(order.request) if "TrainingJobName" in order.request else order.request
        return JobRun(agent, request, model=order.model, folder=folder, environment=environment, on_event=on_event)

    def _with_faults(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        accepted = self._faults_accepted_for(request["TrainingJobName"])
        if not accepted:
            return request
        own = {ACCEPTED_FAULTS: json.dumps(dict(accepted), sort_keys=True)}
        return {**request, "Environment": {**own, **(request.get("Environment") or {})}}

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
