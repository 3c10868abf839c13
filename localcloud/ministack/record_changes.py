"""Which records of the services changed since they were looked at last, and their documents.

A service's state is a dictionary of stores. A document is one record of a store of many accounts (`SERVICE/STORE/KEY`),
or a store that is something else (`SERVICE/STORE`; for a store of many accounts: that there is one). How a change is
known:

- Records of a frozen store (localcloud/ministack/frozen.py) are replaced and never changed: another object is a change.
- All others are turned into bytes that they can be made from again, and compared with the last ones: a value that is
  anywhere else, in whatever depth, gives other bytes. Only what has other bytes is made into a document.

Both are done for all stores of all services in one call into C, in which no other thread runs: all is of one moment.
"""

from __future__ import annotations

import itertools
import marshal
import operator
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import entries
from localcloud.ministack.frozen import is_frozen
from localcloud.ministack.state_document import decode, encode
from localcloud.server.persistence import misplaced, service_of

UNTAKEABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, pickle.PickleError)
"""What records that nobody can save raise. Any other RuntimeError: they changed while they were read."""

Address = tuple[str, str]
"""A service and one of its stores."""

_HEAD = None
"""The key of what is known of a store besides its records."""


@dataclass(slots=True)
class _Format:
    """A way to bytes and back. marshal's is the faster one; it does not know all that pickle does."""

    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]


_MARSHAL = _Format(marshal.dumps, marshal.loads)
_PICKLE = _Format(partial(pickle.dumps, protocol=pickle.HIGHEST_PROTOCOL), pickle.loads)


@dataclass(slots=True)
class Taken:
    """A store of one moment: the same object as long as nothing in it changes."""

    base: type[Any] | None
    """ministack's class of a store of many accounts; None for anything else."""
    form: _Format | None
    """None: the records are frozen."""
    keys: list[Any]
    marks: list[Any]
    """Of each record, equal as long as it did not change: its bytes, or the identity of a frozen one."""
    records: list[Any]
    """Frozen records, kept so that no other object has their identity; nothing where `marks` are bytes."""

    def store(self, number: int) -> Any:
        """A store with this record alone; of a store of many accounts, the head is one without any."""
        key, made = self.keys[number], self.base() if self.base else None
        if made is not None and key is _HEAD:
            return made
        record = self.records[number] if self.form is None else self.form.load(self.marks[number])
        if made is None:
            return record
        entries(made)[key] = record
        return made


@dataclass(slots=True)
class ServiceChanges:
    """The documents of a service that changed, by name in their order, and the names of those that are gone."""

    changed: dict[str, bytes] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


class _Plan:
    """The stores that are taken in the same way: those at these positions among all."""

    def __init__(self, base: type[Any] | None, form: _Format | None, positions: list[int]) -> None:
        self._base, self._form, self._positions = base, form, positions
        self._last: tuple[list[list[Any]], list[Any]] | None = None
        self._kept: list[Any] = []

    def call(self, stores: list[Any]) -> Callable[[], list[list[Any]]]:
        """What takes the stores when it is called, without a line of Python: lists of keys, and values one by one.

        All iterators are made when it is called: one made earlier would notice what other threads add until then.
        """
        chosen = [stores[position] for position in self._positions]
        if self._base is None:
            assert self._form is not None
            return partial(list, map(list, [map(self._form.dump, chosen)]))
        tables = list(map(entries, chosen))
        values: Iterator[Any] = itertools.chain.from_iterable(map(dict.values, tables))
        return partial(list, map(list, [map(list, tables), map(self._form.dump, values) if self._form else values]))

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
            keys, marks = [_HEAD, *keys], records if self._form else list(map(id, records))
            before = last(position)
            if before is None or before.keys != keys or before.marks != marks or before.form is not self._form:
                yield position, Taken(self._base, self._form, keys, marks, [] if self._form else records)


