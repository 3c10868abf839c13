"""A DeploymentConfig: what SageMaker refuses of it, and the course that it asks for.

botocore checks required members, types and minima on the client, and no maxima and enumerations: those of single
members are checked with the request (`service_model.check_request`), all that takes two members or the instances here.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.sagemaker.api.call import ServiceError, validation_error
from localcloud.state import ONE_INSTANCE_STEP, stands_at

Kind = Literal["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]
Size = Mapping[str, Any]
"""A CapacitySize: Type (INSTANCE_COUNT, CAPACITY_PERCENT) and Value."""
Variant = Mapping[str, Any]

DEFAULT_QUOTA = 20
"""Instances of one type on all endpoints of an account and region, as Service Quotas shows it here."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The course of a deployment.

    step:             of a canary, a linear step or a rolling batch; None for all at once.
    wait:             seconds of the bake after each step but the last of a blue/green one.
    termination_wait: seconds of the bake with all traffic on the new fleet (blue/green).
    rollback_step:    of a rolling update that goes back; None for the whole old fleet at once.
    longest:          seconds after which it goes back; None for no limit.
    alarms:           names of those that end a bake.
    excluded:         an endpoint that the guardrails leave out: all at once without a bake and without deployment
                      events, whatever was asked for. AWS says nothing of it to who asks.
    """

    kind: Kind = "ALL_AT_ONCE"
    step: Size | None = None
    wait: int = 0
    termination_wait: int = 0
    rollback_step: Size | None = None
    longest: int | None = None
    alarms: tuple[str, ...] = ()
    excluded: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any] | None, variants: Sequence[Variant]) -> Policy:
        """The course of a DeploymentConfig for these production variants; all at once without a bake for none."""
        config = config or {}
        rolling = config.get("RollingUpdatePolicy")
        if any(str(each.get("InstanceType")).startswith("ml.inf1.") for each in variants):
            return cls(excluded=True)
        if rolling and len(variants) > 1:
            return cls(excluded=True)
        rollback = config.get("AutoRollbackConfiguration") or {}
        alarms = tuple(each["AlarmName"] for each in rollback.get("Alarms") or () if each.get("AlarmName"))
        if rolling:
            return cls(
                "ROLLING",
                rolling["MaximumBatchSize"],
                rolling["WaitIntervalInSeconds"],
                rollback_step=rolling.get("RollbackMaximumBatchSize"),
                longest=rolling.get("MaximumExecutionTimeoutInSeconds"),
                alarms=alarms,
            )
        blue_green = config.get("BlueGreenUpdatePolicy") or {}
        routing = blue_green.get("TrafficRoutingConfiguration") or {}
        return cls(
            routing.get("Type", "ALL_AT_ONCE"),
            routing.get("CanarySize") or routing.get("LinearStepSize"),
            routing.get("WaitIntervalInSeconds", 0),
            blue_green.get("TerminationWaitInSeconds") or 0,
            longest=blue_green.get("MaximumExecutionTimeoutInSeconds"),
            alarms=alarms,
        )


def instances_of(size: Size | None, capacity: int) -> int:
    """A step's instances of a fleet or variant of `capacity`; all of them for no step.

    A percentage is rounded down, to one at least: AWS says neither, and this way a step is never larger than asked.
    """
    if size is None:
        return capacity
    count = size["Value"] if size["Type"] == "INSTANCE_COUNT" else capacity * size["Value"] // 100
    return min(max(1, int(count)), capacity)


def check_deployment_config(
    config: Mapping[str, Any] | None,
    variants: Sequence[Variant],
    counts: Mapping[str, int],
    before: Iterable[str] | None = None,
) -> None:
    """Refuse a deployment that SageMaker would refuse. Raises ServiceError.

    variants: the production variants that are deployed, counts: their instances; before: the names of those that serve
    now, None at a creation, where the DeploymentConfig does nothing and is stored.
    """
    if not config:
        return
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise validation_error("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    names = [str(each["VariantName"]) for each in variants]
    if (blue_green or rolling) and before is not None and sorted(before) != sorted(names):
        raise validation_error(
            "A DeploymentConfig requires the endpoint configuration to have the same production variants as the "
            f"endpoint: expected {', '.join(sorted(before))}, found {', '.join(sorted(names))}."
        )
    if blue_green:
        _check_routing(blue_green["TrafficRoutingConfiguration"], counts)
    if rolling and len(variants) == 1:
        _check_size("RollingUpdatePolicy.MaximumBatchSize", rolling["MaximumBatchSize"], 5, 50, counts)
        if rollback := rolling.get("RollbackMaximumBatchSize"):
            _check_size("RollingUpdatePolicy.RollbackMaximumBatchSize", rollback, 5, 100, counts)


def _check_routing(routing: Mapping[str, Any], counts: Mapping[str, int]) -> None:
    kind = routing["Type"]
    canary, linear = routing.get("CanarySize"), routing.get("LinearStepSize")
    if kind == "ALL_AT_ONCE" and (canary or linear):
        raise validation_error("CanarySize and LinearStepSize cannot be specified for traffic routing ALL_AT_ONCE.")
    if kind == "CANARY":
        if not canary or linear:
            raise validation_error("Traffic routing CANARY takes CanarySize and no LinearStepSize.")
        _check_size("CanarySize", canary, 1, 50, counts)
    if kind == "LINEAR":
        if not linear or canary:
            raise validation_error("Traffic routing LINEAR takes LinearStepSize and no CanarySize.")
        _check_size("LinearStepSize", linear, 10, 50, counts)


def _check_size(name: str, size: Size, low: int, high: int, counts: Mapping[str, int]) -> None:
    """Refuse a step outside of `low` to `high` percent. Percentages are of the new fleet's instances."""
    if size["Type"] == "CAPACITY_PERCENT" and not low <= size["Value"] <= high:
        raise validation_error(f"{name} must be between {low} and {high} percent of the capacity.")
    for variant, count in counts.items():
        if count == 1 and high < 100:
            if stands_at(ONE_INSTANCE_STEP) == "refused":
                raise validation_error(
                    f"{name} requires at least 2 instances: production variant {variant} has 1, of which a step of at "
                    f"most {high} percent is none."
                )
        elif size["Type"] == "INSTANCE_COUNT" and not low * count <= size["Value"] * 100 <= high * count:
            raise validation_error(
                f"{name} must be between {low} and {high} percent of the {count} instances of production variant "
                f"{variant}, found {size['Value']}."
            )


def check_quota(used: Mapping[str, int], more: Mapping[str, int]) -> None:
    """Refuse instances beyond the account's quota; an update needs both fleets at once. Both by instance type.

    Raises ServiceError (ResourceLimitExceeded).
    """
    for instance_type, delta in more.items():
        present = used.get(instance_type, 0)
        if present + delta > DEFAULT_QUOTA:
            raise ServiceError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{instance_type} for endpoint usage' is {DEFAULT_QUOTA} Instances, "
                f"with current utilization of {present} Instances and a request delta of {delta} Instances. Please use "
                "AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, "
                "contact AWS support to request an increase for this quota.",
            )
