"""The way of a model to an environment: its promotions in their order, each with who, why and which gates. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kickstand.release import GateResult, Override, Promotion, Release

_MEASURING = ("metrics", "not-worse", "slices", "latency", "age")
"""Gates whose figure is a measurement of the model; what the others found is told by their passing."""
_APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Step:
    """One promotion, and the environment that it brought the model into."""

    promotion: Promotion
    into: str

    def who(self) -> str:
        """Who promoted, and when; what an older Kickstand did not record is told by the commit."""
        found = ", ".join(one for one in (self.promotion.by, self.promotion.at) if one)
        return found or "not recorded: see the commit"

    def approval(self) -> str:
        """Who approved and why, as the gate recorded it; that nobody was asked where the gate was off."""
        gate = next((one for one in self.promotion.gates if one.name == _APPROVAL), None)
        if gate is None:
            return f"by nobody: {self.into} did not ask for an approval"
        if not gate.passed:
            return f"by nobody: {gate.figure or 'not recorded'}; the gate was overridden"
        return gate.figure.removeprefix("Approved ") or "by whom is not recorded"

    def gates(self) -> str:
        """`8 passed: age, latency, …`; how many failed and were overridden."""
        passed = [gate.name for gate in self.promotion.gates if gate.passed]
        failed = [gate.name for gate in self.promotion.gates if not gate.passed]
        told = f"{len(passed)} passed: {', '.join(passed)}" if passed else "none passed"
        return f"{told}; {len(failed)} failed: {', '.join(failed)}" if failed else told

    def figures(self) -> str:
        """What the measuring gates found: `latency: p99 5 ms (<= 500 ms); metrics: validation:rmse 0.29 (<= 0.35)`."""
        found = [gate for gate in self.promotion.gates if gate.name in _MEASURING and gate.figure]
        return "; ".join(f"{gate.name}: {gate.figure} ({gate.limit})" for gate in found)

    def overrides(self) -> Iterator[str]:
        """`latency from dev: p99 312 ms, limit <= 200 ms; REASON (WHO)`, one for each gate that was overridden."""
        asked = {gate.name: gate for gate in self.promotion.gates}
        for one in self.promotion.overrides:
            yield _overridden(self.promotion.environment, one, asked.get(one.gate))


def way(release: Release) -> tuple[Step, ...]:
    """Every promotion on the model's way into the release's environment, the first first; none where it was trained."""
    promotions = [*release.earlier_promotions, *([release.promoted_from] if release.promoted_from else [])]
    goals = [one.environment for one in promotions[1:]] + [release.environment for _ in promotions[:1]]
    return tuple(Step(promotion, into) for promotion, into in zip(promotions, goals, strict=True))


def trained_in(release: Release) -> str:
    """The environment whose job made the model: `dev, account 111122223333`."""
    steps = way(release)
    environment = steps[0].promotion.environment if steps else release.environment
    return f"{environment}, account {release.training_job.arn.split(':')[4]}"


def overrides(release: Release) -> Iterator[str]:
    """Every override on the model's way here, the latest last."""
    for step in way(release):
        yield from step.overrides()


def gate_sentence(gate: GateResult) -> str:
    """`p99 312 ms; limit: <= 200 ms`, with FAILED before it where it did."""
    figure = gate.figure or "passed, with a figure that was not recorded"
    limit = f"; limit: {gate.limit}" if gate.limit else ""
    return f"{'' if gate.passed else 'FAILED: '}{figure}{limit}"


def _overridden(environment: str, one: Override, gate: GateResult | None) -> str:
    measured = f": {gate.figure}, limit {gate.limit}" if gate else ""
    return f"{one.gate} from {environment}{measured}; {one.reason} ({one.by})"
