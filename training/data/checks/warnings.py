"""What a container trains on, and what hardly anybody means: a line of words for it, with its figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from training.data.checks.column_facts import EXACT, ColumnFacts, query_warnings
from training.data.checks.columns import FEWEST, numbered
from training.hyperparameters.table import requested_metrics

_SHARE = 0.01
"""Of a channel's rows that are rows of another one: from there a figure that is measured on them says too much."""
_FEW = 3
_FAR = 3.0
"""Standard deviations that the mean of a channel's labels may be away from that of train's."""
_OTHER_MIX = 0.5
"""Of the rows that have another class in one channel than in the other (total variation distance)."""
_NAMED = 5

Facts = Mapping[str, ColumnFacts]


def data_warnings(
    facts: Facts, values: Mapping[str, str], name: Callable[[int], str], *, label_columns: int = 1
) -> Iterator[str]:
    """facts: by channel. values: hyperparameters. name: of a column, in messages. label_columns: no features."""
    known = {channel: found for channel, found in facts.items() if found.rows and not found.lost}
    if not known:
        return
    numbers = dict(_row_numbers(known, name, label_columns))
    yield from numbers.values()
    yield from _as_float32(known, name)
    if train := known.get("train"):
        yield from _of_the_label(train, name, label_columns)
        yield from _that_say_nothing(train, name, label_columns)
        yield from () if 0 in numbers else _other_labels(known, train, values)
    yield from _rows_in_two(known)
    yield from query_warnings(known, values)
    if twice := {channel: found.twice[0] for channel, found in known.items() if found.twice[0]}:
        index = next(found.twice[1] for found in known.values() if found.twice[0])
        yield (
            f"{_rows_of(twice, known)} have an index twice (such as {index}): which of its values a tree compares is "
            "not defined."
        )
    if weightless := {channel: found.no_weight for channel, found in known.items() if found.no_weight}:
        yield f"{_rows_of(weightless, known)} have weight 0: they count as none."


def _rows_of(counts: Mapping[str, int], facts: Facts) -> str:
    """`all 240 rows of train and 3 of 80 rows of test`."""
    return _and([f"{_of(count, facts[channel].rows, 'rows')} of {channel}" for channel, count in counts.items()])


def _row_numbers(facts: Facts, name: Callable[[int], str], label_columns: int) -> Iterator[tuple[int, str]]:
    """By column: an index of pandas, written as the label or among the features."""
    width = max(len(found.low) for found in facts.values())
    if sum(found.rows for found in facts.values()) < FEWEST:
        return
    parts = [found.counting for found in facts.values()]
    maybe = set.intersection(*(set(() if part.columns is None else part.columns.tolist()) for part in parts))
    for column in sorted(maybe & set(range(width))):
        label = column == 0
        if not label and (column < label_columns or not all(found.features for found in facts.values())):
            continue
        if all(part.in_order(column) for part in parts):
            what = "counts the rows in file order"
        elif numbered(parts, column) or all(numbered([part], column) for part in parts):
            what = "has each number of a range once, in no order"
        elif label and all(part.in_order(column, rising=True) for part in parts):
            what = "rises from row to row, by whole numbers"
        else:
            continue
        low, high = (
            min(int(found.low[column]) for found in facts.values()),
            max(int(found.high[column]) for found in facts.values()),
        )
        rows = sum(found.rows for found in facts.values())
        meant = "Was the index written before it (to_csv without index=False)?" if label else "Leave an index out."
        place = f"{low:,} to {high:,} in {rows:,} rows of {_and(list(facts))}"
        yield column, f"{_capital(name(column))} {what}, {place}. {meant}"


def _as_float32(facts: Facts, name: Callable[[int], str]) -> Iterator[str]:
    """Whole numbers that are others when xgboost has stored them."""
    for column in range(max(len(found.low) for found in facts.values())):
        having = [found for found in facts.values() if column < len(found.changed) and found.changed[column]]
        if not having:
            continue
        changed, rows = sum(int(found.changed[column]) for found in having), sum(one.rows for one in facts.values())
        low, high = min(float(found.low[column]) for found in having), max(float(one.high[column]) for one in having)
        if having[0].sparse:
            what = f"are {EXACT:,.0f} or more, where float32, in which xgboost stores them, has not every whole number"
        else:
            value = having[0].example[column]
            what = f"change when they are stored as float32, as xgboost does ({value:.0f} becomes "
            what += f"{_float32(value):.0f})"
        if low < high and _float32(low) == _float32(high):
            what += f"; all of them become {_float32(low):.0f}"
        yield f"{_capital(name(column))}: {_of(changed, rows, 'values')} {what}."


