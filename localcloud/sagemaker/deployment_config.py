"""The rules of an endpoint's DeploymentConfig. On the laptop every deployment is one switch of all traffic, at once;
what asks for anything else is refused by name.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html and the API reference of
BlueGreenUpdatePolicy, TrafficRoutingConfig, CapacitySize and RollingUpdatePolicy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localcloud.sagemaker.errors import unsupported, validation_error


def check_deployment_config(config: Mapping[str, Any] | None, variants: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a deployment that SageMaker would refuse for these production variants. Raises ServiceError."""
    if not config:
        return
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise validation_error("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    if blue_green:
        _check_routing(blue_green["TrafficRoutingConfiguration"])
    if rolling:
        if len(variants) > 1:
            raise validation_error("RollingUpdatePolicy is not supported for endpoints with several variants.")
        for name in ("MaximumBatchSize", "RollbackMaximumBatchSize"):
            if rolling.get(name):
                _check_size(f"RollingUpdatePolicy.{name}", rolling[name], 5, 100 if name[0] == "R" else 50, variants)
    if blue_green and blue_green["TrafficRoutingConfiguration"]["Type"] != "ALL_AT_ONCE" and len(variants) > 1:
        raise validation_error("Canary and linear traffic shifting are not supported for several variants.")
    for refused in _refusals(config):
        raise unsupported(f"DeploymentConfig with {refused}")


def _refusals(config: Mapping[str, Any]) -> Iterator[str]:
    """What would make a deployment other than one switch of all traffic, at once: a wait, a step, an alarm."""
    blue_green = config.get("BlueGreenUpdatePolicy") or {}
    routing = blue_green.get("TrafficRoutingConfiguration") or {}
    if config.get("RollingUpdatePolicy"):
        yield "RollingUpdatePolicy"
    if routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE":
        yield f"traffic routing {routing['Type']}"
    if routing.get("WaitIntervalInSeconds"):
        yield f"WaitIntervalInSeconds {routing['WaitIntervalInSeconds']}"
    if blue_green.get("TerminationWaitInSeconds"):
        yield f"TerminationWaitInSeconds {blue_green['TerminationWaitInSeconds']}"
    if (config.get("AutoRollbackConfiguration") or {}).get("Alarms"):
        yield "AutoRollbackConfiguration.Alarms"


def _check_routing(routing: Mapping[str, Any]) -> None:
    kind = routing["Type"]
    canary, linear = routing.get("CanarySize"), routing.get("LinearStepSize")
    if kind == "ALL_AT_ONCE" and (canary or linear):
        raise validation_error("CanarySize and LinearStepSize cannot be specified for traffic routing ALL_AT_ONCE.")
    if kind == "CANARY":
        if not canary or linear:
            raise validation_error("Traffic routing CANARY takes CanarySize and no LinearStepSize.")
        _check_size("CanarySize", canary, 1, 50, ())
    if kind == "LINEAR":
        if not linear or canary:
            raise validation_error("Traffic routing LINEAR takes LinearStepSize and no CanarySize.")
        _check_size("LinearStepSize", linear, 10, 50, ())


def _check_size(name: str, size: Mapping[str, Any], low: int, high: int, variants: Sequence[Mapping[str, Any]]) -> None:
    if size["Type"] == "CAPACITY_PERCENT" and not low <= size["Value"] <= high:
        raise validation_error(f"{name} must be between {low} and {high} percent of the capacity.")
    if size["Type"] == "INSTANCE_COUNT" and variants:
        instances = variants[0].get("InitialInstanceCount") or 1
        if size["Value"] > max(1, instances * high // 100):
            raise validation_error(f"{name} must be at most {high} percent of the variant's {instances} instances.")
