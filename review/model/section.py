"""The model part of a review: what the releases say, what the models answer, and the charts that can be drawn of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from kickstand.config.model import Environment
from kickstand.errors import KickstandError
from kickstand.release.model import Release
from kickstand.release.view import overrides
from kickstand.text import plain
from review.model.charts.predictions import draw_calibration, draw_confusion, draw_predicted_actual, draw_residuals
from review.model.charts.training import draw_importance, draw_learning_curve
from review.model.comparison import (
    Contrast,
    contrast_headlines,
    contrast_on_test_rows,
    metric_pairs,
    slice_headlines,
    slice_metrics,
    validation_contrast,
)
from review.model.evidence import Evidence, gather
from review.model.releases import (
    MOST_GOLDEN,
    data_pairs,
    golden_pairs,
    hyperparameter_pairs,
    origin,
    override_sentences,
    training_facts,
)
from review.reports import Headline, ModelReport, Plot
from training.evaluation.evaluation import Evaluation, main_metric
from training.evaluation.stores import ModelStore


def plots(environment: Environment, found: Evidence) -> tuple[Plot, ...]:
    """The pictures, in reading order. What is not drawn for want of something stands in `found.missing` already."""
    drawn = []
    if found.curve is not None:
        rounds = {"released": found.rounds, "live_released": found.live_rounds}
        drawn.append(draw_learning_curve(found.curve, found.live_curve, **rounds))
    if found.labels is not None and found.released is not None:
        live = found.live if found.live is not None and _alike(found.live, found.released) else None
        unit = environment.data.columns[0] if environment.data.columns else "label"
        drawn += _of_answers(found.released, live, unit)
    drawn.append(draw_importance(found.gain, found.live_gain))
    return tuple(plot for plot in drawn if plot is not None)


def _alike(live: Evaluation, released: Evaluation) -> bool:
    """Whether their predictions are of the same kind, and so stand in one picture."""
    ours, theirs = released.answers, live.answers
    return theirs.regression if ours.regression else theirs.objective == ours.objective


def _of_answers(released: Evaluation, live: Evaluation | None, unit: str) -> list[Plot]:
    actual, predicted = released.actual, released.predicted
    beside = live.predicted if live else None
    if released.answers.regression:
        return [
            draw_predicted_actual(actual, predicted, unit=unit),
            draw_residuals(actual, predicted, beside, unit=unit),
        ]
    if released.answers.objective == "binary:logistic":
        return [
            draw_calibration(actual, predicted, beside),
            draw_confusion(actual, (predicted > 0.5).astype(np.float64)),
        ]
    return [draw_confusion(actual, predicted)]


class Signer(Protocol):
    """Who signed, once that is verified: `kickstand.signing`'s SignedBy."""

    def sentence(self) -> str: ...


def model_report(
    environment: Environment,
    release: Release,
    live: Release | None,
    *,
    stores: Sequence[ModelStore],
    signed: Callable[[], Signer | None],
    live_artifact_sha256: str | None = None,
) -> ModelReport:
    """The model that would be served, beside the one that is.

    live:                 the release of the artifact that the endpoint serves; None where that is not known.
    stores:               the environment's own bucket, then that of the environment the model was promoted from.
    signed:               verifies the release's signature; None: there is none and none is needed; raises
                          KickstandError where it is not good, or missing where it is required.
    live_artifact_sha256: what the endpoint serves, where `live` does not tell; empty: it serves nothing.

    Nothing is raised for what cannot be read: it stands in `missing` with the reason.
    """
    live_sha256 = (live.artifact.sha256 if live else "") if live_artifact_sha256 is None else live_artifact_sha256
    changed = release.artifact.sha256 != live_sha256
    found = gather(environment, release, live, live_sha256, stores)
    beside = found.live if changed else found.released
    contrast = _contrast(environment, release, live, found) if changed and live_sha256 else None
    signature, signature_headlines = _signature(environment, signed)
    metric = main_metric(environment.gates.metric, found.released) if found.released else ""
    slices = (
        slice_metrics(found.slices, found.released, beside if live_sha256 else None, metric) if found.released else ()
    )
    return ModelReport(
        release_sha256=release.sha256,
        artifact_sha256=release.artifact.sha256,
        live_artifact_sha256=live_sha256,
        changed=changed,
        promoted_from=origin(release),
        overrides=tuple(plain(one) for one in overrides(release)),
        signature=signature,
        training=training_facts(release),
        hyperparameters=hyperparameter_pairs(release, live),
        data=data_pairs(release, live),
        metrics=metric_pairs(release, live, found.released, beside if live_sha256 else None),
        slices=slices,
        golden=golden_pairs(release),
        plots=plots(environment, found),
        missing=(*found.missing, *_golden_missing(release)),
        headlines=(
            *(Headline(level="danger", sentence=one) for one in override_sentences(release)),
            *signature_headlines,
            *(contrast_headlines(contrast, environment.gates) if contrast else ()),
            *(slice_headlines(slices, metric, environment.gates) if changed else ()),
            *(Headline(level="danger", sentence=one) for one in found.unsound),
            *_warnings(release, live_sha256, contrast),
            _note(release, live_sha256, contrast, found, metric),
        ),
    )


