"""The emulator's records as documents of one moment, and back.

Every service module has `get_state` and `load_persisted_state`; the emulator calls the first at an orderly stop. It
copies each store with `copy.deepcopy`, which takes long, runs in Python, and so sees other threads' changes between
two stores. Here the modules hand over references while the capture runs, and one call into C, which no other thread
can interrupt, takes them all: fast enough to ask several times a second, and consistent across services.
"""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import pickle
import sys
import threading
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import ministack.app as emulator
from ministack.core import persistence as format_
from ministack.services import sts

from localcloud.emulator import buckets, log_events
from localcloud.emulator.served import served_modules
from localcloud.persistence import Moment

_log = logging.getLogger("kickstand.persistence")

_COPYING = frozenset({"lambda_svc", "lambda_durable"})
"""Modules whose `get_state` changes what it copied: they must be given real copies."""

_ATTEMPTS = 20


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
    """Takes the records of all services that are loaded. Call it for the moment; None if nothing changed."""

    def __init__(self) -> None:
        self._copy = _CaptureCopy()
        self._logs = log_events.LogSegments()
        self._last = b""
        self._parts: dict[str, bytes] = {}

    def __call__(self) -> Moment | None:
        whole, segments, signatures = self._take()
        digest = hashlib.sha256(whole).digest()
        if digest == self._last:
            return None
        changed = {name: json.dumps(events).encode() for name, events in segments.items()}
        states: dict[str, Any] = pickle.loads(whole)  # noqa: S301 - bytes of this process, made a few lines above
        for service, state in states.items():
            part = hashlib.sha256(pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL)).digest()
            if self._parts.get(service) != part and (document := _document(service, state)) is not None:
                changed[service] = document
                self._parts[service] = part
        self._last = digest
        self._logs.saved(signatures)
        return Moment(changed, {*states, *signatures})

    def forget(self) -> None:
        """Hold everything to be changed: what was captured last could not be saved."""
        self._last = b""
        self._parts = {}
        self._logs.forget()

    def _take(self) -> tuple[bytes, dict[str, list[Any]], dict[str, log_events.Signature]]:
        for attempt in range(_ATTEMPTS):
            try:
                states = self._references()
                segments: dict[str, list[Any]] = {}
                signatures: dict[str, log_events.Signature] = {}
                if log_events.SERVICE in states:
                    logs, segments, signatures = self._logs.split(states[log_events.SERVICE])
                    states[log_events.SERVICE] = logs
                return pickle.dumps(states, protocol=pickle.HIGHEST_PROTOCOL), segments, signatures
            except RuntimeError:
                # A thread added to a dictionary while it was walked in Python.
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.005)
        raise AssertionError("unreachable")

    def _references(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._copy.capture(True)
        try:
            for key, module in service_modules().items():
                if getattr(module, "copy", None) is copy and module.__name__.rpartition(".")[2] not in _COPYING:
                    module.copy = self._copy  # type: ignore[attr-defined]
                state = module.get_state()
                if state:
                    found[key] = state
        finally:
            self._copy.capture(False)
        return found


def restore(documents: Mapping[str, bytes]) -> None:
    """Give every service its records. Before the first request.

    Raises what the service raises: a server that starts with half of its records would save that half.
    """
    for key, name in served_modules().items():
        document = documents.get(key)
        if document is None:
            continue
        records = json.loads(document, object_hook=format_._json_object_hook)["payload"]
        if key == log_events.SERVICE:
            log_events.join(records, documents)
        emulator._get_module(name).load_persisted_state(records)
        if name == "s3":
            buckets.drop_unknown(records)
    if "s3" not in documents:
        buckets.drop_unknown({})


def keep_sessions() -> None:
    """Let temporary credentials outlive a restart, as they do at AWS; the emulator drops them."""

    def get_state() -> dict[str, Any]:
        sts._evict_expired_sessions()
        return {"sessions": sts._sessions}

    def load_persisted_state(data: Mapping[str, Any]) -> None:
        sts._sessions.update(data.get("sessions", {}))
        sts._evict_expired_sessions()

    sts.get_state, sts.load_persisted_state = get_state, load_persisted_state


def service_modules() -> dict[str, ModuleType]:
    """The served services that have been loaded, by the name of their saved state.

    Some are reached by other services alone (log groups of a function), so the table of routed ones is not enough.
    """
    modules = {}
    for key, name in served_modules().items():
        module = emulator._loaded_modules.get(name) or sys.modules.get(f"ministack.services.{name}")
        if isinstance(module, ModuleType) and hasattr(module, "get_state"):
            modules[key] = module
    return modules


def _document(service: str, state: Any) -> bytes | None:
    try:
        return json.dumps(
            {"__ministack_format__": format_._state_format_version(service), "payload": state},
            default=format_._json_default,
        ).encode()
    except TypeError:
        # One service that holds what JSON cannot must not cost the others their save.
        _log.exception("the records of %s cannot be saved", service)
        return None
