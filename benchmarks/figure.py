"""One measured figure beside its peer and its limit, and how processes are timed."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = REPOSITORY / ".venv" / "bin"


@dataclass(frozen=True, slots=True)
class Figure:
    """A median of ours and of the peer's over the same pairs of runs.

    limit: the bound of `value`. at_most: whether the limit is an upper bound. `value` is what is bound: a
    ratio, a difference or a time, in `unit`. aws: what AWS's own container code was measured at, in the same unit, on
    another machine of two cores with the load generator beside it; one figure, or the least and the greatest.
    """

    name: str
    ours: float
    peer: float | None
    value: float
    unit: str
    limit: float | None
    at_most: bool = True
    aws: tuple[float, ...] = ()

    def good(self) -> bool:
        """Whether the figure keeps its limit; true where it has none."""
        if self.limit is None:
            return True
        return self.kept() >= 1

    def kept(self) -> float:
        """How many times better than its limit the value is: 1 is just kept. Raises ValueError without a limit."""
        return self.times_better(self.value)

    def times_better(self, value: float) -> float:
        """How many times better than the limit another value of the same unit would be."""
        if self.limit is None:
            raise ValueError(f"{self.name} has no limit")
        return self.limit / max(value, 1e-9) if self.at_most else value / self.limit

    def bound(self) -> str:
        """The limit as people read it; nothing where there is none."""
        return "" if self.limit is None else f"{'≤' if self.at_most else '≥'} {self.limit:,g} {self.unit}"

    def of_aws(self) -> str:
        """AWS's own figures as people read them; nothing where none were taken."""
        return f"{' to '.join(map(number, self.aws))} {self.unit}" if self.aws else ""


def number(value: float) -> str:
    """Three significant digits, or all the whole ones, as people read them: 0.612, 14.5, 7,070."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def wall_seconds(command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str] | None = None) -> float:
    """The wall time of one whole process, its output thrown away; raises CalledProcessError where it fails."""
    variables = process_environment(environment or {})
    began = time.perf_counter()
    subprocess.run([str(word) for word in command], cwd=cwd, env=variables, check=True, capture_output=True)
    return time.perf_counter() - began


def process_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a measured process: this one's, the project's own programs first, and `more`."""
    own = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "CDK_DISABLE_CLI_TELEMETRY": "true"}
    return {**os.environ, **own, **more}


def pairs(ours: Callable[[], float], peer: Callable[[], float], *, runs: int) -> tuple[float, float, list[float]]:
    """Medians of two measurements taken in turn after a warm-up of each, and the ratio of each pair.

    In turn, because a shared machine's speed drifts: a pair sees the same weather.
    """
    ours(), peer()
    taken = [(ours(), peer()) for _ in range(runs)]
    return (
        statistics.median(a for a, _ in taken),
        statistics.median(b for _, b in taken),
        [a / b for a, b in taken],
    )


def ratio(
    name: str,
    ours: Callable[[], float],
    peer: Callable[[], float],
    *,
    limit: float,
    runs: int = 5,
    at_most: bool = True,
) -> Figure:
    """The median ratio of two measurements in seconds against a limit."""
    mine, other, ratios = pairs(ours, peer, runs=runs)
    return Figure(name, mine, other, statistics.median(ratios), "x", limit, at_most)
