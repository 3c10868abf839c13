"""Application Auto Scaling over a control plane in memory: alarms that the test sets off, a clock that it moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import SCOPE, Fakes, Plane, Rows, make_plane

from localcloud.autoscaling.operations import Operations
from localcloud.autoscaling.records import TABLES, Records
from localcloud.autoscaling.scaler import Scaler
from localcloud.autoscaling.service import HostedVariants
from localcloud.clock import Clock
from localcloud.sagemaker.api.call import Caller, Scope, ServiceError

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/ep/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
INVOCATIONS = {
    "TargetValue": 100.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}


@dataclass(frozen=True, slots=True)
class Hand(Clock):
    """A clock that the test moves, at AWS's own pace."""

    place: list[float] = field(default_factory=lambda: [1_780_000_000.0])

    def now(self) -> float:
        return self.place[0]

    def move(self, seconds: float) -> None:
        self.place[0] += seconds


@dataclass
class Alarms:
    """CloudWatch's alarms as policies put them; `values` and `ringing` are what the test says."""

    put_requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    ringing: set[str] = field(default_factory=set)

    def put(self, scope: Scope, request: Mapping[str, Any]) -> dict[str, Any]:
        name = str(request["AlarmName"])
        self.put_requests[name] = dict(request)
        return {"AlarmName": name, "AlarmArn": scope.service_arn("cloudwatch", f"alarm:{name}")}

    def delete(self, scope: Scope, name: str) -> None:
        del self.put_requests[name]

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name in self.ringing)

    def recent(self, scope: Scope, name: str) -> list[float]:
        return self.values.get(name, [])


@dataclass
class Roles:
    """Service-linked roles that were made."""

    made: list[str] = field(default_factory=list)

    def ensure(self, scope: Scope, service: str, caller: Caller) -> str:
        if service not in self.made:
            caller.require("iam:CreateServiceLinkedRole", service)
            self.made.append(service)
        return f"arn:aws:iam::{scope.account}:role/aws-service-role/{service}/role"


@dataclass
class ScaledPlane:
    """`scaled("PutScalingPolicy", …)` calls an operation on the endpoint `ep`."""

    plane: Plane
    operations: Operations
    scaler: Scaler
    alarms: Alarms
    clock: Hand
    roles: Roles
    changes: list[Callable[[], None]]

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        named = {} if operation.startswith(("Describe", "Tag", "Untag", "List")) else TARGET
        return self.operations.perform(operation, SCOPE, {**named, **request}, self.plane.fakes)

    def refused(self, operation: str, **request: Any) -> str:
        with pytest.raises(ServiceError) as caught:
            self(operation, **request)
        return f"{caught.value.code}: {caught.value.message}"

    def end_changes(self) -> None:
        """Let the changes that were begun end."""
        self.plane.endpoint()
        while self.changes:
            self.changes.pop(0)()

    def policy(self, name: str = "load", config: Mapping[str, Any] = INVOCATIONS) -> tuple[str, str, str]:
        """Put a policy; its ARN and its High and Low alarms' names."""
        made = self(
            "PutScalingPolicy",
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=dict(config),
        )
        high, low = (alarm["AlarmName"] for alarm in made["Alarms"])
        return made["PolicyARN"], high, low

    def ring(self, alarm: str, *values: float) -> None:
        """Put an alarm in ALARM with these data points, and let a minute pass."""
        self.alarms.ringing, self.alarms.values[alarm] = {alarm}, [*values]
        self.minute()

    def minute(self) -> None:
        self.clock.move(60)
        self.scaler.minute()
        self.end_changes()

    def count(self) -> int:
        (variant,) = self.plane("DescribeEndpoint", EndpointName="ep")["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    def activities(self, **more: Any) -> list[dict[str, Any]]:
        """The newest first."""
        found: list[dict[str, Any]] = self("DescribeScalingActivities", ServiceNamespace="sagemaker", **more)[
            "ScalingActivities"
        ]
        return found


def make_scaled(folder: Path, *, least: int = 1, most: int = 8, instances: int = 1) -> ScaledPlane:
    """An endpoint `ep` of so many instances, registered between two bounds."""
    plane = make_plane(folder, Fakes())
    clock, alarms, roles, changes = Hand(), Alarms(), Roles(), []  # type: Hand, Alarms, Roles, list[Callable[[], None]]
    records, variants = Records({name: Rows() for name in TABLES}), HostedVariants(plane.control)
    scaler = Scaler(records, variants, alarms, clock, background=changes.append)
    operations = Operations(records, variants, alarms, scaler, roles, clock)
    plane.control.endpoints.scaled = operations
    plane.host("c1", ("AllTraffic", "one.tar.gz", 1.0), instances=instances)
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="c1")
    plane.endpoint()
    made = ScaledPlane(plane, operations, scaler, alarms, clock, roles, changes)
    made("RegisterScalableTarget", MinCapacity=least, MaxCapacity=most)
    made.end_changes()
    return made
