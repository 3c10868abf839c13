"""What SageMaker remembers: one table a kind, each record under account, region and name.

A record is a plain dict, shaped as the operation that describes it answers, plus private fields (`_…`) which the
output shape does not have and which therefore never leave the server. Records are replaced, never changed in place:
the state is saved from another thread, and a reader sees a record as it was or as it is, not half of each.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from localcloud.sagemaker.scope import Scope

Record = dict[str, Any]


class ScopedStore(Protocol):
    """What the emulator keeps by (account, region, key) and saves; its AccountRegionScopedDict."""

    def get_scoped(self, account_id: str, region: str, key: Any, default: Any = None) -> Any: ...
    def set_scoped(self, account_id: str, region: str, key: Any, value: Any) -> None: ...
    def pop_scoped(self, account_id: str, region: str, key: Any, *default: Any) -> Any: ...
    def items_scoped(self, account_id: str, region: str) -> Iterable[tuple[Any, Any]]: ...
    def all_items(self) -> Iterable[tuple[Any, Any]]: ...


class Table:
    """The records of one kind. Names are unique without regard to case, as in SageMaker."""

    def __init__(self, rows: ScopedStore, lock: threading.RLock) -> None:
        self._rows = rows
        self._lock = lock

    def get(self, scope: Scope, name: str) -> Record | None:
        found: Record | None = self._rows.get_scoped(scope.account, scope.region, name.lower())
        return found

    def put(self, scope: Scope, name: str, record: Mapping[str, Any]) -> None:
        with self._lock:
            self._rows.set_scoped(scope.account, scope.region, name.lower(), dict(record))

    def change(self, scope: Scope, name: str, **fields: Any) -> Record | None:
        """The record with these fields replaced; None where there is no such record any more."""
        with self._lock:
            record = self.get(scope, name)
            if record is None:
                return None
            changed = {**record, **fields}
            self.put(scope, name, changed)
            return changed

    def remove(self, scope: Scope, name: str) -> Record | None:
        with self._lock:
            removed: Record | None = self._rows.pop_scoped(scope.account, scope.region, name.lower(), None)
            return removed

    def all(self, scope: Scope) -> list[Record]:
        return [record for _, record in self._rows.items_scoped(scope.account, scope.region)]

    def everywhere(self) -> list[tuple[Scope, Record]]:
        """Every record of every account and region, for work after a restart."""
        return [(Scope(key[0], key[1]), record) for key, record in self._rows.all_items()]


TABLES = (
    "training_jobs",
    "models",
    "endpoint_configs",
    "endpoints",
    "model_package_groups",
    "model_packages",
    "tags",
    "transform_jobs",
)


class Stores:
    """All tables of the service, under one lock.

    rows: the emulator's stores by the names of TABLES, which the server saves and loads.
    """

    def __init__(self, rows: Mapping[str, ScopedStore]) -> None:
        self.lock = threading.RLock()
        self.training_jobs = Table(rows["training_jobs"], self.lock)
        self.models = Table(rows["models"], self.lock)
        self.endpoint_configs = Table(rows["endpoint_configs"], self.lock)
        self.endpoints = Table(rows["endpoints"], self.lock)
        self.model_package_groups = Table(rows["model_package_groups"], self.lock)
        self.model_packages = Table(rows["model_packages"], self.lock)
        self.tags = Table(rows["tags"], self.lock)
        self.transform_jobs = Table(rows["transform_jobs"], self.lock)
