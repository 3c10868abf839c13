"""What an objective, a metric and the target transform demand of labels and weights.

Source: the checks of xgboost 3.2.0, which end a training job, and SageMaker's "Input/Output Interface for the
XGBoost Algorithm" for the columns. `tests/unit/training/data/checks/test_data_check_objectives.py` compares them with
xgboost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kickstand.errors import Problem
from kickstand.xgboost_container import kind_of
from training.hyperparameters.table import requested_metrics
from training.hyperparameters.values import Interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_ANY = Interval()
_NOT_NEGATIVE = Interval(0)
_LARGEST_LOG = 88.0
"""exp of more is beyond float32: a label above it was surely not transformed."""
_HIGHEST_RELEVANCE = 31
"""xgboost's ndcg takes relevance degrees as exponents of 2."""


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What every value of one column must be.

    column: from 0; 0 is the label. demand: stands behind the found value, `objective … takes 0 and 1 only`.
    """

    column: int
    demand: str
    range: Interval = _ANY
    whole: bool = False
    required: bool = True
    nonzero: bool = False
    fix: str = ""

    def broken(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """A mask of the values that break the rule; missing ones (NaN) do not."""
        import numpy as np

        low, high = self.range.low, self.range.high
        bad = np.zeros(len(values), dtype=np.bool_)
        if low is not None:
            bad |= values <= low if self.range.low_open else values < low
        if high is not None:
            bad |= values >= high if self.range.high_open else values > high
        if self.whole:
            bad |= values != np.floor(values)
            bad &= ~np.isnan(values)
        if self.nonzero:
            bad |= values == 0
        return bad

    def breaks(self, value: float) -> bool:
        """Whether one number breaks the rule."""
        return value not in self.range or (self.whole and value != int(value)) or (self.nonzero and value == 0)


def label_columns(hyperparameters: Mapping[str, str], content_type: str = "text/csv") -> int:
    """How many columns come before the features: 1, or 2 with `csv_weights = 1`, which is for CSV alone."""
    return 2 if kind_of(content_type) == "csv" and hyperparameters.get("csv_weights", "").strip() == "1" else 1


def column_rules(hyperparameters: Mapping[str, str], target_transform: str = "none") -> tuple[ColumnRule, ...]:
    """The rules for label and weight. Wrong hyperparameters, reported elsewhere, demand nothing here."""
    rules = [*_objective_rules(hyperparameters), *_metric_rules(hyperparameters)]
    if target_transform == "log1p":
        demand = "with target_transform log1p it must be log(1 + value), between 0 and 88"
        fix = "Transform the label, or remove target_transform."
        rules.append(ColumnRule(0, demand, Interval(0, _LARGEST_LOG), fix=fix))
    if label_columns(hyperparameters) == 2:
        rules.append(ColumnRule(1, "with csv_weights = 1 it is the row's weight, 0 or more", _NOT_NEGATIVE))
    return tuple(rules)


def feature_problems(hyperparameters: Mapping[str, str], columns: int, where: str = "") -> list[Problem]:
    """Constraints that name more features than the data has. columns: of the data, label counted."""
    features = columns - label_columns(hyperparameters)
    text = hyperparameters.get("monotone_constraints", "")
    signs = [sign for sign in text.strip(" ()").split(",") if sign.strip()]
    if len(signs) <= features:
        return []
    message = f"monotone_constraints has {len(signs)} entries; the data has {features} features."
    return [Problem(message, where, "Give one entry for each feature.")]


def _objective_rules(hyperparameters: Mapping[str, str]) -> Iterator[ColumnRule]:
    objective = hyperparameters.get("objective", "")
    if objective.startswith("binary:"):
        fix = "For shares between 0 and 1 use reg:logistic." if objective == "binary:logistic" else ""
        yield ColumnRule(0, f"objective {objective} takes 0 and 1 only", Interval(0, 1), whole=True, fix=fix)
    elif objective in ("multi:softmax", "multi:softprob"):
        with contextlib.suppress(ValueError):
            classes = int(hyperparameters.get("num_class", ""))
            demand = f"objective {objective} with num_class {classes} takes the whole numbers 0 to {classes - 1}"
            yield ColumnRule(0, demand, Interval(0, classes - 1), whole=True)
    elif objective in _LABELS:
        interval, words = _LABELS[objective]
        yield ColumnRule(0, f"objective {objective} takes {words}", interval)
    elif objective == "rank:ndcg":
        yield _relevance(f"objective {objective}")
    elif objective == "rank:map":
        yield ColumnRule(0, f"objective {objective} takes 0 and 1 only", Interval(0, 1), whole=True)


def _metric_rules(hyperparameters: Mapping[str, str]) -> Iterator[ColumnRule]:
    bases = [metric.partition("@")[0] for metric in requested_metrics(hyperparameters)]
    if "ndcg" in bases:
        yield _relevance("metric ndcg")
    if "map" in bases:
        yield ColumnRule(0, "metric map takes 0 and 1 only", Interval(0, 1), whole=True)
    if "mape" in bases:
        yield ColumnRule(0, "metric mape divides by it, so that it must not be 0", nonzero=True, fix="Use mae.")


def _relevance(what: str) -> ColumnRule:
    demand = f"{what} takes relevance degrees, the whole numbers 0 to {_HIGHEST_RELEVANCE}"
    return ColumnRule(0, demand, Interval(0, _HIGHEST_RELEVANCE), whole=True)


_LABELS: Mapping[str, tuple[Interval, str]] = {
    "count:poisson": (_NOT_NEGATIVE, "numbers of 0 or more"),
    "reg:tweedie": (_NOT_NEGATIVE, "numbers of 0 or more"),
    "reg:gamma": (Interval(0, low_open=True), "numbers above 0"),
    "reg:logistic": (Interval(0, 1), "numbers from 0 to 1"),
    "reg:squaredlogerror": (Interval(-1, low_open=True), "numbers above -1"),
}
