"""Ask the gates that an environment demands, each once, in the order in which a reader wants them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kickstand.aws.errors import AWS_FAILURES, aws_error
from kickstand.errors import InputError, KickstandError, Problem
from promotion.gates import approval, comparison, endpoint, release_checks
from promotion.gates.context import Evidence, GateContext
from promotion.gates.gate import Gate, Outcome

GATES: tuple[Gate, ...] = (
    release_checks.METRICS_GATE,
    comparison.NOT_WORSE_GATE,
    comparison.SLICES_GATE,
    endpoint.GOLDEN_ROWS_GATE,
    endpoint.LATENCY_GATE,
    endpoint.AGE_GATE,
    release_checks.SIGNATURE_GATE,
    release_checks.POLICY_GATE,
    release_checks.ARTIFACT_SCAN_GATE,
    approval.APPROVAL_GATE,
)
"""Every gate there is."""


def evaluate_gates(
    context: GateContext, *, only: Collection[str] = (), begun: Callable[[str], None] = lambda name: None
) -> tuple[Outcome, ...]:
    """The outcome of every gate that the target demands of the model. Nothing is changed anywhere.

    only: names of gates; empty: all that are demanded. begun: told of each gate's name before it is asked.
    A gate that cannot be asked (the endpoint is gone, AWS refuses) is failed, with the reason.
    Raises InputError for a name in `only` that is no gate, or is not asked here.
    """
    gates = _chosen(context, only)
    with TemporaryDirectory(prefix="kickstand-gates-") as folder:
        evidence = Evidence(context, Path(folder))
        outcomes = []
        for gate in gates:
            begun(gate.name)
            outcomes.append(evaluate_gate(gate, context, evidence))
    return tuple(outcomes)


def evaluate_gate(gate: Gate, context: GateContext, evidence: Evidence) -> Outcome:
    """One gate's outcome."""
    # In a rollback every other command would tell of the release that is in place now.
    limit = gate.limit(context)
    check = context.rerun_command(gate.name) if context.is_rollback else gate.how_to_check(context)
    try:
        verdict = gate.evaluate(context, evidence)
    except KickstandError as error:
        return _unasked(gate, limit, check, error)
    except AWS_FAILURES as error:
        return _unasked(gate, limit, check, aws_error(error, f"checking the gate {gate.name}"))
    return Outcome(gate.name, verdict.passed, verdict.figure, limit, check, verdict.details)


def _chosen(context: GateContext, only: Collection[str]) -> tuple[Gate, ...]:
    demanded = tuple(gate for gate in GATES if gate.applies(context) and (not context.is_rollback or not gate.live))
    known = {gate.name for gate in GATES}
    here = {gate.name for gate in demanded}
    name = context.target.environment.name
    problems = [
        Problem(f"There is no gate {one}; they are {', '.join(gate.name for gate in GATES)}.")
        if one not in known
        else Problem(
            f"{name} does not check the gate {one} of this release.", context.target.environment.where("gates")
        )
        for one in only
        if one not in here
    ]
    if problems:
        raise InputError(*problems)
    return tuple(gate for gate in demanded if not only or gate.name in only)


def _unasked(gate: Gate, limit: str, check: str, error: KickstandError) -> Outcome:
    """A gate whose figure could not be had, or that found what it looks for."""
    first, *others = error.problems
    short = len(first.message) <= _LONGEST_FIGURE
    figure = first.message if short else first.message[: _LONGEST_FIGURE - 1] + "…"
    more = f" (and {len(others)} more)" if others else ""
    details = [_detail(problem) for problem in error.problems]
    if short and not others:  # the figure says it all but for the place and the fix
        details = [_detail(replace(first, message=""))]
    return Outcome(gate.name, False, f"{figure}{more}", limit, check, tuple(filter(None, details)))


def _detail(problem: Problem) -> str:
    said = f"{problem.message} {problem.fix}".strip()
    return f"{problem.where}: {said}" if problem.where and said else said or problem.where


_LONGEST_FIGURE = 300
"""Characters of a reason that stand for the figure, also in the release; the whole is in the details."""
