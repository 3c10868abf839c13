"""What capturing takes of a request: InvokeEndpoint of two local clouds, of which one captures every request."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cloud import ACCOUNT, BUCKET, REGION, World, make_model, running_cloud, start_endpoint
from benchmarks.figure import Figure
from benchmarks.measure import tree_processor
from benchmarks.rounds import until_clear
from benchmarks.serving.invoke import Invoked
from benchmarks.serving.load import Load, alternate

_LIMIT, _GOAL = 1.15, 1.05
"""Of the processor time. Nine pairs know it to 4 % in the quiet, and to 7 % beside other work."""
_THREADS = 8
_TURNS = 24
"""Of each cloud in a round: 1,536 requests, 3 s. Of 6 turns the ratios scatter by more than the limit allows."""
_BEHIND = 1.5
"""Seconds until what was captured is written down: its processor time is in no turn of the load."""
_CAPTURE: Mapping[str, Any] = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/capture/{'ab' * 32}",
    "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
}


@dataclass(frozen=True, slots=True)
class _Round:
    """The loads of one round, and the processor seconds that server and model took for a request in all of it."""

    loads: Mapping[str, Load]
    server: Mapping[str, float]


def capture_figures(world: World) -> list[Figure]:
    """Server and model, by processor time over whole rounds, and the time of a request, without a verdict."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        plain = world.cloud_with_endpoint()
        capturing = stack.enter_context(running_cloud(Path(name) / "state"))
        make_model(capturing, capture=_CAPTURE)
        start_endpoint(capturing)
        clouds = {"ours": capturing, "peer": plain}
        pids = {each: cloud.status().pid or 0 for each, cloud in clouds.items()}
        targets = {
            each: Invoked(_THREADS, cloud.environment(ACCOUNT, REGION), pids[each]) for each, cloud in clouds.items()
        }
        for target in targets.values():
            stack.callback(target.close)

        def take(_: int) -> _Round:
            before = {each: tree_processor(pid) for each, pid in pids.items()}
            loads = alternate(targets, turns=_TURNS)
            time.sleep(_BEHIND)
            took = {each: tree_processor(pid) - before[each] for each, pid in pids.items()}
            return _Round(loads, {each: took[each] / loads[each].answers for each in took})

        return until_clear(take, _figures)


def _figures(rounds: Sequence[_Round]) -> list[Figure]:
    name, peer = f"InvokeEndpoint, {_THREADS} threads, all captured", "the same, nothing captured"
    times = tuple((1e3 / one.loads["ours"].rate, 1e3 / one.loads["peer"].rate) for one in rounds)
    found = [Figure(f"{name}: time", times, "ms", peer)]
    worked = tuple((1e3 * one.server["ours"], 1e3 * one.server["peer"]) for one in rounds)
    if min(map(min, worked)) > 0:  # else the system does not tell
        found.append(Figure(f"{name}: server's processor time", worked, "ms", peer, _LIMIT, goal=_GOAL))
    return found
