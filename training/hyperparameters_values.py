"""The kinds of hyperparameter that the container knows: how each is read from its text, and what it may be.

Each kind has `parse` (the container's own reading; ValueError where it cannot) and `faults` (what is wrong
with a value that was read). The `container` words are those of the container's
`sagemaker_algorithm_toolkit/hyperparameter_validation.py`.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Protocol

from training.hyperparameters_violation import Violation

Value = int | float | str | list[str] | tuple[int, ...] | list[list[int]]
"""What a hyperparameter's text is read as."""

_MANY = 6
"""Options beyond which a message with a good suggestion does not list them all."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of numbers; an end that is None is open to infinity."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        return not (self.high is not None and (value > self.high or (self.high_open and value == self.high)))

    def __str__(self) -> str:
        """As mathematicians and the container write it: `[0, 1]`, `(0, +inf)`."""
        low = "(-inf" if self.low is None else f"{'(' if self.low_open else '['}{self.low}"
        high = "+inf)" if self.high is None else f"{self.high}{')' if self.high_open else ']'}"
        return f"{low}, {high}"

    def in_words(self) -> str:
        """`at least 1`, `greater than 0`, `in [0, 1]`."""
        if self.high is None and self.low is not None:
            return f"{'greater than' if self.low_open else 'at least'} {self.low:g}"
        return f"in {self}"


class Hyperparameter(Protocol):
    """One row of the table."""

    @property
    def name(self) -> str: ...

    @property
    def required(self) -> bool: ...

    def parse(self, text: str) -> Value:
        """The value as the container reads it. Raises ValueError."""

    def expected(self) -> str:
        """The allowed values, to stand after `it must be`."""

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        """What is wrong with a parsed value; `name` and `text` as the user wrote them."""


@dataclass(frozen=True, slots=True)
class Integer:
    name: str
    range: Interval
    required: bool = False

    def parse(self, text: str) -> Value:
        return int(text)

    def expected(self) -> str:
        return f"a whole number {self.range.in_words()}"

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        return [] if value in self.range else [_out_of_range(self, name, text, value, self.range)]  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Real:
    name: str
    range: Interval
    required: bool = False

    def parse(self, text: str) -> Value:
        return float(text)

    def expected(self) -> str:
        return f"a number {self.range.in_words()}"

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        assert isinstance(value, float)
        if value not in self.range:
            return [_out_of_range(self, name, text, value, self.range)]
        if not math.isfinite(value):  # the container's comparisons let NaN and infinity pass
            return [Violation(name, f"{name} is {text}; it must be {self.expected()}, and finite.")]
        return []


@dataclass(frozen=True, slots=True)
class Choice:
    name: str
    options: tuple[str, ...]
    required: bool = False

    def parse(self, text: str) -> Value:
        return text

    def expected(self) -> str:
        return f"one of {', '.join(self.options)}"

    def faults(self, name: str, text: str, value: Value) -> list[Violation]:
        if value in self.options:
            return []
        fix = suggest(text, self.options)
        fault = _out_of_range(self, name, text, text, list(self.options), fix)
        if fix and len(self.options) > _MANY:
            return [replace(fault, message=f"{name} is {_short(text)}, which the algorithm does not know.")]
        return [fault]


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
        return [] if value in options else [_out_of_range(self, name, text, text, options, suggest(text, options))]


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
        return [Violation(name, f"{name} is {_short(text)}; it must be {self.expected()}.", "", container)]


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
        return [Violation(name, f"{name} is {_short(text)}; it must be {self.expected()}.", "", container)]


def suggest(text: str, options: Iterable[str]) -> str:
    """`Did you mean eta?`, or empty where nothing comes near."""
    known = list(options)
    lower = {option.lower(): option for option in known}
    close = [lower[text.lower()]] if text.lower() in lower else get_close_matches(text, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else ""


def unreadable(rule: Hyperparameter, name: str, text: str) -> Violation:
    """The violation of a text that `rule.parse` refuses."""
    message = f"{name} is {_short(text)!r}; it must be {rule.expected()}."
    return Violation(name, message, "", f"Hyperparameter {rule.name}: could not parse value")


def _out_of_range(
    rule: Hyperparameter, name: str, text: str, value: object, allowed: object, fix: str = ""
) -> Violation:
    message = f"{name} is {_short(text) or repr(text)}; it must be {rule.expected()}."
    return Violation(name, message, fix, f"Hyperparameter {rule.name}: {value} is not in {allowed}")


def _literal(text: str) -> object:
    """The Python literal in `text`; the container evaluates such text as code, which is not done here."""
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(text) from error


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
