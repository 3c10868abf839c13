"""Which records of the services changed since they were looked at last, and their documents.

A service's state is a dictionary of stores. A document is one record of a store of many accounts (`SERVICE/STORE/KEY`),
or a store that is something else (`SERVICE/STORE`; for a store of many accounts: that there is one). How a change is
known: record_marks.py. All stores of all services are looked at in one call into C, in which no other thread runs: all
is of one moment. Only what changed is made into a document.
"""

from __future__ import annotations

import itertools
import operator
import pickle
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from localcloud.ministack.door.core import responses
from localcloud.ministack.door.names import entries
from localcloud.ministack.frozen import is_frozen
from localcloud.ministack.record_marks import HEAD, MARSHAL, PICKLE, REPLACED, Address, Plan, Taken, plan_of
from localcloud.ministack.state_document import decode, encode
from localcloud.server.persistence import misplaced, service_of

UNTAKEABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, pickle.PickleError)
"""What records that nobody can save raise. Any other RuntimeError: they changed while they were read."""

_LOOKS = 3
"""At values known by their identity, which other threads may meet while they are found; then all is read in whole."""


@dataclass(slots=True)
class ServiceChanges:
    """The documents of a service that changed, by name in their order, and the names of those that are gone."""

    changed: dict[str, bytes] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


class RecordChanges:
    """Remembers what was seen of each service: `take` looks, `changes` compares, `seen` remembers."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, Taken]] = {}
        self._pickled: set[Address] = set()
        """Stores with records that marshal does not know."""
        self._layout: tuple[Any, ...] = ()
        self._addresses: list[Address] = []
        self._plans: list[Plan] = []
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
        results = self._results(stores)
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

    def _results(self, stores: list[Any]) -> list[list[list[Any]]]:
        """What each plan takes, all at one moment."""
        for look in range(_LOOKS + 1):
            calls = [plan.call(stores, whole=look == _LOOKS) for plan in self._plans]
            # From here to the next line no other thread runs.
            results = list(map(operator.call, calls))
            settled = [plan.settled(result) for plan, result in zip(self._plans, results, strict=True)]
            marked = [result for result in settled if result is not None]
            if len(marked) == len(settled):
                return marked
        raise AssertionError("what is read in whole is settled")

    def _lay_out(self, states: Mapping[str, dict[str, Any]], stores: list[Any]) -> None:
        """Plan how each store is taken. What was taken of stores that are still there stays."""
        self._addresses = [(service, name) for service, state in states.items() for name in state]
        chosen: dict[tuple[type[Any] | None, bool, bool, frozenset[str]], list[int]] = {}
        for position, (address, store) in enumerate(zip(self._addresses, stores, strict=True)):
            way = (_base(store), is_frozen(store), address in self._pickled, REPLACED.get(address, frozenset()))
            chosen.setdefault(way, []).append(position)
        self._plans = [
            plan_of(base, None if frozen else PICKLE if pickled else MARSHAL, positions, fields)
            for (base, frozen, pickled, fields), positions in chosen.items()
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
            form = PICKLE if address in self._pickled else MARSHAL
            try:
                [form.dump(value) for value in values]
            except UNTAKEABLE as error:
                if form is MARSHAL:
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
    return f"{service}/{store}" if key is HEAD else f"{service}/{store}/{key!r}"


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
