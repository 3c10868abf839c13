"""One model container behind an endpoint: its artifact fetched, its program started, watched, replaced, invoked."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from kickstand.errors import InputError
from localcloud.jobs.hosting.model_process import Answer, HostingError, NotServingError
from localcloud.jobs.process.program import ForeignVariablesError, require_own_variables
from localcloud.jobs.s3 import S3Location, reason_of, s3_client
from training.model.inspection.archive import extract_model

if TYPE_CHECKING:
    from localcloud.jobs.hosting.model_process import ModelProcess


_LAST_LINE = "[INFO] Handling signal: term"
"""What gunicorn, which serves in AWS's image, prints when its container is stopped."""
_LATE_SECONDS = 3.0
"""How long after its end SageMaker's log agent sends the last lines, here."""

Environment = Mapping[str, str] | Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ModelContainer:
    """The container of a CreateModel request: image (checked by the control plane), artifact, environment."""

    image: str
    model_data_url: str
    environment: Mapping[str, str] = field(default_factory=dict)


class ModelServer:
    """A hosted model: one process that serves HTTP on a Unix socket that only its owner can open.

    container:       image, artifact and environment.
    variant:         the production variant's name, for messages.
    folder:          an empty or absent folder for this server alone.
    environment:     AWS_* with the execution role's temporary credentials, or a function that gives them anew: logs
                     are written for as long as the server lives, longer than credentials do.
    log_group, log_stream: where the program's output goes: `/aws/sagemaker/Endpoints/NAME`, `VARIANT/INSTANCE`.
    startup_seconds: how long the program may take until /ping answers 200 (SageMaker's own default is minutes).

    All methods may be called from any thread. The program dies with this process.
    """

    def __init__(
        self,
        container: ModelContainer,
        *,
        variant: str,
        folder: Path,
        environment: Environment,
        log_group: str,
        log_stream: str,
        startup_seconds: float = 120.0,
    ) -> None:
        self._container = container
        self._variant = variant
        self._folder = folder
        self._environment = environment if callable(environment) else lambda: environment
        self._log_group = log_group
        self._log_stream = log_stream
        self._startup_seconds = startup_seconds
        self._process: ModelProcess | None = None
        self._ready = False
        self._stopped = threading.Event()
        self._guardian: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The program's process id, for status displays."""
        return self._process.pid if self._process else None

    @property
    def ready(self) -> bool:
        """Whether the program answered its health check and has not died since."""
        return self._ready

    def start(self) -> None:
        """Fetch the model, start the program and wait for its first /ping; raises HostingError with the reason."""
        from localcloud.jobs.events import JobFailure
        from localcloud.jobs.hosting.model_process import ModelProcess
        from localcloud.jobs.logs import LogStream
        from localcloud.jobs.process.program import program_python

        try:
            require_own_variables(self._container.environment)
        except ForeignVariablesError as error:  # a model of a state that is older than this rule
            raise HostingError(str(error)) from None
        base = self._folder / "opt" / "ml"
        fetch_model(self._container.model_data_url, base / "model", self._environment())
        self._log = LogStream(self._log_group, self._log_stream, self._environment)
        try:
            python = program_python(self._container.image)
        except JobFailure as failure:
            self._log.close()
            raise HostingError(failure.reason) from None
        process = ModelProcess(base, self._container.environment, self._log.write, python)
        try:
            process.start(self._startup_seconds)
        except HostingError as error:
            self._log.close()
            raise HostingError(
                f"The primary container for production variant {self._variant} did not pass the ping health check. "
                f"Please check CloudWatch logs for this endpoint. {error}"
            ) from None
        self._process, self._ready = process, True
        self._guardian = threading.Thread(target=self._guard, name=f"model-{self._variant}", daemon=True)
        self._guardian.start()

    def invoke(
        self,
        body: bytes,
        content_type: str | None = None,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Answer:
        """POST `body` to /invocations and give the program's own answer, whatever its status.

        headers: further request headers (`X-Amzn-SageMaker-Custom-Attributes` and the like).
        timeout: seconds; InvokeEndpoint's own limit is 60.
        Raises NotServingError where nothing was sent, as the program is being replaced; any other HostingError where
        no answer came: the program died at it, or took too long.
        """
        return self._running().invoke(body, content_type, accept, headers or {}, timeout)

    def parameters(self) -> Answer:
        """What the program answers to GET /execution-parameters. Raises HostingError as `invoke` does."""
        return self._running().parameters()

    def _running(self) -> ModelProcess:
        process = self._process
        if process is None or self._stopped.is_set():
            raise NotServingError(f"The container for production variant {self._variant} is not running.")
        return process

    def stop(self) -> None:
        """Stop the program (SIGTERM, then SIGKILL after 5 seconds); the last of its log follows a little later."""
        self._stopped.set()
        self._ready = False
        process = self._process
        if process is not None:
            process.stop()
        if self._guardian is not None:
            self._guardian.join(10)
        if process is not None:
            self._log.close_late(_LAST_LINE, _LATE_SECONDS)
        self._process = None

    def _guard(self) -> None:
        """Replace the program when it dies, as SageMaker replaces a container; wait longer after every failure."""
        delay = 0.5
        while not self._stopped.is_set():
            process = self._process
            assert process is not None
            started = time.monotonic()
            code = process.ended()
            self._ready = False
            process.wait()
            if self._stopped.is_set():
                return
            if time.monotonic() - started > 60:
                delay = 0.5
            self._log.write(f"The model server ended with exit code {code}; it is started again in {delay:g} s.")
            if self._stopped.wait(delay):
                return
            delay = min(delay * 2, 30.0)
            try:
                process.start(self._startup_seconds)
                self._ready = not self._stopped.is_set()
            except HostingError as error:
                self._log.write(f"The model server could not be started again: {error}")
            if self._stopped.is_set():
                process.stop()


def fetch_model(model_data_url: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Download model.tar.gz with the role's credentials and unpack it safely into `folder`, emptied first.

    Raises HostingError in SageMaker's words for an artifact that is not there or may not be read, and with every unsafe
    member for one that must not be unpacked.
    """
    try:
        source = S3Location.parse(model_data_url)
    except ValueError as error:
        raise HostingError(f"Failed to download model data: {error}") from None
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryFile(dir=folder.parent) as archive:
        try:
            answer = s3_client(environment).get_object(Bucket=source.bucket, Key=source.key)
            shutil.copyfileobj(answer["Body"], archive, 1 << 20)
        except (ClientError, BotoCoreError) as error:
            raise HostingError(
                f"Failed to download model data for container from URL: {source.uri}. Please ensure that there is an "
                f"object located at the URL and that the role passed to CreateModel has permissions to download the "
                f"object. {reason_of(error)}"
            ) from None
        archive.seek(0)
        try:
            extract_model(archive, folder)
        except InputError as error:
            problems = " ".join(problem.message for problem in error.problems)
            raise HostingError(f"Failed to extract model data archive from URL {source.uri}. {problems}") from None
        except OSError as error:
            raise HostingError(f"Failed to extract model data archive from URL {source.uri}. {error}") from None
