"""How long a user waits for `kickstand --help`."""

from __future__ import annotations

from benchmarks.figure import BIN, REPOSITORY, Figure, pairs, wall_seconds


def run() -> list[Figure]:
    """`kickstand --help` over `python -c pass`; limit 0.45 s more."""
    mine, other, _ = pairs(
        lambda: wall_seconds([BIN / "kickstand", "--help"], cwd=REPOSITORY),
        lambda: wall_seconds([BIN / "python", "-c", "pass"], cwd=REPOSITORY),
        runs=9,
    )
    return [Figure("kickstand --help, over python -c pass", mine, other, mine - other, "s", 0.45)]
