"""What Application Auto Scaling remembers: targets, policies, scheduled actions and activities; and what it scales.

Names and messages are AWS's where they are known:
https://docs.aws.amazon.com/autoscaling/application/APIReference/
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.sagemaker.api.call import NOT_SUPPORTED, Scope, ServiceError, validation_error
from localcloud.sagemaker.store import Record, ScopedStore, Table

NAMESPACE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
TABLES = ("targets", "policies", "scheduled", "activities")
KEPT_SECONDS = 42 * 86400.0
"""Of an activity: six weeks."""
_MOST_ACTIVITIES = 1000


@dataclass(frozen=True, slots=True)
class TargetId:
    """One endpoint's variant as a scalable target."""

    endpoint: str
    variant: str

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> TargetId:
        """Of a request's ServiceNamespace, ResourceId and ScalableDimension. Raises ServiceError."""
        namespace, dimension = members["ServiceNamespace"], members["ScalableDimension"]
        if namespace != NAMESPACE or dimension != DIMENSION:
            raise validation_error(f"{dimension} of {namespace} is {NOT_SUPPORTED}: it knows {DIMENSION}.")
        parts = str(members["ResourceId"]).split("/")
        if len(parts) != 4 or (parts[0], parts[2]) != ("endpoint", "variant") or not all(parts):
            raise validation_error(f"Unsupported resource ID: {members['ResourceId']}")
        return cls(parts[1], parts[3])

    @property
    def resource(self) -> str:
        return f"endpoint/{self.endpoint}/variant/{self.variant}"

    @property
    def members(self) -> dict[str, str]:
        """The three that name it in requests and answers."""
        return {"ServiceNamespace": NAMESPACE, "ResourceId": self.resource, "ScalableDimension": DIMENSION}

    def missing(self, what: str = "No scalable target found") -> ServiceError:
        """What an operation on a target that is not registered answers."""
        return ServiceError(
            "ObjectNotFoundException",
            f"{what} for service namespace: {NAMESPACE}, resource ID: {self.resource}, scalable dimension: {DIMENSION}",
        )

    def key(self, name: str = "") -> str:
        """Under which a target is kept, or something of it by its name, whose case counts."""
        return f"{self.resource}|{name.encode().hex()}"


@dataclass(frozen=True, slots=True)
class Capacity:
    """The instances of a variant. settled: whether nothing is in progress on its endpoint, which serves."""

    desired: int
    current: int
    settled: bool


class Variants(Protocol):
    """The endpoints of SageMaker, as Application Auto Scaling works on them in its own name."""

    def capacity(self, scope: Scope, target: TargetId) -> Capacity | None:
        """None where there is no such endpoint or variant."""

    def burstable(self, scope: Scope, target: TargetId) -> bool:
        """Whether its instances are of a type that cannot scale."""

    def change(self, scope: Scope, target: TargetId, count: int) -> None:
        """Begin to bring a variant to so many instances. Raises ServiceError."""

    def settled(self, scope: Scope, target: TargetId) -> Capacity | None:
        """The capacity once nothing is in progress. Blocks."""


class Records:
    """The four tables. rows: the emulator's stores by the names of TABLES."""

    def __init__(self, rows: Mapping[str, ScopedStore]) -> None:
        self.lock = threading.RLock()
        tables = {name: Table(table, self.lock) for name, table in rows.items()}
        self.targets, self.policies = tables["targets"], tables["policies"]
        self.scheduled, self.activities = tables["scheduled"], tables["activities"]

    def target(self, scope: Scope, target: TargetId) -> Record:
        """A target's record. Raises ServiceError where it is not registered."""
        found = self.targets.get(scope, target.key())
        if found is None:
            raise target.missing()
        return found

    def of(self, table: Table, scope: Scope, target: TargetId) -> list[Record]:
        """The records of one target, oldest first."""
        own = target.resource.lower()
        found = [record for record in table.all(scope) if record["ResourceId"].lower() == own]
        return sorted(
            found, key=lambda record: float(record["CreationTime" if "CreationTime" in record else "StartTime"])
        )

    def begin(self, scope: Scope, target: TargetId, now: float, **members: Any) -> str:
        """A new activity; its id. The oldest go where there are too many, or after six weeks."""
        name = str(uuid.uuid4())
        self.activities.put(scope, name, {"ActivityId": name, **target.members, "StartTime": now, **members})
        every = sorted(self.activities.all(scope), key=lambda record: float(record["StartTime"]))
        for record in every[:-_MOST_ACTIVITIES] + [one for one in every if one["StartTime"] < now - KEPT_SECONDS]:
            self.activities.remove(scope, record["ActivityId"])
        return name


def page_of(records: Iterable[Record], request: Mapping[str, Any], answer: str, *, size: int = 50) -> dict[str, Any]:
    """One page of a list. Raises ServiceError for a token that is none."""
    chosen, token = [*records], request.get("NextToken")
    try:
        start = int(token) if token else 0
    except ValueError:
        raise ServiceError("InvalidNextTokenException", "The next token is invalid.") from None
    end = start + min(request.get("MaxResults") or size, size)
    page: dict[str, Any] = {answer: chosen[start:end]}
    return {**page, "NextToken": str(end)} if end < len(chosen) else page


def require_bounds(least: int, most: int) -> None:
    """Raises ServiceError for bounds that no variant can have."""
    if least < 1:
        raise validation_error(
            f"Minimum capacity must be at least 1 for a variant of a real-time endpoint, found {least}."
        )
    if most < least:
        raise validation_error(f"Maximum capacity cannot be less than minimum capacity: {most}, {least}.")
