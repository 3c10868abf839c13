"""`kickstand traffic` beside loadtest, a load generator from npm that is open-loop too, and beside what is true.

Both send to a server whose latencies are known. loadtest counts from the moment in which it came to send; so do the
figures that have a limit. Beside other work machine and server are late: what counts from the planned instant, as
`kickstand traffic` shows it, and what is compared with the truth is a goal.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import boto3
import numpy as np

from benchmarks.cloud import REGION, World
from benchmarks.figure import Figure, Skipped
from benchmarks.measure import BIN, REPOSITORY
from benchmarks.programs.known_latency import COUNT, latencies
from benchmarks.rounds import until_clear
from benchmarks.updates.cases import Watched
from kickstand.programs import CACHE
from training.traffic.requests import Body, Invocation
from training.traffic.runs import Traffic
from training.traffic.sender import Plan

RATE = 100.0
_PERCENTILES = (50, 90, 99)
_LIMIT = 1.05
_CONNECTIONS = 256
_PATH = "/endpoints/known/invocations"
_BODY = "17,23.45,12.3"
_PEER, _TRUTH = "loadtest, from npm", "the latencies that the server has"
_LOCK = REPOSITORY / "benchmarks" / "programs" / "loadtest"
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Measured:
    """What a generator reports. rate: answers a second until the last. latencies: milliseconds, by percentile.

    planned: the same from the planned instants, of our own alone.
    """

    rate: float
    latencies: Mapping[int, float]
    planned: Mapping[int, float]


def traffic_figures(_: World) -> list[Figure | Skipped]:
    """Rate and percentiles over loadtest's, and the percentiles over the true ones, in pairs of a thousand requests.

    Both send at the same time, each to a server of its own: what disturbs the machine disturbs both.
    """
    try:
        loadtest = _installed()
    except (OSError, subprocess.SubprocessError) as error:
        return [Skipped(_PEER, f"It cannot be installed: {error}")]
    with known_server() as first, known_server() as second, ThreadPoolExecutor(1) as beside:

        def take(before: int) -> Mapping[str, Measured]:
            other = beside.submit(peer, loadtest, (second, first)[before % 2])
            return {"ours": ours((first, second)[before % 2]), "peer": other.result()}

        return [*until_clear(take, _figures)]


def _figures(rounds: Sequence[Mapping[str, Measured]]) -> list[Figure]:
    name = f"traffic, {RATE:g} requests a second"
    rates = tuple((each["ours"].rate, each["peer"].rate) for each in rounds)
    found = [Figure(f"{name}: rate", rates, "/s", _PEER, _LIMIT, either_way=True)]
    true = np.sort(latencies()) * 1000
    for percent in _PERCENTILES:
        words = f"{name}: p{percent}"
        pairs = tuple((each["ours"].latencies[percent], each["peer"].latencies[percent]) for each in rounds)
        found.append(Figure(words, pairs, "ms", _PEER, _LIMIT, either_way=True))
        known = tuple((each["ours"].latencies[percent], percentile(true, percent)) for each in rounds)
        found.append(Figure(words, known, "ms", _TRUTH, goal=_LIMIT))
    planned = tuple((each["ours"].planned[99], each["peer"].latencies[99]) for each in rounds)
    found.append(Figure(f"{name}: p99 from the planned instant", planned, "ms", _PEER, goal=_LIMIT))
    return found


def percentile(ordered: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]], percent: int) -> float:
    """The least value that more than so many percent of the values do not exceed: as loadtest has it."""
    return float(ordered[len(ordered) * percent // 100])


def ours(port: int) -> Measured:
    """A thousand requests by the library below `kickstand traffic`."""
    figures = Watched(Plan(RATE, COUNT / RATE))
    with patch.dict(os.environ, {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "NO_PROXY": "127.0.0.1"}):
        session = boto3.Session("known", "known", region_name=REGION)
        invocation = Invocation(session, "known")
    Traffic(invocation, [Body(f"{_BODY}\n".encode(), 1)], _CONNECTIONS).run(figures)
    if figures.failures or figures.sent != COUNT:
        raise SystemExit(f"error: of {COUNT} requests {figures.sent} ended: {dict(figures.errors)}")
    since_sent, planned = np.sort(figures.since_sent()) * 1000, np.sort(figures.latencies) * 1000
    by_percent = [{percent: percentile(each, percent) for percent in _PERCENTILES} for each in (since_sent, planned)]
    return Measured(figures.throughput, *by_percent)


def peer(loadtest: Path, port: int) -> Measured:
    """The same by loadtest's command line, with connections that are kept."""
    words = ["--cores", "1", "-k", "--rps", f"{RATE:g}", "-n", f"{COUNT}", "-T", "text/csv", "-P", f"{_BODY}\n"]
    command: list[str | Path] = [BIN / "node", loadtest, *words, f"http://127.0.0.1:{port}{_PATH}"]
    said = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=_SECONDS).stdout
    return read_report(said)


def read_report(said: str) -> Measured:
    """What loadtest prints. Raises SystemExit where a request failed, or the report is another."""
    counts = {name: re.search(rf"^{name}: +([0-9.]+)", said, re.MULTILINE) for name in _NAMES}
    found = {int(percent): float(ms) for percent, ms in re.findall(r"^ +(\d+)% +([0-9.]+) ms$", said, re.MULTILINE)}
    values = [float(match[1]) for match in counts.values() if match is not None]
    if len(values) != len(_NAMES) or values[:2] != [COUNT, 0] or not set(_PERCENTILES) <= set(found):
        raise SystemExit(f"error: loadtest reports: {said[-2000:]}")
    return Measured(values[0] / values[2], found, {})


_NAMES = ("Completed requests", "Total errors", "Total time")


@contextlib.contextmanager
def known_server() -> Iterator[int]:
    """The server of known latencies as a process, until the block ends; its port."""
    command: list[str | Path] = [BIN / "python", "-m", "benchmarks.programs.known_latency"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _installed() -> Path:
    """loadtest's program, installed where it is not there yet. Scripts of packages are not run."""
    lock = (_LOCK / "package-lock.json").read_bytes()
    place = CACHE / "bench" / f"loadtest-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        try:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_LOCK / name, half)
            command: list[str | Path] = [
                BIN / "npm",
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ]
            subprocess.run(command, cwd=half, check=True, capture_output=True, timeout=_SECONDS)
            half.rename(place)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    return place / "node_modules" / "loadtest" / "bin" / "loadtest.js"
