"""What SageMaker remembers, one table a kind, each record under account, region and name; and the events of changes."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.api.service_model import operation_output, render
from localcloud.sagemaker.jobs.kind import KINDS, TRAINING, JobKind

Record = dict[str, Any]


class ScopedStore(Protocol):
    """What the emulator keeps by (account, region, key) and saves; its AccountRegionScopedDict."""

    def get_scoped(self, account_id: str, region: str, key: Any, default: Any = None) -> Any: ...
    def set_scoped(self, account_id: str, region: str, key: Any, value: Any) -> None: ...
    def pop_scoped(self, account_id: str, region: str, key: Any, *default: Any) -> Any: ...
    def values_scoped(self, account_id: str, region: str) -> Iterable[Any]: ...
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
        return list(self._rows.values_scoped(scope.account, scope.region))

    def everywhere(self) -> list[tuple[Scope, Record]]:
        """Every record of every account and region, for work after a restart."""
        return [(Scope(key[0], key[1]), record) for key, record in self._rows.all_items()]


TABLES = (
    *(kind.table for kind in KINDS),
    "models",
    "endpoint_configs",
    "endpoints",
    "model_package_groups",
    "model_packages",
    "tags",
)


class Stores:
    """All tables of the service, under one lock.

    rows: the emulator's stores by the names of TABLES, which the server saves and loads.
    """

    def __init__(self, rows: Mapping[str, ScopedStore]) -> None:
        self.lock = threading.RLock()
        self._tables = {name: Table(table, self.lock) for name, table in rows.items()}
        self.training_jobs = self.table(TRAINING.table)
        self.models = self.table("models")
        self.endpoint_configs = self.table("endpoint_configs")
        self.endpoints = self.table("endpoints")
        self.model_package_groups = self.table("model_package_groups")
        self.model_packages = self.table("model_packages")
        self.tags = self.table("tags")

    def table(self, name: str) -> Table:
        """The table of that name."""
        return self._tables[name]


class Bus(Protocol):
    """The default event bus of an account and region."""

    def put(self, scope: Scope, detail_type: str, resource: str, detail: Mapping[str, Any]) -> None: ...


class Events:
    """Says on the bus what happened to a resource: its whole description, times in milliseconds."""

    def __init__(self, bus: Bus | None) -> None:
        self._bus = bus

    def job(self, kind: JobKind, scope: Scope, record: Record) -> None:
        self._put(scope, kind.title.title(), f"Describe{kind.noun}", record[kind.arn], record)

    def endpoint(self, scope: Scope, record: Record) -> None:
        """An endpoint's status has changed."""
        shown = _chosen(record.get("ProductionVariants"), ("DesiredWeight", "DesiredInstanceCount"))
        self._endpoint(scope, record, "Endpoint", {"ProductionVariants": shown})

    def deployment(self, scope: Scope, record: Record) -> None:
        """A step of a deployment to an endpoint, or of a change of its capacity."""
        shown: dict[str, Any] = {"ProductionVariants": _chosen(record.get("ProductionVariants"), _DEPLOYED)}
        if pending := record.get("PendingDeploymentSummary"):
            variants = _chosen(pending["ProductionVariants"], _DEPLOYED)
            shown["PendingDeploymentSummary"] = {**pending, "ProductionVariants": variants}
        self._endpoint(scope, record, "Endpoint Deployment", shown)

    def _endpoint(self, scope: Scope, record: Record, noun: str, shown: Mapping[str, Any]) -> None:
        # The event's status is in upper snake case where the API's is not (IN_SERVICE), with no FailureReason:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
        status = _WORD_ENDS.sub("_", record["EndpointStatus"]).upper()
        members = {name: record[name] for name in _ENDPOINT if record.get(name) is not None}
        detail = {**members, **shown, "EndpointStatus": status}
        self._put(scope, noun, "DescribeEndpoint", record["EndpointArn"], detail, Tags={})

    def model_package(self, scope: Scope, record: Record) -> None:
        self._put(scope, "Model Package", "DescribeModelPackage", record["ModelPackageArn"], record)

    def _put(self, scope: Scope, noun: str, operation: str, arn: str, record: Record, **more: Any) -> None:
        if self._bus is not None:
            detail = in_milliseconds(operation_output(operation), render(operation_output(operation), record))
            self._bus.put(scope, f"SageMaker {noun} State Change", arn, {**detail, **more})


_WORD_ENDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ENDPOINT = ("EndpointName", "EndpointArn", "EndpointConfigName", "CreationTime", "LastModifiedTime")
_DEPLOYED = (
    "VariantName",
    "CurrentWeight",
    "DesiredWeight",
    "CurrentInstanceCount",
    "DesiredInstanceCount",
    "VariantStatus",
)


def _chosen(variants: Iterable[Mapping[str, Any]] | None, members: Iterable[str]) -> list[dict[str, Any]]:
    """These members of each variant, where it has them."""
    return [{name: variant[name] for name in members if name in variant} for variant in variants or ()]


def in_milliseconds(shape: Any, value: Any) -> Any:
    """A rendered answer with its timestamps as whole milliseconds, as events and Step Functions show them."""
    kind = shape.type_name
    if kind == "structure":
        return {name: in_milliseconds(shape.members[name], item) for name, item in value.items()}
    if kind == "list":
        return [in_milliseconds(shape.member, item) for item in value]
    if kind == "timestamp":
        return round(value * 1000)
    return value
