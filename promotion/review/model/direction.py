"""Which way a metric is better."""

from __future__ import annotations

from training.hyperparameters.table import MAXIMIZED_METRICS


def lower_is_better(metric: str) -> bool:
    """Of a metric by its name, with or without a channel, a threshold or a depth: `validation:rmse`, `ndcg@5`."""
    return metric.rpartition(":")[2].partition("@")[0] not in MAXIMIZED_METRICS
