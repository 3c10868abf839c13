"""What a user waits for at a terminal: `kickstand --help`, reviews, the demo from a cold clone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.cloud import World
from benchmarks.figure import Figure
from benchmarks.measure import BIN, CDK, REPOSITORY, Use, run, tree_processor
from benchmarks.rounds import in_turn, until_clear
from benchmarks.synthesis import empty_app, timed_figures
from localcloud.cloud import LocalCloud

ENVIRONMENTS = ("dev", "staging", "prod")
_REVIEW, _REVIEW_MEMORY = 4, 3
"""Limits of processor time and of memory."""
DEMO_GOAL = 45
"""Seconds on two quiet cores, from a cold clone to the first prediction."""


def help_figures(_: World) -> list[Figure]:
    """`kickstand --help` beside the CDK command line's own."""
    ours: list[str | Path] = [BIN / "kickstand", "--help"]
    commands: Mapping[str, Callable[[], Use]] = {"ours": lambda: run(ours), "peer": lambda: run([*CDK, "--help"])}
    return in_turn(commands, lambda rounds: timed_figures("kickstand --help", _pairs(rounds), "cdk --help", 0.5))


def _pairs(rounds: Sequence[Mapping[str, Use]]) -> list[tuple[Use, Use]]:
    return [(each["ours"], each["peer"]) for each in rounds]


def review_figures(world: World) -> list[Figure]:
    """Reviews of each environment in turn, before any is deployed, each beside a synthesis. The memory is the most that
    one process holds."""
    cloud = world.cloud()
    local, pid = {"KICKSTAND_LOCAL_STATE": str(cloud.folder.root)}, cloud.status().pid or 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def take(before: int) -> Mapping[str, Use]:
            environment = ENVIRONMENTS[before % len(ENVIRONMENTS)]
            command: list[str | Path] = [BIN / "kickstand", "--local", "review", environment, "-o", folder / "review"]
            synthesis = run([*CDK, "synth", "-q", "--output", folder / "synthesis"])
            return {"ours": run(command, environment=local, server=pid), "peer": synthesis}

        def figures(rounds: Sequence[Mapping[str, Use]]) -> list[Figure]:
            held = tuple((each["ours"].mebibytes, each["peer"].mebibytes) for each in rounds)
            return [
                *timed_figures("review of an environment", _pairs(rounds), "synthesis of the whole app", _REVIEW),
                Figure("review of an environment: memory", held, "MiB", "synthesis of the whole app", _REVIEW_MEMORY),
            ]

        return until_clear(take, figures)


def demo_figures(_: World) -> list[Figure]:
    """The demo from a cold clone to its first prediction, set-up included, beside syntheses of one empty stack.

    One demo, which takes a minute, and five syntheses, before and after it, after one that does not count. What set-up
    downloads comes from the caches of uv and npm where they have it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = empty_app(folder)
        peers = [run(empty, cwd=folder) for _ in range(3)][1:]
        steps, processor = _demo(folder)
        peers += [run(empty, cwd=folder) for _ in range(3)]
    of = "synthesis of one empty stack"

    def waited(name: str, seconds: float, goal: float | None = None) -> Figure:
        pairs = tuple((seconds, peer.seconds) for peer in peers)
        return Figure(f"demo: {name}", pairs, "s", of, goal=goal, goal_of_ours=True)

    whole = "from a cold clone to predictions"
    worked = tuple((processor, peer.processor) for peer in peers)
    return [
        *(waited(step, seconds) for step, seconds in steps.items()),
        waited(f"{whole}, time", sum(steps.values()), DEMO_GOAL),
        Figure(f"demo: {whole}, processor time", worked, "s", of, 20),
    ]


def _demo(folder: Path) -> tuple[dict[str, float], float]:
    """Seconds of set-up and of every step of the demo in a clone of the last commit; processor seconds of all."""
    clone, times, state = folder / "clone", folder / "times.json", folder / "state"
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != str(BIN)]
    machine = {"PATH": os.pathsep.join(path), "PYTHONPATH": ""}
    cloned = run(["git", "clone", "-q", REPOSITORY, clone], environment=machine)
    ready = run(["make", "setup"], cwd=clone, environment=machine)
    own = clone / ".venv" / "bin"
    machine = {**machine, "PATH": os.pathsep.join([str(own), *path]), "KICKSTAND_LOCAL_STATE": str(state)}
    cloud = LocalCloud(state)
    try:
        done = run([own / "kickstand", "demo", "--times", times], cwd=clone, environment=machine)
        served = tree_processor(cloud.status().pid or 0)
    finally:
        cloud.stop()
    steps: dict[str, float] = json.loads(times.read_text("utf-8"))
    processor = cloned.processor + ready.processor + done.processor + served
    return {"clone and set-up": cloned.seconds + ready.seconds, **steps}, processor
