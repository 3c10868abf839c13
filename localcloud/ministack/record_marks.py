"""Marks of the records of a store, which are equal as long as a record does not change, and how they are taken.

- Records of a frozen store (localcloud/ministack/frozen.py) are replaced and never changed: another object is a change.
- So are some values of other records (`REPLACED`).
- All others are turned into bytes that they can be made from again, and compared with the last ones: a value that is
  anywhere else, in whatever depth, gives other bytes.

A plan takes stores that are alike. What it has prepared is called for all plans in turn, without a line of Python in
between, in which another thread could run.
"""

from __future__ import annotations

import itertools
import marshal
import operator
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from localcloud.ministack.door.names import entries

Address = tuple[str, str]
"""A service and one of its stores."""

REPLACED: Mapping[Address, frozenset[str]] = {
    ("cloudformation", "stacks"): frozenset({"_template"}),
    ("cloudformation", "change_sets"): frozenset({"_template"}),
}
"""Fields of a store's records that ministack only ever puts another object in: they hold half of what there is to read.
"""

HEAD = None
"""The key of what is known of a store besides its records."""


@dataclass(slots=True)
class Format:
    """A way to bytes and back. marshal's is the faster one; it does not know all that pickle does."""

    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]


MARSHAL = Format(marshal.dumps, marshal.loads)
PICKLE = Format(partial(pickle.dumps, protocol=pickle.HIGHEST_PROTOCOL), pickle.loads)


@dataclass(slots=True, eq=False)
class _Split:
    """A record some of whose values are known by their identity: equal as long as nothing in it changes."""

    form: Format
    fields: frozenset[str]
    names: list[Any]
    replaced: list[Any]
    """The values of those fields, kept so that no other object has their identity."""
    others: bytes

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Split)
            and (self.others, self.names) == (other.others, other.names)
            and all(map(operator.is_, self.replaced, other.replaced))
        )

    def record(self) -> dict[Any, Any]:
        """The record as it was."""
        others, replaced = iter(self.form.load(self.others)), iter(self.replaced)
        return {name: next(replaced if name in self.fields else others) for name in self.names}


@dataclass(slots=True)
class Taken:
    """A store of one moment: the same object as long as nothing in it changes."""

    base: type[Any] | None
    """ministack's class of a store of many accounts; None for anything else."""
    form: Format | None
    """None: the records are frozen."""
    keys: list[Any]
    marks: list[Any]
    """Of each record, equal as long as it did not change: its bytes, or the identity of a frozen one; or a `_Split`."""
    records: list[Any]
    """Frozen records, kept so that no other object has their identity; nothing where `marks` are others."""

    def store(self, number: int) -> Any:
        """A store with this record alone; of a store of many accounts, the head is one without any."""
        key, made = self.keys[number], self.base() if self.base else None
        if made is not None and key is HEAD:
            return made
        mark = self.marks[number]
        if isinstance(mark, _Split):
            record = mark.record()
        else:
            record = self.records[number] if self.form is None else self.form.load(mark)
        if made is None:
            return record
        entries(made)[key] = record
        return made


class Plan:
    """The stores that are taken in the same way: those at these positions among all."""

    def __init__(self, base: type[Any] | None, form: Format | None, positions: list[int]) -> None:
        self._base, self._form, self._positions = base, form, positions
        self._last: tuple[list[list[Any]], list[Any]] | None = None
        self._kept: list[Any] = []

    def call(self, stores: list[Any], *, whole: bool) -> Callable[[], list[list[Any]]]:
        """What takes the stores when it is called, without a line of Python: lists of keys, and values one by one.

        whole: no value of a record is known by its identity.
        All iterators are made when it is called: one made earlier would notice what other threads add until then.
        """
        chosen = [stores[position] for position in self._positions]
        if self._base is None:
            assert self._form is not None
            return partial(list, map(list, [map(self._form.dump, chosen)]))
        tables = list(map(entries, chosen))
        values: Iterator[Any] = itertools.chain.from_iterable(map(dict.values, tables))
        return partial(list, map(list, [map(list, tables), map(self._form.dump, values) if self._form else values]))

    def settled(self, result: list[list[Any]]) -> list[list[Any]] | None:
        """The keys and the marks of what was taken; None where other threads put something else in meanwhile."""
        return result

    def changed(self, result: list[list[Any]]) -> bool:
        """Whether that is another result than the last one."""
        values = result[-1]
        marks = values if self._form else list(map(id, values))
        now, last = (result[0] if self._base else [], marks), self._last
        # Frozen records are kept, so that no other object has their identity.
        self._last, self._kept = now, [] if self._form else values
        return last != now

    def taken(self, result: list[list[Any]], last: Callable[[int], Taken | None]) -> Iterator[tuple[int, Taken]]:
        """The stores that changed, each with its position; `last` gives what was taken of a position."""
        keys_of: Iterable[list[Any]] = result[0] if self._base else itertools.repeat([])
        head = [self._base.__name__] if self._base else []
        values = iter(result[-1])
        for position, keys in zip(self._positions, keys_of, strict=False):
            records = [*head, *itertools.islice(values, len(keys) if self._base else 1)]
            keys, marks = [HEAD, *keys], records if self._form else list(map(id, records))
            before = last(position)
            if before is None or before.keys != keys or before.marks != marks or before.form is not self._form:
                yield position, Taken(self._base, self._form, keys, marks, [] if self._form else records)


class _SplitPlan(Plan):
    """The same for stores whose records have fields that are `REPLACED`.

    What is to be read of a record is found before the one moment, and at that moment which values it has.
    """

    def __init__(self, base: type[Any], form: Format, positions: list[int], fields: frozenset[str]) -> None:
        super().__init__(base, form, positions)
        self._dump, self._fields = form.dump, fields
        self._mark = partial(_Split, form, fields)
        self._before: list[list[Any]] | None = None

    def call(self, stores: list[Any], *, whole: bool) -> Callable[[], list[list[Any]]]:
        self._before = None
        if whole:
            return super().call(stores, whole=True)
        tables = [entries(stores[position]) for position in self._positions]
        records = list(_flat(map(dict.values, tables)))
        names, values = list(map(list, records)), list(map(list, map(dict.values, records)))
        self._before = [records, names, values]
        others = [[value for name, value in zip(*each) if name not in self._fields] for each in zip(names, values)]  # noqa: B905 - `settled` compares them
        now = [_flat(map(dict.values, tables)), map(list, records), map(list, map(dict.values, records))]
        return partial(list, map(list, [map(list, tables), *now, map(self._dump, others)]))

    def settled(self, result: list[list[Any]]) -> list[list[Any]] | None:
        if self._before is None:
            return result
        keys, *now, others = result
        (records, names, values), before = now, self._before
        if names != before[1] or not _same(records, before[0]) or not _same([*_flat(values)], [*_flat(before[2])]):
            return None
        replaced = [
            [value for name, value in zip(*each, strict=True) if name in self._fields]
            for each in zip(names, values, strict=True)
        ]
        return [keys, list(map(self._mark, names, replaced, others))]


_flat = itertools.chain.from_iterable


def _same(some: list[Any], others: list[Any]) -> bool:
    """Whether these are the same objects."""
    return len(some) == len(others) and all(map(operator.is_, some, others))


def plan_of(base: type[Any] | None, form: Format | None, positions: list[int], fields: frozenset[str]) -> Plan:
    return _SplitPlan(base, form, positions, fields) if base and form and fields else Plan(base, form, positions)
