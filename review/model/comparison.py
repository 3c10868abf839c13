"""The released model's figures beside the live one's, and what they come to in words. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kickstand.config.promotion import Gates
from kickstand.release.model import Release
from review.reports import Headline, MetricPair, SliceMetric
from training.evaluation.comparison import slices_of
from training.evaluation.evaluation import Evaluation, main_metric
from training.evaluation.metrics import Vector, lower_is_better, metric_of

DANGER_SHARE = 0.05
"""Worse by more than this share is a danger where the project sets no margin (`[gates] max_regression`)."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One figure of both models. where: on which rows, as it ends a sentence."""

    name: str
    live: float
    released: float
    lower_is_better: bool
    where: str

    @property
    def worse_by(self) -> float:
        """How much worse the released model is, as a share of the live one's figure; negative where it is better."""
        change = self.released - self.live if self.lower_is_better else self.live - self.released
        if change == 0:
            return 0.0
        return change / abs(self.live) if self.live else math.copysign(math.inf, change)

    def sentence_part(self) -> str:
        """`rmsle 0.52 instead of 0.4 on the same 6,493 test rows`."""
        short = self.name.rpartition(":")[2]
        new, old = f"{self.released:.4g}", f"{self.live:.4g}"
        if new == old and self.released != self.live:
            new, old = f"{self.released:.8g}", f"{self.live:.8g}"
        return f"{short} {new} instead of {old} {self.where}"


def rounded(value: float) -> float:
    """Six significant digits: what differs behind them is the machine's, not the model's."""
    return float(f"{value:.6g}")


def metric_pairs(
    release: Release, live: Release | None, ours: Evaluation | None, theirs: Evaluation | None
) -> tuple[MetricPair, ...]:
    """The jobs' own metrics, then those on the test rows; `test original:rmsle` is what `kickstand evaluate` calls
    `original:rmsle`."""
    job = _paired(live.metrics if live else {}, release.metrics, "")
    return (*job, *_paired(theirs.distinct if theirs else {}, ours.distinct if ours else {}, "test "))


def _paired(live: Mapping[str, float], released: Mapping[str, float], prefix: str) -> Iterator[MetricPair]:
    for name in dict.fromkeys([*sorted(released), *sorted(live)]):
        yield MetricPair(
            name=f"{prefix}{name}",
            live=rounded(live[name]) if name in live else None,
            released=rounded(released[name]) if name in released else None,
            lower_is_better=lower_is_better(name),
        )


def contrast_on_test_rows(ours: Evaluation, theirs: Evaluation, rows: int, gates: Gates) -> Contrast | None:
    """Both models on the same test rows; None where they have no metric in common."""
    name = main_metric(gates.metric, ours)
    shared = [metric for metric in dict.fromkeys([name, *ours.distinct]) if metric in theirs.distinct]
    if not shared:
        return None
    return Contrast(
        shared[0], theirs.distinct[shared[0]], ours.distinct[shared[0]], True, f"on the same {rows:,} test rows"
    )


def validation_contrast(release: Release, live: Release) -> Contrast | None:
    """What the jobs said of their validation channel, where it was the same one: the next best comparison."""
    digests = [{one.name: one.sha256 for one in each.channels}.get("validation") for each in (release, live)]
    if digests[0] is None or digests[0] != digests[1] or release.target_transform != live.target_transform:
        return None
    names = [name for name in sorted(release.metrics) if name.startswith("validation:") and name in live.metrics]
    if not names:
        return None
    rows = next(channel.rows for channel in release.channels if channel.name == "validation")
    return Contrast(
        names[0],
        live.metrics[names[0]],
        release.metrics[names[0]],
        lower_is_better(names[0]),
        f"on the same {rows:,} validation rows",
    )


def contrast_headlines(contrast: Contrast, gates: Gates) -> Iterator[Headline]:
    """Nothing where the new model is as good; a warning where it is worse, danger where by more than the margin."""
    worse = contrast.worse_by
    if worse <= 0:
        return
    margin = DANGER_SHARE if gates.max_regression is None else gates.max_regression
    by = "" if math.isinf(worse) else f" ({worse:.2g} times worse)" if worse >= 10 else f" (by {_percent(worse)})"
    within = "" if worse > margin or gates.max_regression is None else f"; {_percent(margin)} is allowed"
    level = "danger" if worse > margin else "warning"
    sentence = f"The new model is worse: {contrast.sentence_part()}{by}{within}."
    yield Headline(level=level, sentence=sentence)


def slice_metrics(
    columns: Mapping[str, Vector], ours: Evaluation, theirs: Evaluation | None, metric: str
) -> tuple[SliceMetric, ...]:
    """The metric on every slice of every column. columns: the values of the test rows, by name."""
    released = ours.losses(metric)
    live = theirs.losses(metric) if theirs is not None and metric in theirs.distinct else None
    return tuple(
        SliceMetric(
            column=column,
            value=name.removeprefix(column).strip().removeprefix("= "),
            rows=int(mask.sum()),
            live=None if live is None else rounded(metric_of(metric, live[mask])),
            released=rounded(metric_of(metric, released[mask])),
        )
        for column, values in columns.items()
        for name, mask in slices_of(column, values)
    )


def slice_headlines(slices: Sequence[SliceMetric], metric: str, gates: Gates) -> Iterator[Headline]:
    """The worst slice that is worse by more than the gate allows; nothing where no limit is set."""
    if gates.max_slice_regression is None:
        return
    compared = [
        (Contrast(metric, one.live, one.released, True, f"where {one.column} is {one.value} ({one.rows:,} rows)"))
        for one in slices
        if one.live is not None and one.rows >= gates.min_slice_rows
    ]
    over = sorted((one for one in compared if one.worse_by > gates.max_slice_regression), key=lambda one: -one.worse_by)
    if over:
        more = f"; so it is on {len(over) - 1} more of {len(compared)} groups of rows" if len(over) > 1 else ""
        part = over[0].sentence_part()
        yield Headline(level="danger", sentence=f"On a group of rows the new model is worse: {part}{more}.")


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