def _contrast(environment: Environment, release: Release, live: Release | None, found: Evidence) -> Contrast | None:
    if found.labels is not None and found.released is not None and found.live is not None:
        return contrast_on_test_rows(found.released, found.live, len(found.labels), environment.gates)
    return validation_contrast(release, live) if live is not None else None


def _signature(environment: Environment, signed: Callable[[], Signer | None]) -> tuple[str, tuple[Headline, ...]]:
    try:
        signer = signed()
    except KickstandError as error:
        reason = plain(" ".join(problem.message for problem in error.problems))
        needed = ", which this environment requires" if environment.signing.required else ""
        sentence = f"The release has no good signature{needed}. {reason}"
        return f"No good signature. {reason}", (Headline(level="danger", sentence=sentence),)
    if signer is not None:
        return plain(f"The release is {signer.sentence()}."), ()
    if environment.signing.required:
        danger = Headline(level="danger", sentence="The release is not signed, which this environment requires.")
        return "Nobody signed this release.", (danger,)
    return "Nobody signed this release; this environment does not require it.", ()


def _warnings(release: Release, live_sha256: str, contrast: Contrast | None) -> Iterator[Headline]:
    if live_sha256 not in ("", release.artifact.sha256) and contrast is None:
        sentence = "Whether the new model is better than the live one is not known: they could not be compared."
        yield Headline(level="warning", sentence=sentence)
    for warning in release.warnings:
        yield Headline(level="warning", sentence=plain(f"The model was accepted with this warning: {warning}"))
    if release.source_commit.endswith("+changes"):
        sentence = "The model was trained from a working folder with changes that are in no commit."
        yield Headline(level="warning", sentence=sentence)


def _note(release: Release, live_sha256: str, contrast: Contrast | None, found: Evidence, metric: str) -> Headline:
    name = f"artifact {release.artifact.sha256[:12]} of job {release.training_job.name}"
    if live_sha256 == release.artifact.sha256:
        return Headline(level="note", sentence=plain(f"Same model as is served: {name}."))
    figure = ""
    if contrast is not None:
        figure = f"; {contrast.sentence_part()}"
    elif found.released is not None and found.labels is not None:
        short, value = metric.rpartition(":")[2], found.released.distinct[metric]
        figure = f"; {short} {value:.4g} on {len(found.labels):,} test rows"
    kind = "New model" if live_sha256 else "First model, nothing is served yet"
    return Headline(level="note", sentence=plain(f"{kind}: {name}{figure}."))


def _golden_missing(release: Release) -> Iterator[str]:
    golden = release.golden_rows
    if golden.s3_uri:
        yield plain(f"Golden rows: confidential, kept in {golden.s3_uri}, SHA-256 {golden.sha256}.")
    elif len(golden.rows) > MOST_GOLDEN:
        yield f"Golden rows: {len(golden.rows) - MOST_GOLDEN} more are in the release."
