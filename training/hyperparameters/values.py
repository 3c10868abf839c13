"""The kinds of hyperparameter that hold one value: how each is read from its text, and what it may be.

Each kind has `parse` (the container's own reading; ValueError where it cannot) and `faults` (what is wrong with a value
that was read). A `Violation` says a broken rule in our words and in the container's, which are those of its
`sagemaker_algorithm_toolkit/hyperparameter_validation.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    name:      the hyperparameter, spelt as the user did.
    message:   what was expected and what was found.
    fix:       what to write instead; empty where the message says it.
    container: the words in which AWS's container fails the job for it (`UserError`); empty where the
               container lets it pass, and it fails later or is silently ignored.
    """

    name: str
    message: str
    fix: str = ""
    container: str = ""


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
        return [] if value in self.range else [out_of_range(self, name, text, value, self.range)]  # type: ignore[operator]


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
            return [out_of_range(self, name, text, value, self.range)]
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
        fault = out_of_range(self, name, text, text, list(self.options), fix)
        if fix and len(self.options) > _MANY:
            return [replace(fault, message=f"{name} is {shorten(text)}, which the algorithm does not know.")]
        return [fault]


def suggest(text: str, options: Iterable[str]) -> str:
    """`Did you mean eta?`, or empty where nothing comes near."""
    known = list(options)
    lower = {option.lower(): option for option in known}
    close = [lower[text.lower()]] if text.lower() in lower else get_close_matches(text, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else ""


def unreadable(rule: Hyperparameter, name: str, text: str) -> Violation:
    """The violation of a text that `rule.parse` refuses."""
    message = f"{name} is {shorten(text)!r}; it must be {rule.expected()}."
    return Violation(name, message, "", f"Hyperparameter {rule.name}: could not parse value (caused by ValueError)")


def out_of_range(
    rule: Hyperparameter, name: str, text: str, value: object, allowed: object, fix: str = ""
) -> Violation:
    message = f"{name} is {shorten(text) or repr(text)}; it must be {rule.expected()}."
    return Violation(name, message, fix, f"Hyperparameter {rule.name}: {value} is not in {allowed}")


def shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