def _of_the_label(train: ColumnFacts, name: Callable[[int], str], label_columns: int) -> Iterator[str]:
    """Features from which the label can be read off."""
    if train.rows < FEWEST or not train.features:
        return
    reported = set()
    for lines, target in ((train.of_label, "the label"), (train.of_measured, "what the label is the logarithm of")):
        for column, same in lines.found():
            if column >= label_columns and column not in reported:
                reported.add(column)
                what = f"is {target}" if same else f"is a straight line of {target}"
                yield (
                    f"{_capital(name(column))} {what} in all {train.rows:,} rows of train: the model learns nothing "
                    "else, and no such column comes with a row to predict."
                )


def _that_say_nothing(train: ColumnFacts, name: Callable[[int], str], label_columns: int) -> Iterator[str]:
    """Features that are the same, or missing, in every row."""
    if train.rows < FEWEST or not train.features:
        return
    columns = range(label_columns, len(train.low))
    missing = [column for column in columns if train.missing[column] == train.rows]
    alike = [column for column in columns if train.low[column] == train.high[column] and not train.missing[column]]
    for found, what in ((alike, "the same number"), ([] if train.sparse else missing, "no value")):
        if found:
            features = "1 feature has" if len(found) == 1 else f"{len(found):,} features have"
            named = ", ".join(name(column) for column in found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
            yield f"{features} {what} in all {train.rows:,} rows of train, and no tree can use it: {named}."


def _other_labels(facts: Facts, train: ColumnFacts, values: Mapping[str, str]) -> Iterator[str]:
    """Labels of a channel that are not as those of train; of one class alone, `label_warnings` speaks by the metric."""
    objective = values.get("objective", "")
    reported = any(metric.partition("@")[0] in ("auc", "aucpr") for metric in requested_metrics(values))
    for channel, found in facts.items():
        if found is train or train.rows < FEWEST:
            continue
        if objective.startswith(("binary:", "multi:")):
            if not (reported and channel == "validation" and found.low[0] == found.high[0]):
                yield from _other_classes(channel, found, train)
        elif not objective.startswith(("rank:", "survival:")) and found.rows >= FEWEST:
            mean, middle = found.total[0] / found.rows, train.total[0] / train.rows
            spread = math.sqrt(max(train.total[1] / train.rows - middle * middle, 0.0))
            if spread and abs(mean - middle) > _FAR * spread:
                yield (
                    f"The labels of {channel} have the mean {mean:g}, those of train {middle:g} with a standard "
                    f"deviation of {spread:g}: are both in the same unit?"
                )


def _other_classes(channel: str, found: ColumnFacts, train: ColumnFacts) -> Iterator[str]:
    if found.classes is None or train.classes is None:
        return
    absent = sorted(set(found.classes) - set(train.classes))
    if absent:
        rows = sum(found.classes[label] for label in absent)
        classes = f"class{'' if len(absent) == 1 else 'es'} {', '.join(map(str, absent[:_NAMED]))}"
        more = ", …" if len(absent) > _NAMED else ""
        yield f"{_of(rows, found.rows, 'rows')} of {channel} have {classes}{more}, of which train has no row."
        return
    shares = {
        label: (found.classes.get(label, 0) / found.rows, train.classes.get(label, 0) / train.rows)
        for label in {*found.classes, *train.classes}
    }
    if found.rows >= FEWEST and sum(abs(here - there) for here, there in shares.values()) / 2 > _OTHER_MIX:
        label, (here, there) = max(shares.items(), key=lambda one: abs(one[1][0] - one[1][1]))
        yield f"{here:.0%} of the rows of {channel} have class {label}, and {there:.0%} of those of train."


def _rows_in_two(facts: Facts) -> Iterator[str]:
    """Rows that a model is measured on and was trained on."""
    channels = list(facts)
    for place, channel in enumerate(channels[1:], 1):
        for other in channels[:place]:
            found = facts[channel]
            count = found.digests.found_in(facts[other].digests)
            if count >= _FEW and count >= _SHARE * found.rows:
                again = facts[other].digests.repeated()
                natural = f" (of {other}'s own {facts[other].rows:,} rows {again:,} repeat another)" if again else ""
                about = "" if found.digests.whole and facts[other].digests.whole else "about "
                yield (
                    f"{about}{_of(count, found.rows, 'rows')} of {channel} are rows of {other} too, label and all"
                    f"{natural}: figures of {channel} are too good."
                )


def _of(count: int, rows: int, what: str) -> str:
    return f"all {rows:,} {what}" if count == rows else f"{count:,} of {rows:,} {what}"


def _float32(value: float) -> float:
    import numpy as np

    return float(np.float32(value))


def _and(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
