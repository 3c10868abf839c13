"""Numbers that the container lets pass and xgboost 3.2.0 cannot hold, or takes for another number without a word.

xgboost keeps whole numbers and real ones in 32 bits. Found by training with it on every end of every range;
`tests/unit/test_hyperparameters_accepted.py` holds what passes here to the library.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from typing import cast

from training.hyperparameters.table import TABLE, Parsed
from training.hyperparameters.values import Integer, Real
from training.hyperparameters.violation import Violation

_LARGEST = 2**31 - 1
_SMALLEST_REAL = 1.2e-38
"""Near 2 to the power of -126 a 32-bit number begins to lose digits, and xgboost refuses it as out of range."""
_CONTAINERS_OWN = ("num_round", "csv_weights", "early_stopping_rounds", "prob_buffer_row", "_kfold", "_num_cv_round")
_DEPTH = re.compile(r"[1-9]\d*")
_LOGARITHMS = {"count:poisson": "0", "reg:tweedie": "no number", "survival:cox": "no number"}
"""Objectives that begin at the logarithm of base_score, and what they predict where it is 0."""


def number_faults(parsed: Parsed) -> Iterator[Violation]:
    """What xgboost cannot hold, and what it would hold as something else."""
    for name, value in parsed.values.items():
        rule = TABLE[name]
        if isinstance(rule, Integer) and name not in _CONTAINERS_OWN and cast("int", value) > _LARGEST:
            yield Violation(name, f"{name} is {value}; xgboost takes {_LARGEST} at most.")
        elif isinstance(rule, Real) and not _holds(cast("float", value)):
            yield Violation(name, f"{name} is {value:g}; xgboost takes 0 and {_SMALLEST_REAL} to 3.4e+38.")
    yield from _powers(parsed)
    yield from _thresholds(parsed)


def _holds(value: float) -> bool:
    try:
        struct.pack("<f", value)
    except OverflowError:
        return False
    return value == 0 or abs(value) >= _SMALLEST_REAL


def _powers(parsed: Parsed) -> Iterator[Violation]:
    objective, power = parsed.get("objective"), parsed.get("tweedie_variance_power")
    if objective == "reg:tweedie" and isinstance(power, float) and f"{power:g}" in ("1", "2"):
        message = f"tweedie_variance_power is {power!r}, which xgboost's metric takes for {power:g}, outside (1, 2)."
        yield Violation("tweedie_variance_power", message)
    if str(objective) in _LOGARITHMS and parsed.get("base_score") == 0:
        message = (
            f"base_score is 0; with objective {objective} every prediction would be {_LOGARITHMS[str(objective)]}."
        )
        yield Violation("base_score", message, "Set it above 0, or leave it out.")


def _thresholds(parsed: Parsed) -> Iterator[Violation]:
    """What stands before and behind the @ of a metric: `error@0.3`, `ndcg@5`, `map@3`."""
    metrics = cast("list[str]", parsed.get("eval_metric") or [])
    for place, metric in enumerate(metrics):
        base, at, threshold = metric.partition("@")
        if not at:
            continue
        last = place == len(metrics) - 1 and not parsed.given("_tuning_objective_metric")
        if base != base.strip():
            yield Violation("eval_metric", f"eval_metric holds {metric!r}: xgboost knows no metric {base!r}.")
        elif base in ("ndcg", "map"):
            if not _DEPTH.fullmatch(threshold) or int(threshold) > _LARGEST:
                message = f"eval_metric holds {metric!r}; behind the @ a whole number from 1 on is expected."
                yield Violation("eval_metric", message)
        else:
            yield from _error_threshold(metric, threshold.split("@")[0], watched=last and _stops_early(parsed))


def _error_threshold(metric: str, threshold: str, *, watched: bool) -> Iterator[Violation]:
    value = float(threshold)
    logged = "error" if value == 0.5 else f"error@{value:g}"
    if not math.isfinite(value):
        yield Violation("eval_metric", f"eval_metric holds {metric!r}; behind the @ a finite number is expected.")
    elif watched and metric != logged:
        message = f"early stopping watches {metric!r}, which xgboost calls {logged}: it would not be found."
        yield Violation("eval_metric", message, f"Write {logged}.")


def _stops_early(parsed: Parsed) -> bool:
    return parsed.given("early_stopping_rounds")
