"""The model that would be served beside the one that is, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from promotion.review.bundle import Bundle
from promotion.review.pages.markdown.text import Limits, blocks, bullets, code, folded, sentences, table, text
from promotion.review.pages.metric_row import MetricRow, metric_row, slice_row
from promotion.review.pages.values import NOTHING
from promotion.review.reports import ModelReport

_WORDS = {"worse": "**WORSE**", "better": "better", "the same": "the same", "new": "new", "gone": "gone"}


def model(bundle: Bundle, limits: Limits) -> str:
    """Metrics side by side first; settings, data, slices, golden rows and the training folded away."""
    if bundle.model is None:
        return blocks(["## The model", "There is no release, and so no model."])
    return blocks(["## The model", *_model(bundle.model, limits)])


def _model(found: ModelReport, limits: Limits) -> Iterator[str]:
    yield text(found.promoted_from, 3 * limits.text)
    yield text(found.signature, 3 * limits.text)
    if found.overrides:
        yield f"**Overridden gates, on its way here:**\n\n{sentences(found.overrides, limits)}"
    else:
        yield "No gate was overridden."
    if found.metrics:
        rows = [_metric(metric_row(one), limits) for one in found.metrics[: limits.rows]]
        yield table(("Metric", "Live", "Released", "Change", ""), rows, limits, all_rows=len(found.metrics))
    else:
        yield "No metrics."
    if found.plots:
        told = [f"**{text(one.title, limits.text)}.** {text(one.alt, 2 * limits.text)}" for one in found.plots]
        yield blocks(["The pictures are in index.html. What they show:", bullets(told, limits)])
    else:
        yield "No pictures."
    yield _pairs("Hyperparameters", ("Name", "Live", "Released"), found.hyperparameters, limits)
    yield _pairs("Data", ("Channel", "Live", "Released"), found.data, limits)
    yield _slices(found, limits)
    if found.golden:
        rows = [[code(row, limits.text), code(given, limits.text)] for row, given in found.golden[: limits.rows]]
        drawn = table(("Row", "Answer"), rows, limits, all_rows=len(found.golden))
        yield folded(f"Golden rows ({len(found.golden):,})", drawn)
    else:
        yield "No golden rows are shown."
    rows = [[text(label, limits.text), code(said, limits.text)] for label, said in found.training[: limits.rows]]
    if rows:
        yield folded("How it was trained", table(("", ""), rows, limits, all_rows=len(found.training)))


def _metric(row: MetricRow, limits: Limits) -> list[str]:
    return [text(row.name, limits.text), row.live, row.released, row.change, _WORDS[row.word]]


def _pairs(title: str, head: tuple[str, ...], pairs: tuple[tuple[str, str, str], ...], limits: Limits) -> str:
    if not pairs:
        return f"{title}: none."
    changed = sum(live != released for _, live, released in pairs)
    first = sorted(pairs, key=lambda one: one[1] == one[2])
    rows = [
        [f"**{text(name, limits.text)}**" if live != released else text(name, limits.text)]
        + [code(side or NOTHING, limits.text) for side in (live, released)]
        for name, live, released in first[: limits.rows]
    ]
    drawn = table(head, rows, limits, all_rows=len(pairs))
    return folded(f"{title} ({len(pairs):,}; {f'{changed:,} changed' if changed else 'unchanged'})", drawn)


def _slices(found: ModelReport, limits: Limits) -> str:
    if not found.slices:
        return "No slices are shown."
    rows = [_slice(slice_row(one), one.rows, limits) for one in found.slices[: limits.rows]]
    worse = sum(slice_row(one).word == "worse" for one in found.slices)
    drawn = table(("Slice", "Rows", "Live", "Released", "Change", ""), rows, limits, all_rows=len(found.slices))
    return folded(f"Slices ({len(found.slices):,}; {worse:,} worse)", drawn)


def _slice(row: MetricRow, count: int, limits: Limits) -> list[str]:
    return [text(row.name, limits.text), f"{count:,}", row.live, row.released, row.change, _WORDS[row.word]]
