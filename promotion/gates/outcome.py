"""What a gate found."""

from __future__ import annotations

from dataclasses import dataclass

from kickstand.release import GateResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """One gate, asked once."""

    gate: str
    """Its name: `metrics`, `not-worse`, `slices`, `golden-rows`, `latency`, `age`, `signature`, `policy`,
    `artifact-scan`, `approval`."""
    passed: bool
    figure: str
    """What was measured: `validation:rmse 0.2897`."""
    limit: str
    """What was demanded: `<= 0.35`."""
    see: str
    """A command with which one sees it oneself."""
    details: tuple[str, ...] = ()
    """Further lines: the slices, the interval, each finding."""

    def record(self) -> GateResult:
        """As a release records it."""
        return GateResult(name=self.gate, passed=self.passed, figure=self.figure, limit=self.limit)
