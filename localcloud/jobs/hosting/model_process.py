"""The serving program of one model: started on a Unix socket that only this user can open, called, stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.jobs.hosting.model_connections import ModelConnections, NotListeningError
from localcloud.jobs.process.program import program_environment, start_program
from training.model.inspection.limits import Limits, memory_for


class HostingError(Exception):
    """A model server could not be started; the message is the reason that SageMaker would give."""


class NotServingError(HostingError):
    """Nothing of a request was sent, for no program takes it: another one can be sent the same request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model server answered: HTTP status, headers (names in lower case), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


NAME = "http.sock"


class SocketFolder:
    """The folder of a program's socket, closed to other users; the program binds NAME in it by that bare name.

    folder: made where it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        self._lock = threading.Lock()
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        # A socket's address has 108 bytes, fewer than a path may have; through the descriptor it is always short.
        linux = sys.platform.startswith("linux")
        self.address = f"/proc/self/fd/{self._descriptor}/{NAME}" if linux else str(folder / NAME)

    def connections(self) -> ModelConnections:
        """Connections to the program."""
        return ModelConnections(self.address, _CONNECTIONS)

    def close(self) -> None:
        """Give the descriptor back. The folder stays; a second call, from another thread too, changes nothing."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_CONNECTIONS = 64
_LONGEST_LINE = 1 << 16
_MEGABYTES = 1024
"""What a server may use beside its model: bodies at work (256 MB) and their rows."""
_MEGABYTES_A_CORE = 32
"""A thread of predictions for each core, its stack and its rows."""


class ModelProcess:
    """One serving program.

    base:      the folder that stands for /opt/ml; `model` below it holds the artifact. Other users cannot enter it.
    variables: the container's own environment.
    python:    the interpreter with the image's xgboost; None for the one that runs this.
    on_line:   called with each line that the program writes, from a thread of this object's own.
    """

    def __init__(
        self, base: Path, variables: Mapping[str, str], on_line: Callable[[str], None], python: Path | None = None
    ) -> None:
        self._base = base
        self._variables = dict(variables)
        self._on_line = on_line
        self._python = python
        self._last_lines: deque[str] = deque(maxlen=20)
        self._program: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._socket: SocketFolder | None = None
        self._connections: ModelConnections | None = None
        self._stopped = False
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        return self._program.pid if self._program else None

    def start(self, seconds: float) -> None:
        """Start the program and wait until /ping answers 200; HostingError with its last lines where it does not."""
        program = self._spawn()
        if self._wait_for_ping(program, time.monotonic() + seconds):
            return
        code = program.poll()
        if code is None:
            self._end(program)
            raise HostingError(f"No answer to /ping within {seconds:g} seconds. {self._tail()}".strip())
        raise HostingError(f"The model server ended with exit code {code}. {self._tail()}".strip())

    def invoke(
        self,
        body: bytes,
        content_type: str | None,
        accept: str | None,
        headers: Mapping[str, str],
        timeout: float,
    ) -> Answer:
        """POST to /invocations; see `ModelServer.invoke`."""
        sent = dict(headers)
        if content_type is not None:
            sent["Content-Type"] = content_type
        if accept is not None:
            sent["Accept"] = accept
        return self._request("POST", "/invocations", body, sent, timeout)

    def parameters(self, timeout: float = 10.0) -> Answer:
        """GET /execution-parameters. Raises HostingError where no answer came."""
        return self._request("GET", "/execution-parameters", None, {}, timeout)

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Answer:
        connections = self._connections
        if connections is None:
            raise NotServingError("The model server is not running.")
        try:
            return Answer(*connections.request(method, path, body, headers, timeout))
        except TimeoutError:
            raise HostingError(f"The model server did not answer within {timeout:g} seconds.") from None
        except NotListeningError as error:
            raise NotServingError(f"The model server broke the connection: {error}") from None
        except OSError as error:
            raise HostingError(f"The model server broke the connection: {error}") from None

    def ended(self) -> int:
        """Wait for the program's end; its exit code."""
        assert self._program is not None
        return self._program.wait()

    def wait(self) -> int:
        """Wait for the program's end, and for its last line to be passed on; its exit code."""
        code = self.ended()
        if self._reader is not None:
            self._reader.join(5)
        return code

    def stop(self) -> None:
        """End the program: SIGTERM, then SIGKILL after 5 seconds. It is not started again."""
        with self._lock:
            self._stopped = True
            program = self._program
        if program is not None:
            self._end(program)
        if self._connections is not None:
            self._connections.close()
        if self._socket is not None:
            self._socket.close()

    def _spawn(self) -> subprocess.Popen[bytes]:
        variables = {**self._variables, "SAGEMAKER_BASE_DIR": str(self._base)}
        with self._lock:
            if self._stopped:
                raise HostingError("The model server was stopped.")
            self._socket = self._socket or SocketFolder(self._base)
            program = start_program(
                "localcloud.container.serve",
                NAME,
                environment=program_environment(variables),
                folder=self._base,
                python=self._python,
                limits=_limits(self._base / "model"),
            )
            self._program = program
            self._last_lines.clear()
            old, self._connections = self._connections, self._socket.connections()
        if old is not None:
            old.close()
        self._reader = threading.Thread(target=self._read, args=(program,), name="model-log", daemon=True)
        self._reader.start()
        return program

    def _read(self, program: subprocess.Popen[bytes]) -> None:
        assert program.stdout is not None
        with program.stdout as output:
            for raw in iter(lambda: output.readline(_LONGEST_LINE), b""):
                line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
                self._last_lines.append(line)
                self._on_line(line)
        program.wait()
        if program.stdin is not None:
            program.stdin.close()

    def _wait_for_ping(self, program: subprocess.Popen[bytes], deadline: float) -> bool:
        assert self._connections is not None
        while program.poll() is None and time.monotonic() < deadline:
            try:
                if self._connections.request("GET", "/ping", None, {}, 2)[0] == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.02)
        return False

    def _end(self, program: subprocess.Popen[bytes]) -> None:
        program.terminate()
        try:
            program.wait(5)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
        if self._reader is not None:
            self._reader.join(5)

    def _tail(self) -> str:
        program = self._program
        if self._reader is not None and program is not None and program.poll() is not None:
            self._reader.join(5)
        return "\n".join(self._last_lines)[-800:]


def _limits(folder: Path) -> Limits:
    """Bounds of a server: memory by the size of its models; it runs for months, so not processor time."""
    models = [file for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []
    return Limits(memory_for(models, more=_MEGABYTES + _MEGABYTES_A_CORE * (os.cpu_count() or 1)))
