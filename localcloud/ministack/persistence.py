"""The emulator's records of one moment, as documents of what changed, and back; and which accounts hold any."""

from __future__ import annotations

import copy
import json
import logging
import sys
import threading
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from kickstand.errors import KickstandError, Problem
from localcloud.ministack import log_events
from localcloud.ministack.door.core import emulator, responses
from localcloud.ministack.door.names import SERVICES, correct, entries
from localcloud.ministack.door.services import s3, sts
from localcloud.ministack.record_changes import UNTAKEABLE, RecordChanges, described, joined
from localcloud.ministack.record_marks import Taken
from localcloud.ministack.s3 import objects
from localcloud.ministack.served import served_modules
from localcloud.ministack.state_document import UnsavableError
from localcloud.server.persistence import Moment, service_of

_log = logging.getLogger("kickstand.persistence")

_COPYING = frozenset({"lambda_svc", "lambda_durable"})
"""Modules whose `get_state` changes what it copied: they must be given real copies."""

_ATTEMPTS = 20
_PAUSE = 0.005
"""Seconds before the second attempt; each pause is longer than the one before by as much: about a second in all."""


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
    """Takes the records of all services that are loaded, and gives the documents of those that changed."""

    def __init__(self) -> None:
        self._copy = _CaptureCopy()
        self._logs = log_events.LogSegments()
        self._records = RecordChanges()
        self._modules: tuple[tuple[int, ...], dict[str, ModuleType]] = ((), {})

    def __call__(self) -> Moment:
        taken, events, failures = self._undisturbed()
        changed: dict[str, bytes] = {}
        removed: list[str] = []
        whole: set[str] = set()
        for service, stores in taken.items():
            try:
                found = self._records.changes(service, stores)
                if events is not None and service == log_events.SERVICE:
                    found.changed.update({name: json.dumps(each).encode() for name, each in events.changed.items()})
                    found.removed += events.removed
            except UNTAKEABLE as error:
                failures[service] = str(error) if isinstance(error, UnsavableError) else described(error)
                continue
            changed.update(found.changed)
            removed += found.removed
            if not self._records.knows(service):
                whole.add(service)
            self._records.seen(service, stores)
            if events is not None and service == log_events.SERVICE:
                self._logs.saved(events)
        services = taken.keys() - failures.keys()
        self._records.drop_all_but(services | failures.keys())
        return Moment(changed, removed, whole, services, failures)

    def forget(self) -> None:
        """Hold everything to be changed: what was captured last could not be saved."""
        self._records.forget()
        self._logs.forget()

    def _undisturbed(self) -> tuple[dict[str, dict[str, Taken]], log_events.Events | None, dict[str, str]]:
        """What all services hold, log events apart; and why a service has none that can be saved.

        Some of it is walked in Python (a service's own `get_state` too), where another thread may add to it meanwhile:
        then all is looked at again.
        """
        for attempt in range(_ATTEMPTS):
            try:
                states, events, failures = self._states()
                taken, untakeable = self._records.take(states)
            except RuntimeError as error:
                if isinstance(error, RecursionError) or attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(_PAUSE * (attempt + 1))
                continue
            return taken, events, failures | untakeable
        raise AssertionError("unreachable")

    def _states(self) -> tuple[dict[str, Any], log_events.Events | None, dict[str, str]]:
        """The services' stores themselves, log events apart; and why a service has none that can be saved."""
        states, failures = self._references()
        if log_events.SERVICE not in states:
            return states, None, failures
        try:
            states[log_events.SERVICE], events = self._logs.split(states[log_events.SERVICE])
        except UNTAKEABLE as error:
            failures[log_events.SERVICE] = described(error)
            del states[log_events.SERVICE]
            return states, None, failures
        return states, events, failures

    def _references(self) -> tuple[dict[str, Any], dict[str, str]]:
        found: dict[str, Any] = {}
        failures: dict[str, str] = {}
        self._copy.capture(True)
        try:
            for key, module in self._loaded_modules().items():
                try:
                    state = module.get_state()
                except UNTAKEABLE as error:
                    failures[key] = described(error)
                    continue
                if state:
                    found[key] = state
        finally:
            self._copy.capture(False)
        return found, failures

    def _loaded_modules(self) -> dict[str, ModuleType]:
        """The services' modules, looked up anew where any module has been loaded; each gets our `copy`."""
        known = (len(emulator.SERVICE_HANDLERS), len(emulator.loaded_modules), len(sys.modules))
        if known != self._modules[0]:
            self._modules = (known, service_modules())
        for module in self._modules[1].values():
            if getattr(module, "copy", None) is copy and module.__name__.rpartition(".")[2] not in _COPYING:
                module.copy = self._copy  # type: ignore[attr-defined]
        return self._modules[1]


def restore(documents: Mapping[str, bytes]) -> None:
    """Give every service its records. Before the first request.

    Raises KickstandError where one cannot take its own: a server that starts with half of its records would save that
    half.
    """
    for key, name in served_modules().items():
        try:
            records = saved_records(key, documents)
            if records is not None:
                emulator.get_module(name).load_persisted_state(records)
        except Exception as error:
            _log.exception("the saved records of %s cannot be read", key)
            raise KickstandError(
                Problem(
                    f"The saved records of the service {key} cannot be read: {described(error)}.",
                    f"{key} in the state folder's services",
                    "The server's log has the whole error. Start afresh with: kickstand local reset",
                )
            ) from error
        if name == "s3":
            objects.drop_unknown(records or {})


def saved_records(service: str, documents: Mapping[str, bytes]) -> dict[str, Any] | None:
    """A service's records from all documents of a moment; None where it has none. Raises what damaged ones do."""
    own = {name: document for name, document in documents.items() if service_of(name) == service}
    segments = {name: document for name, document in own.items() if name.startswith(log_events.PREFIX)}
    records = joined({name: document for name, document in own.items() if name not in segments}).get(service)
    if records is not None and service == log_events.SERVICE:
        log_events.join(records, segments)
    return records


def keep_sessions() -> None:
    """Let temporary credentials outlive a restart, as they do at AWS; the emulator drops them."""

    def evict_expired_sessions(_: Any) -> None:
        # ministack walks the sessions in Python, where one that another thread adds is an error. A copy is made without
        # a new object for each, at which the garbage collector could let another thread run.
        now = time.time()
        for key, session in sts.sessions.copy().items():
            expires = session.get("Expiration")
            if isinstance(expires, int | float) and now > expires:
                sts.sessions.pop(key, None)

    def get_state(_: Any) -> dict[str, Any]:
        sts.evict_expired_sessions()
        return {"sessions": sts.sessions}

    def load_persisted_state(_: Any, data: Mapping[str, Any]) -> None:
        sts.sessions.update(data.get("sessions", {}))
        sts.evict_expired_sessions()

    correct(sts.evict_expired_sessions, evict_expired_sessions)
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


_NOBODY = "000000000000"
"""The account of requests that name none: it holds what the emulator makes for itself."""


def used_accounts() -> dict[str, list[str]]:
    """Accounts with records, and in which regions (the records of global services have none)."""
    found: dict[str, set[str]] = {}
    for (account, _), bucket in list(entries(s3.buckets).items()):
        found.setdefault(account, set()).add(bucket.get("region") or "us-east-1")
    for module in service_modules().values():
        for store in list(vars(module).values()):
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
