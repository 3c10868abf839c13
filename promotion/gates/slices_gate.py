"""The gate `slices`: on no group of rows is the candidate much worse than what the target serves now."""

from __future__ import annotations

from kickstand.errors import KickstandError, Problem
from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict
from promotion.gates.losses import Losses, nothing_to_compare, paired_losses
from promotion.gates.slices import Slice, judged_slice, slices_of
from promotion.gates.wording import percent


def judge(contest: Contest, evidence: Evidence) -> Verdict:
    """Passed where no slice of enough rows is worse by more than the limit. All slices are in the details."""
    indices = _column_indices(contest)
    alone = nothing_to_compare(evidence)
    if alone is not None:
        return Verdict(True, alone)
    losses = paired_losses(evidence)
    slices = [
        judged_slice(name, mask, losses.metric, losses.candidate, losses.incumbent)
        for column, index in indices.items()
        for name, mask in slices_of(column, evidence.rows.column(index))
    ]
    return verdict(slices, losses, least_rows=contest.gates.min_slice_rows, most=_most(contest))


def verdict(slices: list[Slice], losses: Losses, *, least_rows: int, most: float) -> Verdict:
    """What the slices come to. least_rows: that a slice must have to be judged. most: the limit, a share."""
    judged = [each for each in slices if each.rows >= least_rows]
    details = tuple(_line(each, least_rows, most) for each in slices)
    if not judged:
        return Verdict(False, f"no slice has {least_rows:,} rows, so none was judged", (*details, *losses.notes))
    worst = max(judged, key=lambda each: each.share)
    count = sum(each.share > most for each in judged)
    others = f"; {count} of {len(judged)} slices are over the limit" if count > 1 else ""
    figure = f"worst of {len(judged)} slices: {worst.name}, {losses.metric} {percent(worst.share)}{others}"
    return Verdict(count == 0, figure, (*details, *losses.notes))


def _line(one: Slice, least_rows: int, most: float) -> str:
    if one.rows < least_rows:
        mark = f"  (fewer than {least_rows} rows: not judged)"
    else:
        mark = "  TOO MUCH WORSE" if one.share > most else ""
    rows = f"{one.rows:,} row{'' if one.rows == 1 else 's'}"
    return f"{one.name}: {percent(one.share)}, {one.candidate:.4g} against {one.incumbent:.4g}, {rows}{mark}"


def _column_indices(contest: Contest) -> dict[str, int]:
    """Where each column of `[gates] slices` is in a row. Raises KickstandError for unknown ones, with those known."""
    columns = contest.target.environment.data.columns
    unknown = [name for name in contest.gates.slices if name not in columns]
    if unknown:
        message = f"slices names {', '.join(unknown)}; the columns are {', '.join(columns) or 'not named'}."
        where = contest.target.environment.where("gates.slices")
        raise KickstandError(Problem(message, where, "Name columns of [data] columns."))
    width = next(channel.columns for channel in contest.release.channels if channel.name == "test")
    if width != len(columns):
        message = f"[data] columns names {len(columns)} columns; the release's test rows have {width}."
        raise KickstandError(Problem(message, contest.target.environment.where("data.columns")))
    return {name: columns.index(name) for name in contest.gates.slices}


def _most(contest: Contest) -> float:
    assert contest.gates.max_slice_regression is not None
    return contest.gates.max_slice_regression


GATE = Gate(
    name="slices",
    asked=lambda contest: (
        bool(contest.gates.slices) and contest.gates.max_slice_regression is not None and contest.moves
    ),
    limit=lambda contest: f"no slice worse by more than {percent(_most(contest))}",
    see=lambda contest: contest.again("slices"),
    judge=judge,
    live=True,
)
