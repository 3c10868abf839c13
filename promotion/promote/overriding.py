"""Which gates may be overridden, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kickstand.errors import InputError, KickstandError, Problem
from kickstand.release import Override
from promotion.gates.outcome import Outcome
from promotion.gates.run import GATES

NEVER = {
    "artifact-scan": "a model that can run code is no model to serve",
    "signature": "nobody would know any more who vouches for the model",
    "approval": "it would be one person's word in place of two: have it approved (kickstand approve)",
}
"""Gates that cannot be overridden, and why: docs/decisions/0007-promotion.md."""

SHORTEST_REASON = 10
"""Characters; what is shorter explains nothing to whoever reads it in a year."""


def asked_overrides(gates: Sequence[str], reasons: Sequence[str]) -> dict[str, str]:
    """The pairs of `--override GATE --reason TEXT`, checked before anything is asked of AWS.

    Raises InputError with every problem: no reason for a gate, a reason too short, a gate that there is not or
    that cannot be overridden, one named twice.
    """
    known = [gate.name for gate in GATES]
    problems = []
    if len(gates) != len(reasons):
        message = f"{len(gates)} times --override and {len(reasons)} times --reason: each override has its own reason."
        problems.append(Problem(message, fix="Write them in pairs: --override GATE --reason TEXT"))
    for gate in dict.fromkeys(gates):
        where = f"--override {gate}"
        if gate not in known:
            problems.append(Problem(f"There is no gate {gate!r}.", where, f"The gates: {', '.join(known)}."))
        elif gate in NEVER:
            problems.append(Problem(f"The gate {gate} cannot be overridden: {NEVER[gate]}.", where))
        if list(gates).count(gate) > 1:
            problems.append(Problem("It is overridden twice.", where, "Name each gate once."))
    for reason in reasons:
        if len(reason.strip()) < SHORTEST_REASON:
            message = f"A reason has at least {SHORTEST_REASON} characters; it stays in the release for ever."
            problems.append(Problem(message, f"--reason {reason!r}", "Say why it is right to go on."))
    if problems:
        raise InputError(*problems)
    return {gate: reason.strip() for gate, reason in zip(gates, reasons, strict=True)}


def overrides_of(
    outcomes: Sequence[Outcome], asked: Mapping[str, str], *, by: str, command: str, typed: Callable[[str], str]
) -> tuple[Override, ...]:
    """The overrides of the gates that failed; none where all were passed.

    asked: gate and reason. by: ARN of who overrides. command: `promote dev staging`, to be typed again.
    Raises KickstandError where a gate failed that is not overridden, and InputError where one is overridden that
    did not fail: the release would tell of trouble that there was not.
    """
    failed = {outcome.gate for outcome in outcomes if not outcome.passed}
    idle = [gate for gate in asked if gate not in failed]
    if idle:
        known = {outcome.gate for outcome in outcomes}
        raise InputError(
            *(
                Problem(
                    f"The gate {gate} {'was passed' if gate in known else 'is not asked here'}: "
                    "there is nothing to override. Nothing was written.",
                    f"--override {gate}",
                    "Leave it out.",
                )
                for gate in idle
            )
        )
    refused = [gate for gate in dict.fromkeys(outcome.gate for outcome in outcomes) if gate in failed - set(asked)]
    if refused:
        raise KickstandError(Problem(_refusal(refused), fix=_way_on(refused, asked, typed(command))))
    return tuple(Override(gate=gate, reason=reason, by=by) for gate, reason in asked.items())


def _refusal(refused: Sequence[str]) -> str:
    gates = f"The gate {refused[0]}" if len(refused) == 1 else f"The gates {', '.join(refused)}"
    return f"{gates} refused the model. Nothing was written."


def _way_on(refused: Sequence[str], asked: Mapping[str, str], command: str) -> str:
    hopeless = [gate for gate in refused if gate in NEVER]
    if hopeless:
        return " ".join(f"{gate} cannot be overridden: {NEVER[gate]}." for gate in hopeless)
    pairs = " ".join(f"--override {gate} --reason '...'" for gate in (*asked, *refused))
    return f"Make a better model; or answer for this one, in the release for ever: {command} {pairs}"
