"""The kinds of hyperparameter that hold several values: comma lists, metrics, constraints.

Like the single ones each has `parse` and `faults`; see `hyperparameters_values.py`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from training.hyperparameters.values import Interval, Value, Violation, out_of_range, shorten, suggest


@dataclass(frozen=True, slots=True)
class CommaList:
    name: str
    options: tuple[str, ...]
    required: bool = False

    def parse(self, text: str) -> Value:
        return text.split(",")

    def expected(self) -> str:
        return f"a comma-separated list, without blanks, of {', '.join(self.options)}"

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        assert isinstance(value, list)
        container = f"Hyperparameter {self.name}: value {value} not in range {list(self.options)}"
        return [
            Violation(
                name,
                f"{name} holds {item!r}; it must be {self.expected()}.",
                suggest(str(item).strip(), self.options),
                container,
            )
            for item in value
            if item not in self.options
        ]


@dataclass(frozen=True, slots=True)
class Metrics:
    """`eval_metric`: a comma list of metrics, three of which take a threshold or a depth, `error@0.3`."""

    name: str
    options: tuple[str, ...]
    required: bool = False

    _WITH_THRESHOLD = ("error", "ndcg", "map")

    def parse(self, text: str) -> Value:
        return text.split(",")

    def expected(self) -> str:
        return "a comma-separated list, without blanks, of metrics"

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        assert isinstance(value, list)
        return [fault for item in value for fault in self._metric_faults(name, str(item), value)]

    def _metric_faults(self, name: str, metric: str, value: Value) -> list[Violation]:
        base, at, threshold = (part.strip() for part in metric.partition("@"))
        allowed = ", ".join(f"{m}@t" for m in self._WITH_THRESHOLD)
        if at and base not in self._WITH_THRESHOLD:
            container = (
                f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should "
                f"be one of these options: 'error', 'ndcg', 'map'."
            )
            return [Violation(name, f"{name} holds {metric!r}; a threshold goes with {allowed} only.", "", container)]
        if at:
            try:
                float(threshold.split("@")[0])
            except ValueError:
                container = f"Threshold value 't' in '{base}@t' expects float input."
                return [Violation(name, f"{name} holds {metric!r}; behind the @ it must be a number.", "", container)]
            return []
        if metric in self.options:
            return []
        container = f"Hyperparameter {self.name}: value {value} not in range {list(self.options)}"
        fix = suggest(metric.strip(), self.options)
        known = "" if fix else f": {', '.join(self.options)}"
        return [
            Violation(name, f"{name} holds {metric!r}, which is not a metric of the algorithm{known}.", fix, container)
        ]


@dataclass(frozen=True, slots=True)
class TuningMetric:
    """`_tuning_objective_metric`: `validation:<metric>`, as a tuning job sets it."""

    name: str
    options: tuple[str, ...]
    required: bool = False

    def parse(self, text: str) -> Value:
        return text

    def expected(self) -> str:
        return f"validation:METRIC with METRIC one of {', '.join(self.options)}"

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        options = [f"validation:{metric}" for metric in self.options]
        return [] if value in options else [out_of_range(self, name, text, text, options, suggest(text, options))]


@dataclass(frozen=True, slots=True)
class SignTuple:
    """`monotone_constraints`: one of -1, 0, 1 for each feature, written as a tuple, `(1,0,-1)`."""

    name: str
    required: bool = False

    def parse(self, text: str) -> Value:
        value = _literal(text)
        if not isinstance(value, tuple):  # xgboost 3 takes a list for a fault, the container passes it on
            raise ValueError(text)
        return value

    def expected(self) -> str:
        return "a tuple of -1, 0 and 1, one for each feature, such as (1,0,-1)"

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        assert isinstance(value, tuple)
        if value and all(type(item) is int and item in (-1, 0, 1) for item in value):
            return []
        container = f"Hyperparameter {self.name}: value {value} not in range [-1, 0, 1]" if value else ""
        return [Violation(name, f"{name} is {shorten(text)}; it must be {self.expected()}.", "", container)]


@dataclass(frozen=True, slots=True)
class NestedList:
    """`interaction_constraints`: groups of features that may interact, `[[1,2],[3,4,5]]`."""

    name: str
    range: Interval
    required: bool = False

    def parse(self, text: str) -> Value:
        value = _literal(text)
        if not isinstance(value, list) or not all(isinstance(group, list) for group in value):
            raise ValueError(text)
        return value

    def expected(self) -> str:
        return "a list of lists of feature numbers from 1 on, such as [[1,2],[3,4,5]]"

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        items = [item for group in value for item in group]  # type: ignore[union-attr]
        if items and all(type(item) is int and item in self.range for item in items):
            return []
        container = f"Hyperparameter {self.name}: value {value} not in range {self.range}" if items else ""
        return [Violation(name, f"{name} is {shorten(text)}; it must be {self.expected()}.", "", container)]


def _literal(text: str) -> object:
    """The Python literal in `text`; the container evaluates such text as code, which is not done here."""
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(text) from error
