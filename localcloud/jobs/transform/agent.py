"""`python -m localcloud.jobs.transform.agent`: plays SageMaker around the container of one transform job.

It works in its model's execution role, which reads the artifact and the input and writes the output, as on AWS.
"""

from __future__ import annotations

import secrets
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.jobs.agent import JobAgent, main
from localcloud.jobs.events import JobFailure, JobStopped, Outcome
from localcloud.jobs.hosting.model_process import Answer, HostingError
from localcloud.jobs.hosting.model_server import ModelContainer, ModelServer
from localcloud.jobs.logs import TRANSFORM_LOG_GROUP, DataLog
from localcloud.jobs.s3 import s3_client, upload_result
from localcloud.jobs.transform.files import NOT_GZIP, InputFile, input_files, opened
from localcloud.jobs.transform.records import DataProcessing
from localcloud.jobs.transform.transform_file import (
    BadFile,
    TransformSettings,
    container_variables,
    execution_parameters,
    transform_file,
    transform_settings,
)

_NO_PING = (
    "AlgorithmError: Model container failed to respond to ping; Please ensure /ping endpoint is implemented and "
    "responds with an HTTP 200 status code"
)
_SEE_LOGS = "See job logs for more information"


class TransformAgent(JobAgent):
    """One transform job."""

    def __init__(self, order: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        super().__init__(order, environment)
        self._model: Mapping[str, Any] = order["model"]
        self._stopped = threading.Event()
        instance = f"i-{secrets.token_hex(9)[:17]}"
        self._stream = f"{self._request['TransformJobName']}/{instance}-{int(time.time())}"

    def stop(self, final_status: str) -> None:
        """End the job soon; nothing of its output is stored then (API reference, StopTransformJob)."""
        self._stopped.set()

    def _steps(self) -> tuple[Outcome, dict[str, Any]]:
        request, s3 = self._request, s3_client(self._environment)
        files = input_files(s3, request, region=self._region, role=self._model["role"])
        server = self._start()
        log = DataLog(self._stream, lambda: self._environment)
        try:
            settings = transform_settings(request, _parameters(server))
            log.write(settings.line())
            self._status("Transforming")
            sides = [self._transform(number, file, server, settings, log) for number, file in enumerate(files)]
            # All at the end: what was stopped must leave no output, and a model's role may delete nothing.
            for number, file in enumerate(files):
                if not sides[number]:
                    self._check_stopped()
                    upload_result(s3, request["TransformOutput"], self._output(number), file.output)
        finally:
            server.stop()
            log.close()
        failed = [side for side in sides if side]
        if failed:
            raise JobFailure(f"{failed[0]}: {_SEE_LOGS}")
        return "Completed", {}

    def _start(self) -> ModelServer:
        """The container's server, started from the artifact as an endpoint's is."""
        self._check_stopped()
        server = ModelServer(
            ModelContainer(
                self._model["image"],
                self._model["url"],
                container_variables(self._model["variables"], self._request),
            ),
            variant="AllTraffic",
            folder=self._folder / "server",
            environment=self._environment,
            log_group=TRANSFORM_LOG_GROUP,
            log_stream=self._stream,
        )
        try:
            server.start()
        except HostingError as error:
            traceback.print_exc()
            reason = str(error)
            raise JobFailure(f"ClientError: {reason}" if reason.startswith("Failed to ") else _NO_PING) from None
        return server

    def _transform(
        self, number: int, file: InputFile, server: ModelServer, settings: TransformSettings, log: DataLog
    ) -> str:
        """Transform one file to `_output(number)`; whose fault it is where that fails, else empty."""
        kind, accept = (
            self._request["TransformInput"].get("ContentType"),
            self._request["TransformOutput"].get("Accept"),
        )
        compression = self._request["TransformInput"].get("CompressionType", "None")

        def invoke(body: bytes) -> Answer:
            return server.invoke(body, kind, accept, timeout=settings.timeout)

        target = self._output(number)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                opened(
                    s3_client(self._environment), file, compression, self._folder / "input" / str(number)
                ) as content,
                target.open("wb") as out,
            ):
                processing = DataProcessing.of(self._request)
                transform_file(content, out, invoke, settings, processing, stopped=self._stopped.is_set)
        except NOT_GZIP as error:
            bad = BadFile("ClientError", f"Unable to decompress the object as Gzip: {error}")
        except BadFile as found:
            bad = found
        else:
            return ""
        self._check_stopped()
        for line in bad.lines:
            log.write(f"{file.label}: {line}")
        return bad.side

    def _output(self, number: int) -> Path:
        return self._folder / "output" / str(number)

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise JobStopped


def _parameters(server: ModelServer) -> Mapping[str, Any]:
    """What the container asks for; it need not have an opinion."""
    try:
        answer = server.parameters()
    except HostingError:
        return {}
    return execution_parameters(answer.status, answer.body)


if __name__ == "__main__":
    main(TransformAgent)
