"""What is kept of the values of one metric in one period: their number, sum, least and greatest, and a histogram.

The histogram has a bucket for each per cent: a percentile of it is within 1 % of that of the values themselves.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"p(\d{1,2}(\.\d{1,10})?|100(\.0*)?)", re.IGNORECASE)
_BUCKETS = 1 / math.log(1.01)
"""Buckets for each factor of e: the bounds of a bucket are 1 % apart."""
_MOST = 400
"""Different values that a set keeps as they are; more go into buckets."""

Samples = dict[float, float]
"""How often each value was seen."""


def bucket_of(value: float) -> int:
    """The number of the bucket of a value above 0."""
    return math.floor(math.log(value) * _BUCKETS)


def bucket_value(bucket: int) -> float:
    """The value that stands for a bucket: its middle, to five digits."""
    return float(f"{math.exp((bucket + 0.5) / _BUCKETS):.5g}")


def is_percentile(statistic: str) -> bool:
    """Whether it is a percentile, p0 to p100."""
    return _PERCENTILE.fullmatch(statistic) is not None


@dataclass(slots=True)
class StatisticSet:
    """The statistics of some values.

    samples: None where they are not known: a set that a user sent, of different values.
    """

    count: float
    total: float
    minimum: float
    maximum: float
    samples: Samples | None

    @classmethod
    def of(cls, samples: Mapping[float, float]) -> StatisticSet:
        """Of values and how often each was seen; at least one."""
        kept = {value: count for value, count in samples.items() if count > 0}
        total = math.fsum(value * count for value, count in kept.items())
        return cls(math.fsum(kept.values()), total, min(kept), max(kept), _bucketed(kept))

    @classmethod
    def sent(cls, count: float, total: float, minimum: float, maximum: float) -> StatisticSet:
        """A set that a user sent (StatisticValues): its percentiles are known where all its values are the same."""
        same = minimum == maximum and math.isclose(total, minimum * count)
        return cls(count, total, minimum, maximum, {minimum: count} if same else None)

    @classmethod
    def merged(cls, sets: Sequence[StatisticSet]) -> StatisticSet:
        """Of the values of all the sets; at least one."""
        if len(sets) == 1:
            return sets[0]
        samples: Samples | None = {}
        for one in sets:
            if one.samples is None or samples is None:
                samples = None
                continue
            for value, count in one.samples.items():
                samples[value] = samples.get(value, 0) + count
        return cls(
            sum(one.count for one in sets),
            math.fsum(one.total for one in sets),
            min(one.minimum for one in sets),
            max(one.maximum for one in sets),
            None if samples is None else _bucketed(samples),
        )

    def statistic(self, name: str) -> float | None:
        """A statistic by its name in the API; None for a percentile that these values have not."""
        basic = {
            "SampleCount": self.count,
            "Average": self.total / self.count,
            "Sum": self.total,
            "Minimum": self.minimum,
            "Maximum": self.maximum,
        }
        return basic[name] if name in basic else self.percentile(float(name[1:]))

    def percentile(self, percent: float) -> float | None:
        """Between the two nearest ranks; None where the values are not known, or one is below 0."""
        if not self.samples or self.minimum < 0:
            return None
        ordered = sorted(self.samples.items())
        rank = percent / 100 * max(0.0, self.count - 1)
        low, high = _at(ordered, math.floor(rank)), _at(ordered, math.ceil(rank))
        # A bucket's middle may lie outside of what was seen.
        return min(self.maximum, max(self.minimum, low + (rank - math.floor(rank)) * (high - low)))

    def row(self, moment: float) -> tuple[float | str | None, ...]:
        """As JSON, small: moment, number, sum, least, greatest and the samples as a text."""
        text = None if self.samples is None else " ".join(_text(*pair) for pair in self.samples.items())
        return (moment, self.count, self.total, self.minimum, self.maximum, text)

    @classmethod
    def of_row(cls, row: Sequence[float | str | None]) -> StatisticSet:
        """What `row` made."""
        count, total, minimum, maximum, text = row[1:]
        samples = None if text is None else dict(_pairs(str(text)))
        number, whole, least, most = (float(each or 0) for each in (count, total, minimum, maximum))
        return cls(number, whole, least, most, samples)


def _bucketed(samples: Samples) -> Samples:
    if len(samples) <= _MOST:
        return samples
    found: Samples = {}
    for value, count in samples.items():
        middle = bucket_value(bucket_of(value)) if value > 0 else value
        found[middle] = found.get(middle, 0) + count
    return found


def _at(ordered: Sequence[tuple[float, float]], rank: int) -> float:
    seen = 0.0
    for value, count in ordered:
        seen += count
        if rank < seen:
            return value
    return ordered[-1][0]


def _text(value: float, count: float) -> str:
    return f"{value!r}*{count:g}" if count == int(count) and count < 1e6 else f"{value!r}*{count!r}"


def _pairs(text: str) -> Iterable[tuple[float, float]]:
    for pair in text.split():
        value, _, count = pair.partition("*")
        yield float(value), float(count)
