"""The servers of one model: ours, and what a user would pick instead, each from a locked environment made on demand."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import BIN, REPOSITORY
from kickstand.programs import CACHE, LockedEnvironment

if TYPE_CHECKING:
    import xgboost

COLUMNS = 12
ROW = b"17,23.45,12.3,18.22,20.1,33.3,12.98,7.77,21.01,19.9,15.55,30.02\n"
_PROGRAMS = REPOSITORY / "benchmarks" / "programs"
_SECONDS_TO_START = 300.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: its process, its port, where rows go, and how they are written."""

    pid: int
    port: int
    path: str = "/invocations"
    content_type: str = "text/csv"

    def body(self, rows: int) -> bytes:
        """A request of so many rows."""
        if self.content_type == "text/csv":
            return ROW * rows
        cells = [float(cell) for cell in ROW.split(b",")] * rows
        tensor = {"name": "rows", "shape": [rows, COLUMNS], "datatype": "FP32", "data": cells}
        return json.dumps({"inputs": [tensor]}).encode()


@functools.cache
def model_archive() -> bytes:
    """A model of 150 trees of depth 5 on 12 features, as model.tar.gz."""
    import numpy as np
    import xgboost

    draw = np.random.default_rng(11)
    features = draw.normal(20, 8, (20_000, COLUMNS)).astype(np.float32)
    matrix = xgboost.DMatrix(features, label=np.log1p(np.abs(features.sum(axis=1))))
    return packed(xgboost.train({"max_depth": 5, "eta": 0.1}, matrix, 150))


def packed(booster: xgboost.Booster) -> bytes:
    """A model as SageMaker's artifact."""
    payload = bytes(booster.save_raw("ubj"))
    artifact = io.BytesIO()
    with tarfile.open(fileobj=artifact, mode="w:gz") as archive:
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(payload)
        archive.addfile(entry, io.BytesIO(payload))
    return artifact.getvalue()


def unpack(folder: Path) -> Path:
    """The benchmark's model as the serving program finds it below `folder`; its file."""
    with tarfile.open(fileobj=io.BytesIO(model_archive())) as archive:
        archive.extractall(folder / "model", filter="data")
    return folder / "model" / "xgboost-model"


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Server]:
    """The local serving program with the model below `folder`, from its first /ping until the block ends."""
    (port,) = free_ports(1)
    variables = {"PATH": str(BIN), "SAGEMAKER_BASE_DIR": str(folder), "SAGEMAKER_BIND_TO_PORT": str(port)}
    command: list[str | Path] = [BIN / "python", "-m", "localcloud.container.serve"]
    with _running(command, REPOSITORY, variables, port, "/ping") as pid:
        yield Server(pid, port)


@contextlib.contextmanager
def fastapi(folder: Path, model: Path) -> Iterator[Server]:
    """FastAPI under uvicorn, a worker a core. Raises KickstandError where its environment cannot be made."""
    python = _python("fastapi", "FastAPI")
    (port,) = free_ports(1)
    command: list[str | Path] = [python, "-m", "uvicorn", "--app-dir", _PROGRAMS, "fastapi_app:app"]
    command += ["--port", str(port), "--workers", str(os.cpu_count()), "--no-access-log", "--log-level", "critical"]
    variables = {"PATH": str(python.parent), "MODEL": str(model), "OMP_NUM_THREADS": "1"}
    with _running(command, folder, variables, port, "/ping") as pid:
        yield Server(pid, port)


@contextlib.contextmanager
def mlserver(folder: Path, model: Path) -> Iterator[Server]:
    """MLServer with its XGBoost runtime, as it comes, in its JSON of the Open Inference Protocol.

    Raises KickstandError where its environment cannot be made.
    """
    python = _python("mlserver", "MLServer")
    home = folder / "mlserver"
    home.mkdir()
    shutil.copy(model, home / "model.ubj")
    http, grpc, metrics = free_ports(3)
    settings = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "debug": False}
    runtime = {"name": "bench", "implementation": "mlserver_xgboost.XGBoostModel", "parameters": {"uri": "./model.ubj"}}
    (home / "settings.json").write_text(json.dumps(settings), "utf-8")
    (home / "model-settings.json").write_text(json.dumps(runtime), "utf-8")
    variables = {"PATH": str(python.parent), "OMP_NUM_THREADS": "1", "HOME": str(home)}
    command: list[str | Path] = [python, "-c", "from mlserver.cli import main; main()", "start", home]
    with _running(command, home, variables, http, "/v2/models/bench/ready") as pid:
        yield Server(pid, http, "/v2/models/bench/infer", "application/json")


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _python(name: str, title: str) -> Path:
    lock = _PROGRAMS / f"{name}.lock"
    return LockedEnvironment(lock, CACHE / "bench", f"The environment of {title}").make()


@contextlib.contextmanager
def _running(
    command: list[str | Path], cwd: Path, variables: Mapping[str, str], port: int, ready: str
) -> Iterator[int]:
    """A server as a process group of its own, from its first 200 until the block ends; its pid."""
    words = [str(word) for word in command]
    program = subprocess.Popen(
        words, cwd=cwd, env=dict(variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + _SECONDS_TO_START
        while not _answers(port, ready):
            if program.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"error: {words[0]} did not start; it ended with {program.poll()}.")
            time.sleep(0.005)
        yield program.pid
    finally:
        program.terminate()
        try:
            program.wait(15)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _answers(port: int, path: str) -> bool:
    """Whether GET answers 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
