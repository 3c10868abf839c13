"""The emulator's records as documents of one moment, and back; and which accounts and regions hold any."""

from __future__ import annotations

import copy
import functools
import json
import logging
import pickle
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from kickstand.errors import KickstandError, Problem
from localcloud.ministack import log_events
from localcloud.ministack.door.core import emulator, responses
from localcloud.ministack.door.names import SERVICES, correct, entries
from localcloud.ministack.door.services import s3, sts
from localcloud.ministack.s3 import objects
from localcloud.ministack.served import served_modules
from localcloud.ministack.state_document import UnsavableError, decode, encode
from localcloud.server.persistence import Moment

_log = logging.getLogger("kickstand.persistence")

_COPYING = frozenset({"lambda_svc", "lambda_durable"})
"""Modules whose `get_state` changes what it copied: they must be given real copies."""

_ATTEMPTS = 20

_UNTAKEABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, pickle.PickleError)
"""What records that nobody can save raise. Any other RuntimeError: they changed while they were read."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """The records of one moment, before they are documents."""

    pickles: dict[str, bytes]
    segments: dict[str, list[Any]]
    signatures: dict[str, log_events.Signature]
    failures: dict[str, str]


class _CaptureCopy(ModuleType):
    """Stands in for the module `copy` in a service: `deepcopy` gives the object itself while a capture runs."""

    def __init__(self) -> None:
        super().__init__("copy")
        self._capturing = threading.local()

    def __getattr__(self, name: str) -> Any:
        return getattr(copy, name)

    def deepcopy(self, value: Any, memo: Any = None) -> Any:
        return value if getattr(self._capturing, "on", False) else copy.deepcopy(value, memo)

    def capture(self, on: bool) -> None:
        self._capturing.on = on


class StateCapture:
    """Takes the records of all services that are loaded, one document a service. Call it for the moment."""

    def __init__(self) -> None:
        self._copy = _CaptureCopy()
        self._logs = log_events.LogSegments()
        self._parts: dict[str, bytes] = {}
        """What was captured last, whole: to compare two takes a tenth of the time that their digests take."""

    def __call__(self) -> Moment:
        taken = self._take()
        changed: dict[str, bytes] = {}
        failures = dict(taken.failures)
        for name, events in taken.segments.items():
            changed[name] = json.dumps(events).encode()
        for service, pickled in taken.pickles.items():
            if self._parts.get(service) == pickled:
                continue
            try:
                records = pickle.loads(pickled)  # noqa: S301 - bytes of this process, made a moment ago
                changed[service] = encode(service, records)
            except UnsavableError as error:
                failures[service] = str(error)
                self._parts.pop(service, None)
            else:
                self._parts[service] = pickled
        self._logs.saved(taken.signatures)
        return Moment(changed, {*taken.pickles, *taken.signatures}, failures)

    def forget(self) -> None:
        """Hold everything to be changed: what was captured last could not be saved."""
        self._parts = {}
        self._logs.forget()

    def _take(self) -> _Taken:
        for attempt in range(_ATTEMPTS):
            try:
                return self._take_once()
            except RuntimeError:
                # A thread added to a dictionary while it was walked in Python.
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.005)
        raise AssertionError("unreachable")

    def _take_once(self) -> _Taken:
        states, failures = self._references()
        segments: dict[str, list[Any]] = {}
        signatures: dict[str, log_events.Signature] = {}
        if log_events.SERVICE in states:
            try:
                split = self._logs.split(states[log_events.SERVICE])
                states[log_events.SERVICE], segments, signatures = split
            except _UNTAKEABLE as error:
                failures[log_events.SERVICE] = _named(error)
                del states[log_events.SERVICE]
        try:
            pickles = _pickled(states.values())
        except _UNTAKEABLE:
            for service, state in [*states.items()]:
                try:
                    _pickled([state])
                except _UNTAKEABLE as error:
                    failures[service] = _named(error)
                    del states[service]
            pickles = _pickled(states.values())
        return _Taken(dict(zip(states, pickles, strict=True)), segments, signatures, failures)

    def _references(self) -> tuple[dict[str, Any], dict[str, str]]:
        found: dict[str, Any] = {}
        failures: dict[str, str] = {}
        self._copy.capture(True)
        try:
            for key, module in service_modules().items():
                if getattr(module, "copy", None) is copy and module.__name__.rpartition(".")[2] not in _COPYING:
                    module.copy = self._copy  # type: ignore[attr-defined]
                try:
                    state = module.get_state()
                except _UNTAKEABLE as error:
                    failures[key] = _named(error)
                    continue
                if state:
                    found[key] = state
        finally:
            self._copy.capture(False)
        return found, failures


def restore(documents: Mapping[str, bytes]) -> None:
    """Give every service its records. Before the first request.

    Raises KickstandError where one cannot take its own: a server that starts with half of its records would save that
    half.
    """
    for key, name in served_modules().items():
        document = documents.get(key)
        if document is None:
            continue
        try:
            records = decode(document)
            if key == log_events.SERVICE:
                log_events.join(records, documents)
            emulator.get_module(name).load_persisted_state(records)
        except Exception as error:
            _log.exception("the saved records of %s cannot be read", key)
            raise KickstandError(
                Problem(
                    f"The saved records of the service {key} cannot be read: {_named(error)}.",
                    f"{key} in the state folder's services",
                    "The server's log has the whole error. Start afresh with: kickstand local reset",
                )
            ) from error
        if name == "s3":
            objects.drop_unknown(records)
    if "s3" not in documents:
        objects.drop_unknown({})


def keep_sessions() -> None:
    """Let temporary credentials outlive a restart, as they do at AWS; the emulator drops them."""

    def get_state(_: Any) -> dict[str, Any]:
        sts.evict_expired_sessions()
        return {"sessions": sts.sessions}

    def load_persisted_state(_: Any, data: Mapping[str, Any]) -> None:
        sts.sessions.update(data.get("sessions", {}))
        sts.evict_expired_sessions()

    correct(sts.get_state, get_state)
    correct(sts.load_persisted_state, load_persisted_state)


def service_modules() -> dict[str, ModuleType]:
    """The served services that have been loaded, by the name of their saved state.

    Some are reached by other services alone (log groups of a function), so the table of routed ones is not enough.
    """
    modules = {}
    for key, name in served_modules().items():
        module = emulator.loaded_modules.get(name) or sys.modules.get(f"{SERVICES}{name}")
        if isinstance(module, ModuleType) and hasattr(module, "get_state"):
            modules[key] = module
    return modules


def _pickled(states: Iterable[Any]) -> list[bytes]:
    """Each as bytes, all in one call into C: no other thread runs between the first and the last."""
    return list(map(functools.partial(pickle.dumps, protocol=pickle.HIGHEST_PROTOCOL), states))


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


_NOBODY = "000000000000"
"""The account of requests that name none: it holds what the emulator makes for itself."""


def used_accounts() -> dict[str, list[str]]:
    """Accounts with records, and in which regions (the records of global services have none)."""
    found: dict[str, set[str]] = {}
    for (account, _), bucket in list(entries(s3.buckets).items()):
        found.setdefault(account, set()).add(bucket.get("region") or "us-east-1")
    for module in service_modules().values():
        for store in vars(module).values():
            for account, region in _places(store):
                regions = found.setdefault(account, set())
                if region:
                    regions.add(region)
    return {account: sorted(regions) for account, regions in sorted(found.items()) if account != _NOBODY}


def _places(store: Any) -> list[tuple[str, str]]:
    if isinstance(store, responses.AccountRegionScopedDict):
        return [(key[0], key[1]) for key in list(entries(store))]
    if isinstance(store, responses.AccountScopedDict):
        return [(key[0], "") for key in list(entries(store))]
    return []
