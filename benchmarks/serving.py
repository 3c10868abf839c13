"""The serving program and InvokeEndpoint: rates and latencies, beside what bounds them in the same run.

Beside each rate stands what bounds it: an empty answer of the same server over as many connections, and the same rows
predicted by xgboost in a process with no HTTP at all. Beside InvokeEndpoint through boto3, with TLS and IAM on, stand
the model's own /invocations and boto3 against an empty TLS answer.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median

from benchmarks.empty_tls import empty_tls
from benchmarks.figure import BIN, REPOSITORY, Figure
from benchmarks.http_load import Load, load
from benchmarks.invoke_load import ROW, invoke_load
from benchmarks.predict import endpoint, model_archive

SECONDS = 3.0
RUNS = 5
START_RUNS = 5
REQUESTS = 800


@dataclass(frozen=True, slots=True)
class Work:
    """One row of the table, with its limits: answers a second at least, p50 or p99 in milliseconds at most.

    aws: what AWS's container code was measured at: answers a second, and milliseconds of the latency that is limited.
    """

    rows: int
    connections: int
    rate: float
    p50: float | None = None
    p99: float | None = None
    aws: float = 0.0
    aws_latency: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.rows:,}-row CSV, {self.connections} connection{'s' if self.connections > 1 else ''}"


TABLE = (
    Work(1, 8, 5000, p99=5, aws=920, aws_latency=(12, 16)),
    Work(1, 1, 2000, p50=0.6, aws=400, aws_latency=(2.5,)),
    Work(1, 32, 5000, p99=20, aws=634, aws_latency=(42, 149)),
    Work(1000, 8, 300, aws=81),
)

_IN_PROCESS = """
import json, sys, time
import numpy, xgboost
booster = xgboost.Booster(model_file=sys.argv[1])
booster.set_param({"nthread": 1})
rows = numpy.loadtxt(sys.argv[2], delimiter=",", dtype=numpy.float32, ndmin=2)
for _ in range(20):
    booster.inplace_predict(rows)
count, began = 0, time.perf_counter()
while time.perf_counter() - began < float(sys.argv[3]):
    booster.inplace_predict(rows)
    count += 1
print(count / (time.perf_counter() - began))
"""


def run() -> list[Figure]:
    """All rows of the table that concern hosting."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = unpack(folder)
        figures = [start_figure(folder)]
        with serving(folder) as port:
            for work in TABLE:
                figures += serving_figures(work, port, folder, model)
        return figures + invoke_figures(folder)


def unpack(folder: Path) -> Path:
    """The benchmark's model as the serving program finds it; its file."""
    with tarfile.open(fileobj=BytesIO(model_archive())) as archive:
        archive.extractall(folder / "model", filter="data")
    return folder / "model" / "xgboost-model"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The serving program, from its start to its first /ping and until the block ends; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    variables = {"PATH": str(BIN), "SAGEMAKER_BASE_DIR": str(folder), "SAGEMAKER_BIND_TO_PORT": str(port)}
    command = [str(BIN / "python"), "-m", "localcloud.container.serve"]
    program = subprocess.Popen(command, cwd=REPOSITORY, env=variables, stderr=subprocess.DEVNULL)
    try:
        while not pinged(port):
            if program.poll() is not None:
                raise SystemExit(f"error: the serving program ended with {program.returncode}.")
            time.sleep(0.005)
        yield port
    finally:
        program.terminate()
        program.wait()


def pinged(port: int) -> bool:
    """Whether /ping answers 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def start_figure(folder: Path) -> Figure:
    """Seconds from starting the program to its first /ping; the peer is importing xgboost."""
    ours, peer = [], []
    for _ in range(START_RUNS):
        began = time.perf_counter()
        with serving(folder):
            ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        subprocess.run([str(BIN / "python"), "-c", "import xgboost"], check=True)
        peer.append(time.perf_counter() - began)
    seconds = median(ours)
    return Figure("start to first /ping; peer: import xgboost", seconds, median(peer), seconds, "s", 1.5, aws=(3.9,))


def serving_figures(work: Work, port: int, folder: Path, model: Path) -> list[Figure]:
    """A row's rate and latency with their limits, and its rate beside the two bounds."""
    body = folder / f"{work.rows}.csv"
    body.write_bytes(ROW * work.rows)
    ours: list[Load] = []
    empty, bare = [], []
    for _ in range(RUNS):
        ours.append(load(port, work.connections, SECONDS, "/invocations", body))
        empty.append(load(port, work.connections, SECONDS, "/ping").rate)
        command = [sys.executable, "-c", _IN_PROCESS, str(model), str(body), str(SECONDS)]
        bare.append(float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)))
    rate = median(each.rate for each in ours)
    name = str(work)
    figures = [Figure(f"{name}, a second", rate, None, rate, "/s", work.rate, at_most=False, aws=(work.aws,))]
    for limit, value, label in ((work.p50, "p50", "p50"), (work.p99, "p99", "p99")):
        found = median(getattr(each, value) for each in ours)
        aws = work.aws_latency if limit else ()
        figures.append(Figure(f"{name}, {label}", found, None, found, "ms", limit, aws=aws))
    for peer, label in ((empty, "empty answers of the same server"), (bare, "xgboost's inplace_predict, no HTTP")):
        ratio = median(each.rate / other for each, other in zip(ours, peer, strict=True))
        figures.append(Figure(f"{name}, of {label}", rate, median(peer), ratio, "x", None))
    return figures


def invoke_figures(folder: Path) -> list[Figure]:
    """InvokeEndpoint of one row: one thread over /invocations, eight threads over an empty TLS answer."""
    body = folder / "1.csv"
    body.write_bytes(ROW)
    (folder / "cloud").mkdir()
    (folder / "empty").mkdir()
    with endpoint(folder / "cloud") as client, empty_tls(folder / "empty") as elsewhere, serving(folder) as port:
        alone = [
            (invoke_load(1, REQUESTS, client)[1], load(port, 1, 1.0, "/invocations", body).p50) for _ in range(RUNS)
        ]
        eight: list[tuple[float, float]] = []
        for _ in range(RUNS):
            ours, peer = (invoke_load(8, REQUESTS, where)[0] for where in (client, {**client, **elsewhere}))
            eight.append((1e3 / ours, 1e3 / peer))
    over = median(ours - direct for ours, direct in alone)
    return [
        Figure(
            "InvokeEndpoint, boto3, TLS, IAM, 1 thread: p50 in ms, over /invocations",
            median(ours for ours, _ in alone),
            median(direct for _, direct in alone),
            over,
            "ms",
            3.0,
        ),
        Figure(
            "InvokeEndpoint, 8 threads: ms a request, over an empty TLS answer",
            median(ours for ours, _ in eight),
            median(peer for _, peer in eight),
            median(ours / peer for ours, peer in eight),
            "x",
            1.7,
        ),
    ]
