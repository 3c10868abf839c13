"""Which pictures a model has: by its objective, and by what could be had."""

from __future__ import annotations

import numpy as np

from kickstand.config.model import Environment
from promotion.review.model.evidence import Evidence
from promotion.review.model.judged import Judged, TestLabels
from promotion.review.model.pictures.calibration import draw_calibration
from promotion.review.model.pictures.confusion import draw_confusion
from promotion.review.model.pictures.importance import draw_importance
from promotion.review.model.pictures.learning_curve import draw_learning_curve
from promotion.review.model.pictures.predicted_actual import draw_predicted_actual
from promotion.review.model.pictures.residuals import draw_residuals
from promotion.review.reports import Plot
from training.prediction.metrics import original_units


def plots(environment: Environment, found: Evidence) -> tuple[Plot, ...]:
    """The pictures, in reading order. What is not drawn for want of something stands in `found.missing` already."""
    drawn = []
    if found.curve is not None:
        rounds = {"released": found.rounds, "live_released": found.live_rounds}
        drawn.append(draw_learning_curve(found.curve, found.live_curve, **rounds))
    if found.labels is not None and found.released is not None:
        live = found.live if found.live is not None and _alike(found.live, found.released) else None
        unit = environment.data.columns[0] if environment.data.columns else "label"
        drawn += _of_answers(found.labels, found.released, live, unit)
    drawn.append(draw_importance(found.gain, found.live_gain))
    return tuple(plot for plot in drawn if plot is not None)


def _alike(live: Judged, released: Judged) -> bool:
    """Whether their predictions are of the same kind, and so stand in one picture."""
    return live.regression if released.regression else live.objective == released.objective


def _of_answers(labels: TestLabels, released: Judged, live: Judged | None, unit: str) -> list[Plot]:
    predicted = released.predicted
    if released.regression:
        actual = original_units(labels.values, labels.transform)
        beside = live.predicted if live else None
        return [
            draw_predicted_actual(actual, predicted, unit=unit),
            draw_residuals(actual, predicted, beside, unit=unit),
        ]
    if released.objective == "binary:logistic":
        beside = live.predicted if live else None
        return [
            draw_calibration(labels.values, predicted, beside),
            draw_confusion(labels.values, (predicted > 0.5).astype(np.float64)),
        ]
    return [draw_confusion(labels.values, predicted)]
