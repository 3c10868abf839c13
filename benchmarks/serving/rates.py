"""The serving program: its rate beside an empty answer, in-process prediction, and what a user would pick instead.

All servers run at once and idle; one is under load at a time, in turn. AWS's own figures are notes: measured on
2026-11-22 with AWS's published container code on another machine of two cores.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cloud import World
from benchmarks.figure import Figure, Skipped
from benchmarks.measure import BIN
from benchmarks.rounds import in_turn, until_clear
from benchmarks.serving import servers
from benchmarks.serving.load import HttpTarget, InProcess, Load, alternate
from kickstand.errors import KickstandError

AWS_DATE = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Work:
    """One load, and the least ratios of our rate to each peer's.

    latency: the greatest ratios of our p50 or p99 to those of empty answers; None: shown without a verdict.
    of_a_core: peers whose limits are of the answers in a second of the server's processor. One connection alone waits
        most of its time until the machine wakes the one whose turn it is; and with an empty answer of the same server
        the processor is what is compared. Beside other work the rates of both scatter more than the limits allow. With
        large bodies FastAPI's processes, one a core, keep all cores at work, so that its rate falls with each other
        program that wants them, and the rate of our one process does not.
    goals:   of the rates, by peer.
    aws:     what AWS's container code was measured at.
    """

    rows: int
    connections: int
    limits: Mapping[str, float]
    latency: Mapping[str, float | None]
    goals: Mapping[str, float]
    aws: str
    of_a_core: tuple[str, ...] = ("empty",)

    def __str__(self) -> str:
        return f"{self.rows:,}-row CSV, {self.connections} connection{'s' if self.connections > 1 else ''}"


TABLE = (
    Work(1, 8, {"empty": 0.2, "fastapi": 1.5, "mlserver": 4}, {"p99": 12}, {"empty": 0.6}, "920/s, p99 12 to 16 ms"),
    Work(
        1,
        1,
        {"empty": 0.12, "fastapi": 0.8, "mlserver": 2},
        {"p50": None},
        {},
        "400/s, p50 2.5 ms",
        ("empty", "fastapi", "mlserver"),
    ),
    Work(1, 32, {"empty": 0.2, "fastapi": 1.5, "mlserver": 4}, {"p99": 12}, {}, "634/s, p99 42 to 149 ms"),
    Work(
        1000,
        8,
        {"in_process": 0.5, "fastapi": 0.7, "mlserver": 1},
        {},
        {"in_process": 0.9},
        "81/s",
        ("fastapi",),
    ),
)
_PEERS = {
    "empty": "empty answers of the same server",
    "in_process": "inplace_predict in a thread, no CSV, no HTTP",
    "fastapi": "FastAPI with inplace_predict",
    "mlserver": "MLServer's XGBoost runtime",
}
_ALTERNATIVES = {"fastapi": servers.fastapi, "mlserver": servers.mlserver}


def serving_figures(_: World) -> list[Figure | Skipped]:
    """All rows of the table, and the start of the program. A peer whose environment cannot be made is skipped."""
    found: list[Figure | Skipped] = []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        model = servers.unpack(folder)
        found += start_figures(folder)
        running = {"ours": stack.enter_context(servers.ours(folder))}
        for peer, server in _ALTERNATIVES.items():
            try:
                running[peer] = stack.enter_context(server(folder, model))
            except KickstandError as error:
                found.append(Skipped(_PEERS[peer], error.problems[0].message))
        for work in TABLE:
            found += rates(work, running, folder, model)
    return found


def start_figures(folder: Path) -> list[Figure]:
    """From starting the program to its first /ping, against importing xgboost."""

    def ours() -> float:
        began = time.perf_counter()
        with servers.ours(folder):
            return time.perf_counter() - began

    def peer() -> float:
        began = time.perf_counter()
        subprocess.run([BIN / "python", "-c", "import xgboost"], check=True)
        return time.perf_counter() - began

    def made(rounds: Sequence[Mapping[str, float]]) -> list[Figure]:
        pairs = tuple((each["ours"], each["peer"]) for each in rounds)
        note = f"AWS: 3.9 s ({AWS_DATE})"
        return [Figure("serving: start to first /ping", pairs, "s", "import xgboost", 1.2, note=note)]

    return in_turn({"ours": ours, "peer": peer}, made)


def rates(work: Work, running: Mapping[str, servers.Server], folder: Path, model: Path) -> list[Figure]:
    """The rates of one row of the table over those of its peers that run, and the latencies over an empty answer's."""
    body = folder / f"{work.rows}.csv"
    body.write_bytes(servers.ROW * work.rows)
    with contextlib.ExitStack() as stack:
        targets: dict[str, HttpTarget | InProcess] = {
            name: HttpTarget(server, server.path, work.connections, server.body(work.rows))
            for name, server in running.items()
        }
        if "empty" in work.limits:
            targets["empty"] = HttpTarget(running["ours"], "/ping", work.connections)
        if "in_process" in work.limits:
            targets["in_process"] = InProcess(model, body, os.cpu_count() or 1)
        for target in targets.values():
            stack.callback(target.close)
        peers = [name for name in work.limits if name in targets]
        return until_clear(lambda _: alternate(targets), lambda rounds: _rates(work, peers, rounds))


def _rates(work: Work, peers: Sequence[str], rounds: Sequence[Mapping[str, Load]]) -> list[Figure]:
    note = f"AWS, {work}: {work.aws} ({AWS_DATE})"
    found = []
    for peer in peers:
        pairs = tuple((each["ours"].rate, each[peer].rate) for each in rounds)
        limit, goal = work.limits[peer], work.goals.get(peer)
        shown = None if peer in work.of_a_core else limit
        found.append(Figure(f"{work}", pairs, "/s", _PEERS[peer], shown, at_most=False, goal=goal, note=note))
        if peer in work.of_a_core:
            cores = tuple((each["ours"].rate_of_a_core, each[peer].rate_of_a_core) for each in rounds)
            if min(map(min, cores)) > 0:  # else the system does not tell
                found.append(Figure(f"{work}, of a core", cores, "/s", _PEERS[peer], limit, at_most=False, note=note))
    for value, most in work.latency.items():
        pairs = tuple((getattr(each["ours"], value), getattr(each["empty"], value)) for each in rounds)
        found.append(Figure(f"{work}, {value}", pairs, "ms", _PEERS["empty"], most, note=note))
    return found