class RecordChanges:
    """Remembers what was seen of each service: `take` looks, `changes` compares, `seen` remembers."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Taken]] = {}
        self._pickled: set[Address] = set()
        """Stores with records that marshal does not know."""
        self._layout: tuple[Any, ...] = ()
        self._addresses: list[Address] = []
        self._plans: list[_Plan] = []
        self._taken: dict[str, dict[str, Taken]] = {}

    def forget(self) -> None:
        """Hold everything to be new."""
        self._seen = {}

    def knows(self, service: str) -> bool:
        """Whether the service was seen before."""
        return service in self._seen

    def take(self, states: Mapping[str, dict[str, Any]]) -> tuple[dict[str, dict[str, Taken]], dict[str, str]]:
        """All stores at one moment, by service; and why a service's cannot be taken, by service."""
        failures: dict[str, str] = {}
        states = dict(states)
        while True:
            known = len(self._pickled)
            try:
                return self._take_at_once(states), failures
            except UNTAKEABLE:
                failed = self._untakeable(states)
                if not failed and known == len(self._pickled):
                    raise
                failures.update(failed)
                states = {service: state for service, state in states.items() if service not in failures}

    def changes(self, service: str, stores: Mapping[str, Taken]) -> ServiceChanges:
        """What is not as it was when the service was seen. Raises UnsavableError."""
        before = self._seen.get(service, {})
        found = ServiceChanges()
        if before is stores:
            return found
        for name in before.keys() - stores.keys():
            found.removed += [_document_name(service, name, key) for key in before[name].keys]
        for name, taken in stores.items():
            last = before.get(name)
            if last is taken:
                continue
            changed, removed = _compared(last, taken)
            found.removed += [_document_name(service, name, key) for key in removed]
            for number in changed:
                document = encode(service, {name: taken.store(number)})
                found.changed[_document_name(service, name, taken.keys[number])] = document
        return found

    def seen(self, service: str, stores: dict[str, Taken]) -> None:
        """Remember these: they are on their way to the disk."""
        self._seen[service] = stores

    def drop_all_but(self, services: Set[str]) -> None:
        """Forget services that have no records any more."""
        for service in self._seen.keys() - services:
            del self._seen[service]

    def _take_at_once(self, states: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Taken]]:
        stores = list(itertools.chain.from_iterable(map(dict.values, states.values())))
        layout = ([*states], list(map(list, states.values())), list(map(type, stores)), len(self._pickled))
        if layout != self._layout:
            self._lay_out(states, stores)
            self._layout = layout
        calls = [plan.call(stores) for plan in self._plans]
        # From here to the next line no other thread runs.
        results = list(map(operator.call, calls))
        found, copied = dict(self._taken), set[str]()

        def last(position: int) -> Taken | None:
            service, name = self._addresses[position]
            return self._taken[service].get(name)

        for plan, result in zip(self._plans, results, strict=True):
            for position, now in plan.taken(result, last) if plan.changed(result) else ():
                service, name = self._addresses[position]
                if service not in copied:
                    found[service] = dict(found[service])
                    copied.add(service)
                found[service][name] = now
        self._taken = found
        return found

    def _lay_out(self, states: Mapping[str, dict[str, Any]], stores: list[Any]) -> None:
        """Plan how each store is taken. What was taken of stores that are still there stays."""
        self._addresses = [(service, name) for service, state in states.items() for name in state]
        chosen: dict[tuple[type[Any] | None, bool, bool], list[int]] = {}
        for position, (address, store) in enumerate(zip(self._addresses, stores, strict=True)):
            way = (_base(store), is_frozen(store), address in self._pickled)
            chosen.setdefault(way, []).append(position)
        self._plans = [
            _Plan(base, None if frozen else _PICKLE if pickled else _MARSHAL, positions)
            for (base, frozen, pickled), positions in chosen.items()
        ]
        self._taken = {
            service: {name: taken for name, taken in self._taken.get(service, {}).items() if name in state}
            for service, state in states.items()
        }

    def _untakeable(self, states: Mapping[str, dict[str, Any]]) -> dict[str, str]:
        """Why the records of a service cannot be taken, by service; nothing where it was one that only pickle takes."""
        failures: dict[str, str] = {}
        stores = {(service, name): store for service, state in states.items() for name, store in state.items()}
        for address, store in stores.items():
            if is_frozen(store):
                continue
            values = [*entries(store).values()] if _base(store) else [store]
            form = _PICKLE if address in self._pickled else _MARSHAL
            try:
                [form.dump(value) for value in values]
            except UNTAKEABLE as error:
                if form is _MARSHAL:
                    self._pickled.add(address)
                else:
                    failures[address[0]] = described(error)
        return failures


def described(error: Exception) -> str:
    """An error in a word and a sentence."""
    return f"{type(error).__name__}: {error}"


def _base(store: Any) -> type[Any] | None:
    """ministack's class of a store of many accounts; None for anything else."""
    known = (responses.AccountRegionScopedDict, responses.AccountScopedDict)
    return next((each for each in known if isinstance(store, each)), None)


def _compared(last: Taken | None, now: Taken) -> tuple[list[int], list[Any]]:
    """The numbers of the records that are new, changed or have to be added again, and the keys of those to remove."""
    before = {} if last is None else dict(zip(last.keys, last.marks, strict=True))
    there = dict.fromkeys(now.keys)
    again = dict.fromkeys(misplaced([*before], now.keys))
    changed = [
        number
        for number, (key, mark) in enumerate(zip(now.keys, now.marks, strict=True))
        if key in again or key not in before or before[key] != mark
    ]
    return changed, [*(key for key in before if key not in there), *again]


def _document_name(service: str, store: str, key: Any) -> str:
    return f"{service}/{store}" if key is _HEAD else f"{service}/{store}/{key!r}"


def joined(documents: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """The records of each service from its documents, in their order. Raises ValueError.

    A document may also be a whole service, `SERVICE`, as versions up to 0.3.0 wrote it.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, document in documents.items():
        state = found.setdefault(service_of(name), {})
        for store, value in decode(document).items():
            if _base(value) and _base(state.get(store)):
                entries(state[store]).update(entries(value))
            else:
                state[store] = value
    return found
