"""InvokeEndpoint in the local cloud beside an empty TLS answer of the same server."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.cloud import ACCOUNT, ENDPOINT, REGION, World, client
from benchmarks.figure import Figure
from benchmarks.measure import tree_processor
from benchmarks.programs.empty_tls import empty_tls
from benchmarks.rounds import until_clear
from benchmarks.serving import servers
from benchmarks.serving.load import Load, alternate

_REQUESTS = 64
"""In a turn, of all threads."""
_PEER = "an empty TLS answer of the same server"
_LIMIT = 3.5
"""Of the processor time."""
_GOAL = 1.3
"""Of the time, from eight threads."""


def invoke_figures(world: World) -> list[Figure]:
    """InvokeEndpoint of one row with boto3, TLS and IAM, from one thread and from eight.

    The time of a request that is handed from process to process grows more beside other work than that of one that is
    not, so the verdict is of the processor time: the client's, the server's and the model's.
    """
    cloud = world.cloud_with_endpoint()
    with tempfile.TemporaryDirectory() as name, empty_tls(Path(name)) as empty:
        ours = cloud.environment(ACCOUNT, REGION)
        pids = {"ours": cloud.status().pid or 0, "peer": empty.pid}
        clients = {"ours": ours, "peer": {**ours, **empty.environment}}
        return [figure for threads in (1, 8) for figure in _invoked(threads, clients, pids)]


def _invoked(threads: int, clients: Mapping[str, Mapping[str, str]], pids: Mapping[str, int]) -> list[Figure]:
    name, several = f"InvokeEndpoint, {threads} thread{'s' if threads > 1 else ''}", threads > 1

    def made(rounds: Sequence[Mapping[str, Load]]) -> list[Figure]:
        times = tuple((1e3 / each["ours"].rate, 1e3 / each["peer"].rate) for each in rounds)
        found = [Figure(f"{name}: time", times, "ms", _PEER, goal=_GOAL if several else None)]
        worked = tuple((1e3 * each["ours"].processor_each, 1e3 * each["peer"].processor_each) for each in rounds)
        if min(map(min, worked)) > 0:  # else the system does not tell
            found.append(Figure(f"{name}: processor time", worked, "ms", _PEER, _LIMIT))
        return found

    with contextlib.ExitStack() as stack:
        targets = {each: Invoked(threads, clients[each], pids[each]) for each in ("ours", "peer")}
        for target in targets.values():
            stack.callback(target.close)
        return until_clear(lambda _: alternate(targets), made)


class Invoked:
    """An endpoint that so many threads of this process invoke.

    server: the process that answers, with what it started.
    """

    def __init__(self, threads: int, environment: Mapping[str, str], server: int) -> None:
        from botocore.config import Config

        self._threads, self._count, self._server = ThreadPoolExecutor(threads), threads, server
        config = Config(max_pool_connections=threads, retries={"total_max_attempts": 1})
        self._client = client("sagemaker-runtime", environment, config=config)

    def turn(self, load: Load) -> None:
        began, worked = time.perf_counter(), self._processor()
        list(self._threads.map(self._several, range(self._count)))
        load.seconds += time.perf_counter() - began
        load.processor += self._processor() - worked
        load.answers += _REQUESTS // self._count * self._count

    def _processor(self) -> float:
        return time.process_time() + tree_processor(self._server)

    def _several(self, _: int) -> None:
        for _ in range(_REQUESTS // self._count):
            answer = self._client.invoke_endpoint(EndpointName=ENDPOINT, ContentType="text/csv", Body=servers.ROW)
            answer["Body"].read()

    def close(self) -> None:
        """End its threads."""
        self._threads.shutdown()
