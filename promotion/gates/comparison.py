"""The gates `not-worse` and `slices`: the candidate against what the target serves now, on the same rows.

`not-worse` looks at all rows, `slices` at groups of them.
"""

from __future__ import annotations

import math

from kickstand.errors import KickstandError, Problem
from promotion.gates.context import Evidence, GateContext, Losses, nothing_to_compare, paired_losses
from promotion.gates.gate import Gate, Verdict
from training.evaluation.comparison import Change, Slice, compare, compare_slice, seed_of, slices_of


def percent(share: float) -> str:
    """A share as per cent with its sign, three digits of it; an infinite one in words."""
    if math.isinf(share):
        return "infinitely worse" if share > 0 else "infinitely better"
    if share == 0:
        return "0 %"
    return f"{share * 100:+.3g} %" if abs(share) < 10 else f"{share * 100:+,.0f} %"


def evaluate_not_worse(context: GateContext, evidence: Evidence) -> Verdict:
    """Passed where nothing, or the same model, is served; else where the interval's upper end is within the margin."""
    alone = nothing_to_compare(evidence)
    if alone is not None:
        return Verdict(True, alone)
    losses, gates = paired_losses(evidence), context.gates
    seed = seed_of(context.release.artifact.sha256, losses.incumbent_id)
    change = compare(
        losses.metric,
        losses.candidate,
        losses.incumbent,
        confidence=gates.confidence,
        resamples=gates.resamples,
        seed=seed,
    )
    assert gates.max_regression is not None
    return Verdict(
        change.high <= gates.max_regression,
        _not_worse_figure(losses.metric, change),
        _not_worse_details(context, losses, seed),
    )


def _not_worse_figure(metric: str, change: Change) -> str:
    return (
        f"{metric} {change.candidate:.6g} against {change.incumbent:.6g}: {percent(change.share)}, "
        f"interval {percent(change.low)} to {percent(change.high)}"
    )


def _not_worse_details(context: GateContext, losses: Losses, seed: int) -> tuple[str, ...]:
    gates = context.gates
    return (
        f"{context.source.names.endpoint} and {context.target.names.endpoint} were asked for the same "
        f"{len(losses.candidate):,} rows of {losses.source}.",
        f"The {gates.confidence * 100:g} % interval is of {gates.resamples:,} paired resamples (seed {seed}); "
        "more than 0 % is worse.",
        *losses.notes,
    )


def _not_worse_limit(context: GateContext) -> str:
    assert context.gates.max_regression is not None
    return f"interval ends at {percent(context.gates.max_regression)} or below"


NOT_WORSE_GATE = Gate(
    name="not-worse",
    applies=lambda context: context.gates.max_regression is not None and context.moves,
    limit=_not_worse_limit,
    how_to_check=lambda context: context.commands(
        f"evaluate {context.source.environment.name}", f"evaluate {context.target.environment.name}"
    ),
    evaluate=evaluate_not_worse,
    live=True,
)


def evaluate_slices(context: GateContext, evidence: Evidence) -> Verdict:
    """Passed where no slice of enough rows is worse by more than the limit. All slices are in the details."""
    indices = _column_indices(context)
    alone = nothing_to_compare(evidence)
    if alone is not None:
        return Verdict(True, alone)
    losses = paired_losses(evidence)
    columns = evidence.rows.columns([*indices.values()])
    slices = [
        compare_slice(name, mask, losses.metric, losses.candidate, losses.incumbent)
        for column, values in zip(indices, columns.T, strict=True)
        for name, mask in slices_of(column, values)
    ]
    return slices_verdict(slices, losses, least_rows=context.gates.min_slice_rows, most=_slice_limit(context))


def slices_verdict(slices: list[Slice], losses: Losses, *, least_rows: int, most: float) -> Verdict:
    """What the slices come to. least_rows: that a slice must have to be judged. most: the limit, a share."""
    compared = [each for each in slices if each.rows >= least_rows]
    details = tuple(_slice_line(each, least_rows, most) for each in slices)
    if not compared:
        return Verdict(False, f"no slice has {least_rows:,} rows, so none was compared", (*details, *losses.notes))
    worst = max(compared, key=lambda each: each.share)
    count = sum(each.share > most for each in compared)
    others = f"; {count} of {len(compared)} slices are over the limit" if count > 1 else ""
    figure = f"worst of {len(compared)} slices: {worst.name}, {losses.metric} {percent(worst.share)}{others}"
    return Verdict(count == 0, figure, (*details, *losses.notes))


def _slice_line(one: Slice, least_rows: int, most: float) -> str:
    if one.rows < least_rows:
        mark = f"  (fewer than {least_rows} rows: not compared)"
    else:
        mark = "  TOO MUCH WORSE" if one.share > most else ""
    rows = f"{one.rows:,} row{'' if one.rows == 1 else 's'}"
    return f"{one.name}: {percent(one.share)}, {one.candidate:.4g} against {one.incumbent:.4g}, {rows}{mark}"


def _column_indices(context: GateContext) -> dict[str, int]:
    """Where each column of `[gates] slices` is in a row. Raises KickstandError for unknown ones, with those known."""
    columns = context.target.environment.data.columns
    unknown = [name for name in context.gates.slices if name not in columns]
    if unknown:
        message = f"slices names {', '.join(unknown)}; the columns are {', '.join(columns) or 'not named'}."
        where = context.target.environment.where("gates.slices")
        raise KickstandError(Problem(message, where, "Name columns of [data] columns."))
    width = next(channel.columns for channel in context.release.channels if channel.name == "test")
    if width != len(columns):
        message = f"[data] columns names {len(columns)} columns; the release's test rows have {width}."
        raise KickstandError(Problem(message, context.target.environment.where("data.columns")))
    return {name: columns.index(name) for name in context.gates.slices}


def _slice_limit(context: GateContext) -> float:
    assert context.gates.max_slice_regression is not None
    return context.gates.max_slice_regression


SLICES_GATE = Gate(
    name="slices",
    applies=lambda context: (
        bool(context.gates.slices) and context.gates.max_slice_regression is not None and context.moves
    ),
    limit=lambda context: f"no slice worse by more than {percent(_slice_limit(context))}",
    how_to_check=lambda context: context.rerun_command("slices"),
    evaluate=evaluate_slices,
    live=True,
)
